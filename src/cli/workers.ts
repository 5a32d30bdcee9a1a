/** Several processes on one address: starts them, starts those anew that end, and passes on what it is told. */
import type { Config } from "../config/config.ts"
import type { ReloadOutcome } from "../config/reload/reload.ts"
import { controlPath, HELD, METRICS, openControl, RELOAD, reloadAnswer, STATUS } from "../server/control.ts"
import { listeningOn } from "../server/listen-fault.ts"
import { processFiles } from "../server/process-files.ts"
import { addressOf } from "../server/listen-address.ts"
import { prepareStore, takeOver } from "../server/start.ts"
import { systemClock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { HeldLimit } from "../server/held-limits.ts"
import { joinedStatus, type RouterStatus } from "../server/status.ts"
import { joinedPages } from "../server/worker-pages.ts"
import { heldAt, metricsAt, reloadProcess, statusAt } from "./running-router.ts"
import { ALL_ARE_UP, workerEnvironment } from "./worker.ts"
import { givenEnvironment } from "./environment.ts"

export interface WorkersOptions {
  readonly config: Config
  /** The command that starts a worker, as this process was started. */
  readonly command: readonly string[]
  readonly log: Log
  readonly monotonicMs: () => number
}

export interface Workers {
  readonly url: string
  /** Calls in flight are finished first. A second time: they are cut. */
  stop(): void
  reload(): void
  /** The exit code, once all have ended. */
  readonly finished: Promise<number>
}

const FIRST_BACKOFF_MS = 100
const SLOWEST_BACKOFF_MS = 10_000
/** A worker that lived so long did not fail at its start. */
const STEADY_MS = 30_000

type Child = Bun.Subprocess<"pipe", "pipe", "inherit">

class Worker {
  readonly number: number
  process: Child | null = null
  isReady = false
  startedMs = 0
  backoffMs = FIRST_BACKOFF_MS

  constructor(number: number) {
    this.number = number
  }
}

/** Rejects with a sentence when the address is taken or a worker does not come up. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { config, log } = options
  const numbers = Array.from({ length: config.server.workers }, (_, index) => index + 1)
  const { address, url } = reservedAddress(config.server.listen)
  await takeOver(config, numbers, log, systemClock)
  await prepareStore(config, 1, log)
  const crew = new Crew(
    numbers.map((number) => new Worker(number)),
    address,
    options,
  )
  await crew.start()
  const control = await openControl({
    path: controlPath(config.server.usage_db.path),
    answers: {
      [RELOAD]: async () => reloadAnswer(await crew.reloadAndAsk()),
      [STATUS]: () => crew.status(),
      [HELD]: () => crew.held(),
      [METRICS]: async () => ({ text: await crew.metrics() }),
    },
    log,
  })
  return {
    url,
    stop: () => {
      control.close()
      crew.stop()
    },
    reload: () => crew.signal("SIGHUP"),
    finished: crew.finished.promise,
  }
}

class Crew {
  readonly #workers: readonly Worker[]
  readonly #address: string
  readonly #options: WorkersOptions
  readonly finished: PromiseWithResolvers<number> = Promise.withResolvers<number>()
  #isUp = false
  #isStopping = false
  #isForced = false
  #running = 0
  #restarts = 0

  constructor(workers: readonly Worker[], address: string, options: WorkersOptions) {
    this.#workers = workers
    this.#address = address
    this.#options = options
  }

  async start(): Promise<void> {
    try {
      await Promise.all(this.#workers.map((worker) => this.#spawn(worker)))
    } catch (error) {
      this.stop()
      await this.finished.promise
      throw error
    }
    this.#isUp = true
    for (const worker of this.#workers) tellAllAreUp(worker)
  }

  stop(): void {
    this.signal(this.#isStopping ? "SIGKILL" : "SIGTERM")
    this.#isForced = this.#isStopping
    this.#isStopping = true
    if (this.#running === 0) this.finished.resolve(0)
  }

  signal(name: NodeJS.Signals): void {
    for (const { process: child } of this.#workers) child?.kill(name)
  }

  /** All have taken it, or the first reason why one has not. A worker that is on its way up reads the new file anyway. */
  async reloadAndAsk(): Promise<ReloadOutcome> {
    const outcomes = await Promise.all(this.#readySockets().map(reloadProcess))
    const outcome = outcomes.find(({ is }) => is === "refused") ?? outcomes[0]
    if (outcome === undefined) throw new Error("no worker is up")
    return outcome
  }

  async status(): Promise<RouterStatus> {
    return joinedStatus(process.pid, await Promise.all(this.#readySockets().map(statusAt)))
  }

  /** Workers count limits in one store, so each of them knows of all. */
  async held(): Promise<readonly HeldLimit[]> {
    const [first] = this.#readySockets()
    if (first === undefined) throw new Error("no worker is up")
    return await heldAt(first)
  }

  /** A worker that does not answer is left out, and the page says how many are on it. */
  async metrics(): Promise<string> {
    const asked = await Promise.allSettled(this.#readySockets().map(metricsAt))
    const pages = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []))
    const configured = this.#options.config.server.workers
    return joinedPages(pages, { configured, shown: pages.length, restarts: this.#restarts })
  }

  #readySockets(): readonly string[] {
    const ready = this.#workers.filter(({ isReady }) => isReady)
    return ready.map(({ number }) => processFiles(this.#options.config, number).controlPath)
  }

  /** Resolves when it serves. Rejects when it ends before. */
  #spawn(worker: Worker): Promise<void> {
    const { command, monotonicMs } = this.#options
    const [program = "", ...words] = command
    const child = Bun.spawn([program, ...words], {
      env: { ...givenEnvironment(), ...workerEnvironment(worker.number, this.#address) },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    })
    worker.process = child
    worker.startedMs = monotonicMs()
    this.#running += 1
    const ready = Promise.withResolvers<void>()
    void this.#awaitReady(worker, child.stdout, ready.resolve)
    void this.#awaitEnd(worker, child, ready.reject)
    return ready.promise
  }

  async #awaitReady(worker: Worker, channel: ReadableStream<Uint8Array>, isReady: () => void): Promise<void> {
    if ((await firstLine(channel)) === null) return
    worker.isReady = true
    isReady()
    if (this.#isUp) tellAllAreUp(worker)
  }

  async #awaitEnd(worker: Worker, child: Child, fail: (error: Error) => void): Promise<void> {
    const code = await child.exited
    const how = child.signalCode ?? code
    fail(new Error(`worker ${worker.number} ended with ${how} before it served`))
    this.#ended(worker, how)
  }

  #ended(worker: Worker, how: string | number): void {
    const { log, monotonicMs } = this.#options
    worker.process = null
    worker.isReady = false
    this.#running -= 1
    if (this.#isStopping) {
      if (this.#running === 0) this.finished.resolve(this.#isForced ? 1 : 0)
      return
    }
    if (!this.#isUp) return
    if (monotonicMs() - worker.startedMs > STEADY_MS) worker.backoffMs = FIRST_BACKOFF_MS
    const { backoffMs } = worker
    worker.backoffMs = Math.min(backoffMs * 2, SLOWEST_BACKOFF_MS)
    this.#restarts += 1
    log.error("a worker ended; it is started anew", { worker: worker.number, how, after_ms: backoffMs })
    setTimeout(() => {
      if (!this.#isStopping) this.#spawn(worker).catch(() => {})
    }, backoffMs)
  }
}

function tellAllAreUp({ process: child }: Worker): void {
  void child?.stdin.write(ALL_ARE_UP)
  void child?.stdin.flush()
}

/** Null: the channel ended before. Reads on to its end, so that a worker never waits for a reader. */
async function firstLine(channel: ReadableStream<Uint8Array>): Promise<string | null> {
  const reader = channel.getReader()
  const decoder = new TextDecoder()
  let text = ""
  while (!text.includes("\n")) {
    const { done, value } = await reader.read()
    if (done) return null
    text += decoder.decode(value, { stream: true })
  }
  void (async () => {
    while (!(await reader.read()).done);
  })()
  return text
}

/**
 * Bound alone for a moment, since sharing the port would also share it with a stranger; `:0` becomes a port.
 * @throws Error when the address is taken
 */
function reservedAddress(listen: string): { readonly address: string; readonly url: string } {
  const { hostname, port } = addressOf(listen)
  const listener = listeningOn(hostname, port, () => Bun.listen({ hostname, port, socket: { data() {} } }))
  const chosen = listener.port
  listener.stop(true)
  const host = hostname.includes(":") ? `[${hostname}]` : hostname
  return { address: `${host}:${chosen}`, url: `http://${host}:${chosen}` }
}
