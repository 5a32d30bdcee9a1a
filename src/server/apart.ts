/** Does the work on large requests and answers in a thread, so that all other calls go on. */
import { Worker } from "node:worker_threads"
import { RouterError } from "../errors.ts"
import { errorOf, type Apart, type JobName, type Order, type Result } from "../pipeline/apart/apart.ts"
import type { Timer, Timers } from "../system/clock.ts"
import { canOpen, THREAD_DESCRIPTORS } from "../system/descriptors.ts"
import type { Log } from "../system/log.ts"
import type { Loop } from "../system/loop.ts"
import type { Job, Report } from "./apart-thread.ts"

/** Inside the binary, the bundle stands above the folders (see scripts/build.ts). */
const THREAD = import.meta.url.includes("/$bunfs/") ? "./server/apart-thread.ts" : "./apart-thread.ts"

/** Jobs in the line, and those of one caller among them. */
const MOST_WAITING = 64
const MOST_WAITING_OF_ONE = 8
/** The thread would slow the start down. A job that comes before starts it. */
const START_AFTER_MS = 1000
/** Bytes are copied for the thread in slices of this size. */
const SLICE_BYTES = 1 << 22

interface Waiting {
  readonly owner: string
  readonly name: JobName
  readonly pieces: readonly Uint8Array[]
  readonly order: Order<JobName>
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

export class ApartThread implements Apart {
  readonly #loop: Pick<Loop, "turn">
  readonly #log: Log
  readonly #open: () => Worker | null
  readonly #line: Waiting[] = []
  readonly #starting: Timer
  #current: Waiting | null = null
  #thread: Worker | null = null

  /** `open` starts a thread; null: it cannot be had now. */
  constructor(loop: Pick<Loop, "turn">, clock: Timers, log: Log, open: () => Worker | null = openThread) {
    this.#loop = loop
    this.#log = log
    this.#open = open
    this.#starting = clock.after(START_AFTER_MS, () => this.#start())
    this.#starting.unref()
  }

  /** As `Apart` says. */
  run<Name extends JobName>(
    name: Name,
    owner: string,
    pieces: readonly Uint8Array[],
    order: Order<Name>,
  ): Promise<Result<Name>> {
    const ofOne = this.#line.reduce((count, job) => (job.owner === owner ? count + 1 : count), 0)
    if (this.#line.length >= MOST_WAITING || ofOne >= MOST_WAITING_OF_ONE) return Promise.reject(tooMuch())
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#line.push({ owner, name, pieces, order, resolve, reject })
    if (this.#current === null) void this.#next()
    return promise as Promise<Result<Name>>
  }

  close(): void {
    this.#starting.close()
    const thread = this.#thread
    this.#thread = null
    void thread?.terminate()
    for (const job of [this.#current, ...this.#line.splice(0)]) job?.reject(new RouterError("shutting-down"))
    this.#current = null
  }

  /** A thread that cannot be had now is tried again by the next job. */
  #start(): void {
    const thread = this.#thread === null ? this.#open() : null
    if (thread === null) return
    thread.unref()
    thread.on("message", (report: Report) => this.#heard(report))
    thread.on("error", (error) => this.#lost(thread, String(error)))
    thread.on("exit", () => this.#lost(thread, "it has ended"))
    this.#thread = thread
  }

  async #next(): Promise<void> {
    const job = this.#line.shift()
    if (job === undefined) return
    this.#current = job
    try {
      this.#start()
      const bytes = await this.#copied(job.pieces)
      // closed, or lost, meanwhile
      if (this.#current !== job) return
      if (this.#thread === null) throw tooMuch()
      const message: Job = { name: job.name, bytes, order: job.order }
      this.#thread.postMessage(message, [bytes.buffer])
    } catch (error) {
      this.#end((one) => one.reject(error))
    }
  }

  /** The caller goes on with its own. */
  async #copied(pieces: readonly Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
    const copy = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
    let at = 0
    for (const piece of pieces) {
      for (let from = 0; from < piece.length; from += SLICE_BYTES) {
        const slice = piece.subarray(from, from + SLICE_BYTES)
        copy.set(slice, at)
        at += slice.length
        if (slice.length === SLICE_BYTES) await this.#loop.turn()
      }
    }
    return copy
  }

  #heard(report: Report): void {
    this.#end((job) => {
      if (report.is === "done") job.resolve(report.result)
      else if (report.is === "refused") job.reject(errorOf(report.error))
      else job.reject(failure(report))
    })
  }

  #end(tell: (job: Waiting) => void): void {
    const job = this.#current
    this.#current = null
    if (job !== null) tell(job)
    void this.#next()
  }

  #lost(thread: Worker, message: string): void {
    if (this.#thread !== thread) return
    this.#thread = null
    this.#log.error("the thread for large bodies was lost", { error: message })
    this.#end((job) => job.reject(new Error(message)))
  }
}

/** The thread that does the work; null where the process may open no more files. */
export function openThread(): Worker | null {
  return canOpen(THREAD_DESCRIPTORS) ? new Worker(new URL(THREAD, import.meta.url)) : null
}

function failure({ message, stack }: Extract<Report, { is: "failed" }>): Error {
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}

function tooMuch(): RouterError {
  return new RouterError("overloaded", { message: "Too much work on large bodies waits." })
}
