/**
 * Moves pages from the write-ahead log into the database, on a thread of its own:
 * a checkpoint waits for the disk (fsync), and the event loop must not.
 */
import type { Log } from "../system/log.ts"

interface Request {
  /** Null: close the connection. */
  readonly path: string | null
}

type Report = "ready" | "closed" | { readonly error: string | null }

/** What the thread's global scope offers. */
interface ThreadScope {
  onmessage: (event: { readonly data: Request }) => void
  postMessage(report: Report): void
}

export class Checkpointer {
  readonly #path: string
  readonly #log: Log
  readonly #onBroken: () => void
  #worker: Worker | null = null
  #isBusy = false
  #isBroken = false
  #onClosed: (() => void) | null = null

  /** `onBroken` is called when no thread can be had: someone else must checkpoint then. */
  constructor(path: string, log: Log, onBroken: () => void) {
    this.#path = path
    this.#log = log
    this.#onBroken = onBroken
  }

  /** Starts a checkpoint unless one is running. The thread itself starts with the first one. */
  request(): void {
    if (this.#isBusy || this.#isBroken) return
    this.#isBusy = true
    if (this.#worker === null) this.#start()
    else this.#worker.postMessage({ path: this.#path } satisfies Request)
  }

  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    this.#isBusy = true
    if (worker === null || this.#isBroken) return
    const closed = new Promise<void>((resolve) => {
      this.#onClosed = resolve
    })
    worker.postMessage({ path: null } satisfies Request)
    await closed
    worker.terminate()
  }

  #start(): void {
    // The source of the function, because a compiled binary has no file to start a thread from.
    const source = new Blob([`(${checkpointThread.toString()})()`], { type: "text/javascript" })
    const worker = new Worker(URL.createObjectURL(source), { smol: true })
    worker.onmessage = (event: MessageEvent<Report>) => this.#heard(event.data)
    worker.onerror = (event) => this.#broke(event.message)
    worker.unref()
    this.#worker = worker
  }

  #heard(report: Report): void {
    if (report === "ready") this.#worker?.postMessage({ path: this.#path } satisfies Request)
    else if (report === "closed") this.#onClosed?.()
    else {
      this.#isBusy = this.#worker === null
      if (report.error !== null) this.#log.warn("a checkpoint of the usage database failed", { error: report.error })
    }
  }

  #broke(message: string): void {
    if (this.#isBroken) return
    this.#isBroken = true
    this.#log.warn("checkpoints of the usage database run in the main thread", { error: message })
    this.#onClosed?.()
    this.#onBroken()
  }
}

/** Runs in the thread, from its own source text: it can use nothing from this file. */
async function checkpointThread(): Promise<void> {
  const { Database } = await import("bun:sqlite")
  const scope = globalThis as unknown as ThreadScope
  const restartAboveFrames = 12000
  let database: InstanceType<typeof Database> | null = null

  const checkpoint = (path: string): void => {
    database ??= new Database(path, { readwrite: true, create: false })
    database.run("PRAGMA busy_timeout=20")
    const passive = database.query<{ log: number }, []>("PRAGMA wal_checkpoint(PASSIVE)").get()
    if ((passive?.log ?? 0) < restartAboveFrames) return
    // Under steady load a passive checkpoint never catches up. This one holds the write lock for the few frames left;
    // the write after it makes this thread wait for the disk when the log starts over, not the next call.
    database.run("PRAGMA wal_checkpoint(RESTART)")
    database.run("INSERT INTO ledger_probe VALUES (3, '') ON CONFLICT DO UPDATE SET probed_at = ''")
  }

  scope.onmessage = ({ data }) => {
    if (data.path === null) {
      database?.close()
      scope.postMessage("closed")
      return
    }
    try {
      checkpoint(data.path)
      scope.postMessage({ error: null })
    } catch (error) {
      scope.postMessage({ error: String(error) })
    }
  }
  scope.postMessage("ready")
}
