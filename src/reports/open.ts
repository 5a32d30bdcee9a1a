/** Reports, asked of a thread of their own; and the care for the cube, which the same thread takes. */
import { Worker } from "node:worker_threads"
import type { CubeAddress } from "../ledger/cube/connection.ts"
import type { Scalar } from "../ledger/database.ts"
import type { Clock, Timer } from "../system/clock.ts"
import { canOpen, THREAD_DESCRIPTORS } from "../system/descriptors.ts"
import type { Log } from "../system/log.ts"
import { checkDimension } from "./plan.ts"
import { errorOf } from "./problem.ts"
import {
  type Facet,
  type Found,
  MOST_GROUPS,
  type Reports,
  ReportUnavailable,
  type Rows,
  type Verified,
} from "./query.ts"
import type { Progress, Reply, Request, Work } from "./thread-protocol.ts"

export interface ReportsOptions extends CubeAddress {
  /** The address of a copy of the PostgreSQL database that reports are read from. */
  readonly reportDsn?: string | undefined
  /** How long an answer may take; absent: ten seconds. Recounts have no such limit. */
  readonly deadlineMs?: number | undefined
}

/** Inside the binary, the bundle stands above the folders (see scripts/build.ts). */
const THREAD = import.meta.url.includes("/$bunfs/") ? "./reports/thread.ts" : "./thread.ts"

const DEADLINE_MS = 10_000
const UNLIMITED_MS = 86_400_000
const MOST_WAITING = 64

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
  readonly onProgress: (progress: Progress) => void
  readonly settled: Promise<unknown>
}

/** The thread starts with the first piece of work. */
export class ReportThread implements Reports {
  readonly #options: ReportsOptions
  #worker: Worker | null = null
  readonly #waiting = new Map<number, Waiting>()
  #next = 0
  #isClosed = false

  constructor(options: ReportsOptions) {
    this.#options = options
  }

  async query(query: Parameters<Reports["query"]>[0], signal?: AbortSignal): Promise<Rows> {
    const [rows] = await this.queries([query], signal)
    if (rows === undefined) throw new Error("a query has no answer")
    return rows
  }

