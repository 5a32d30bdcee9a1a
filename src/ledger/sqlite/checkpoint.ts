/**
 * Moves pages from the write-ahead log into the database, on a thread of its own:
 * a checkpoint waits for the disk (fsync), and the event loop must not.
 */
import { canOpen, THREAD_DESCRIPTORS } from "../../system/descriptors.ts"
import type { Log } from "../../system/log.ts"

export interface CheckpointJob {
  readonly path: string
  /** A write-ahead log of more pages than this is started over. */
  readonly restartAbovePages: number
}

type Request = CheckpointJob | "close"
type Report = "ready" | "closed" | { readonly error: string | null }

/** What the thread's global scope offers. */
interface ThreadScope {
  onmessage: (event: { readonly data: Request }) => void
  postMessage(report: Report): void
}

export class Checkpointer {
  readonly #job: CheckpointJob
  readonly #log: Log
  readonly #onBroken: () => void
  readonly #instead: () => void
  #worker: Worker | null = null
  /** The first request is sent when the thread is ready. */
  #isReady = false
  #isBusy = false
  #onClosed: (() => void) | null = null
  #closing: Promise<void> | null = null

  /**
   * `onBroken` is called when no thread can be had: someone else must checkpoint then. `instead` makes one checkpoint in
   * this thread, while the process has no file descriptors for another.
   */
  constructor(job: CheckpointJob, log: Log, onBroken: () => void, instead: () => void) {
    this.#job = job
    this.#log = log
    this.#onBroken = onBroken
    this.#instead = instead
  }

  /** Starts a checkpoint unless one is running. The thread itself starts with the first one that finds room for it. */
  request(): void {
    if (this.#isBusy) return
    if (this.#worker === null && !canOpen(THREAD_DESCRIPTORS)) {
      this.#instead()
      return
    }
    this.#isBusy = true
    if (this.#worker === null) this.#start()
    else this.#send(this.#job)
  }

  /** Resolves when the thread has closed its connection. May be called again. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#isBusy = true
    const worker = this.#worker
    if (worker === null) return
    worker.ref()
    await new Promise<void>((resolve) => {
      this.#onClosed = resolve
      if (this.#isReady) this.#send("close")
    })
    worker.terminate()
  }

  #start(): void {
    // The source of the function, because a compiled binary has no file to start a thread from.
    const source = URL.createObjectURL(new Blob([`(${checkpointThread.toString()})()`], { type: "text/javascript" }))
    const worker = new Worker(source, { smol: true })
    worker.onmessage = (event: MessageEvent<Report>) => this.#heard(event.data)
    worker.onerror = (event) => this.#broke(event.message)
    worker.unref()
    this.#worker = worker
  }

  #send(request: Request): void {
    this.#worker?.postMessage(request)
  }

  #heard(report: Report): void {
    if (report === "ready") {
      this.#isReady = true
      this.#send(this.#onClosed === null ? this.#job : "close")
    } else if (report === "closed") this.#onClosed?.()
    else {
      this.#isBusy = this.#onClosed !== null
      if (report.error !== null) this.#log.warn("a checkpoint of the usage database failed", { error: report.error })
    }
  }

  /** Stays busy for good. */
  #broke(message: string): void {
    if (this.#worker === null) return
    this.#worker = null
    this.#isBusy = true
    this.#log.warn("checkpoints of the usage database run in the main thread", { error: message })
    this.#onClosed?.()
    this.#onBroken()
  }
}

/** Runs in the thread, from its own source text: it can use nothing from this file. */
async function checkpointThread(): Promise<void> {
  const { Database } = await import("bun:sqlite")
  const scope = globalThis as unknown as ThreadScope
  let database: InstanceType<typeof Database> | null = null

  const checkpoint = ({ path, restartAbovePages }: CheckpointJob): void => {
    database ??= new Database(path, { readwrite: true, create: false })
    database.run("PRAGMA busy_timeout=20")
    const passive = database.query<{ log: number }, []>("PRAGMA wal_checkpoint(PASSIVE)").get()
    if ((passive?.log ?? 0) <= restartAbovePages) return
    // Under steady load a passive checkpoint never catches up. This one holds the write lock for the few frames left;
    // the write after it makes this thread wait for the disk when the log starts over, not the next call.
    database.run("PRAGMA wal_checkpoint(RESTART)")
    database.run("INSERT INTO ledger_probe VALUES (3, '') ON CONFLICT DO UPDATE SET probed_at = ''")
  }

  scope.onmessage = ({ data }) => {
    if (data === "close") {
      database?.close()
      scope.postMessage("closed")
      return
    }
    try {
      checkpoint(data)
      scope.postMessage({ error: null })
    } catch (error) {
      // The next request finds the lock free.
      const isLocked = error instanceof Error && "code" in error && error.code === "SQLITE_BUSY"
      scope.postMessage({ error: isLocked ? null : String(error) })
    }
  }
  scope.postMessage("ready")
}