  async queries(queries: Parameters<Reports["queries"]>[0], signal?: AbortSignal): Promise<readonly Rows[]> {
    return (await this.#ask({ is: "query", queries }, signal)) as readonly Rows[]
  }

  async search(search: Parameters<Reports["search"]>[0], signal?: AbortSignal): Promise<Found> {
    return (await this.#ask({ is: "search", search }, signal)) as Found
  }

  async facets(question: Parameters<Reports["facets"]>[0], signal?: AbortSignal): Promise<readonly Facet[]> {
    const { dimension, from, to, where = [] } = question
    checkDimension(dimension, "dimension")
    const shape = { zone: "UTC", where, measures: ["calls"], histograms: [], top: MOST_GROUPS } as const
    const { groups } = await this.query({ from, to, by: [dimension], ...shape }, signal)
    return groups.flatMap(({ key, figures }) =>
      key === null ? [] : [{ value: key[0] ?? "", calls: figures.sums.calls ?? 0n }],
    )
  }

  async rows<Row>(sql: string, parameters: readonly Scalar[], signal?: AbortSignal): Promise<readonly Row[] | null> {
    return (await this.#ask({ is: "rows", sql, parameters }, signal)) as readonly Row[] | null
  }

  async verify(
    range: Parameters<Reports["verify"]>[0],
    signal?: AbortSignal,
    onProgress: (progress: Progress) => void = () => {},
  ): Promise<Verified> {
    return (await this.#ask({ is: "verify", range }, signal, UNLIMITED_MS, onProgress)) as Verified
  }

  /** One step of merging, or of taking older rows into the cube. True: there may be more to do. */
  async maintain(
    care: { readonly foldBeforeMs: number | null; readonly nowMs: number },
    onProgress: (progress: Progress) => void,
  ): Promise<boolean> {
    return (await this.#ask({ is: "maintain", ...care }, undefined, UNLIMITED_MS, onProgress)) as boolean
  }

  /** How often the thread was asked something. */
  get asked(): number {
    return this.#next
  }

  get isBusy(): boolean {
    return this.#waiting.size > 0
  }

  /** The thread exists. */
  get isAwake(): boolean {
    return this.#worker !== null
  }

  /** Ends the thread until it is asked again, unless it has work. */
  async rest(): Promise<void> {
    if (this.isBusy) return
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }

  /** Gives up what is asked; a step of merging that has begun is ended, so that no lock is left. */
  async close(): Promise<void> {
    const worker = this.#worker
    this.#isClosed = true
    for (const id of this.#waiting.keys()) worker?.postMessage({ abort: id } satisfies Request)
    await Promise.allSettled([...this.#waiting.values()].map(({ settled }) => settled))
    this.#worker = null
    await worker?.terminate()
  }

  async #ask(
    work: Work,
    signal?: AbortSignal,
    deadlineMs: number = this.#options.deadlineMs ?? DEADLINE_MS,
    onProgress: (progress: Progress) => void = () => {},
  ): Promise<unknown> {
    if (signal?.aborted === true || this.#isClosed)
      throw new ReportUnavailable("aborted", "Nobody waits for this report any more.")
    if (this.#waiting.size >= MOST_WAITING) throw new ReportUnavailable("busy", "Too many reports wait for their turn.")
    const worker = (this.#worker ??= this.#start())
    const id = (this.#next += 1)
    const { path, dsn, reportDsn } = this.#options
    const address = { path, dsn: work.is === "maintain" ? dsn : (reportDsn ?? dsn) }
    const abort = (): void => worker.postMessage({ abort: id } satisfies Request)
    const { promise: settled, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting.set(id, { resolve, reject, onProgress, settled })
    signal?.addEventListener("abort", abort)
    worker.ref()
    worker.postMessage({ id, work, address, deadlineMs } satisfies Request)
    try {
      return await settled
    } finally {
      signal?.removeEventListener("abort", abort)
      this.#waiting.delete(id)
      if (this.#waiting.size === 0) worker.unref()
    }
  }

  /** @throws ReportUnavailable where the process has no file descriptors for a thread */
  #start(): Worker {
    if (!canOpen(THREAD_DESCRIPTORS))
      throw new ReportUnavailable("busy", "The process has no file descriptors left to make a report.")
    const worker = new Worker(new URL(THREAD, import.meta.url))
    worker.on("message", (reply: Reply) => this.#heard(reply))
    const ended = (cause: unknown): void => {
      if (this.#worker !== worker) return
      this.#worker = null
      this.#rejectAll(new ReportUnavailable("lost", "The thread of reports has ended.", { cause }))
    }
    worker.on("error", ended)
    worker.on("exit", ended)
    return worker
  }

  #heard(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id)
    if ("progress" in reply) waiting?.onProgress(reply.progress)
    else if ("problem" in reply) waiting?.reject(errorOf(reply.problem))
    else waiting?.resolve(reply.value)
  }

  #rejectAll(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error)
  }
}

export function openReports(options: ReportsOptions): ReportThread {
  return new ReportThread(options)
}

const CARE_MS = 5000
/** Without commits: rows that routers of an earlier version write are looked for so often. */
const ROUNDS_WITHOUT_COMMITS = 720
/** A thread that was asked nothing for five minutes gives its memory back. */
const IDLE_ROUNDS = 60

export interface CareMeans {
  readonly clock: Clock
  readonly log: Log
  /** How many transactions of calls this process has committed. */
  readonly commits: () => number
}

/** Cares for the cube while a router runs: merges, and takes older rows into it, with a line for each step. */
export function careForCube(thread: ReportThread, { clock, log, commits }: CareMeans): Timer {
  let isBusy = false
  const seen = { commits: -1, asked: 0 }
  let [rounds, idleRounds] = [0, 0]
  const onProgress = ({ rows, total, untilMs }: Progress): void => {
    const until = new Date(untilMs).toISOString()
    log.info("calls from before the reports are taken into them", { rows, total, until })
  }
  const care = async (): Promise<void> => {
    isBusy = true
    try {
      while (await thread.maintain({ foldBeforeMs: null, nowMs: clock.now() }, onProgress));
    } catch (cause) {
      if (!(cause instanceof ReportUnavailable)) log.error("the cube of the reports cannot be merged", { cause })
      else if (cause.reason !== "aborted") log.warn("the cube of the reports is merged later", { cause })
      seen.commits = -1
    } finally {
      isBusy = false
    }
  }
  const round = async (): Promise<void> => {
    if (isBusy) return
    rounds += 1
    if (commits() !== seen.commits || rounds >= ROUNDS_WITHOUT_COMMITS) {
      rounds = 0
      seen.commits = commits()
      await care()
    }
    idleRounds = thread.asked === seen.asked ? idleRounds + 1 : 0
    seen.asked = thread.asked
    if (idleRounds === IDLE_ROUNDS) await thread.rest()
  }
  const timer = clock.every(CARE_MS, () => void round())
  timer.unref()
  return timer
}
