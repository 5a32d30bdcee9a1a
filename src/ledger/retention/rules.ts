/** What a run of retention is told, and what it tells. */
import type { CubeConnection } from "../cube/connection.ts"
import type { DataClass } from "./classes.ts"
import type { JobRow, ResultRow } from "./jobs.ts"

export interface ClassRule {
  readonly dataClass: DataClass
  readonly days: number
  /** Rows of one batch at most. */
  readonly batchSize: number
  /** Sums are recounted from rows before these are deleted. */
  readonly isRecounted: boolean
}

export interface RunRules {
  /** Only counts. */
  readonly isDry: boolean
  /** Those that are deleted, in any order. */
  readonly classes: readonly ClassRule[]
  /** `schedule`, or who asked. */
  readonly askedBy: string
  /** How long the run may take. What is left is for the next one. */
  readonly budgetMs: number
}

export interface RunTools {
  readonly connection: CubeConnection
  /** SQLite, which keeps the space of deleted rows unless it is told to give it back. */
  readonly isFile: boolean
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  /** Rejects with `RunStopped` where the run is to end. */
  readonly pause: (ms: number) => Promise<void>
  /** 20 hexadecimal digits. */
  readonly random: string
  /** How many sums of a range of whole quarters of an hour differ from what its rows add up to. */
  readonly recount: (fromMs: number, toMs: number) => Promise<number>
  readonly onProgress: (told: RunProgress) => void
}

export interface RunProgress {
  readonly table: string
  readonly candidate: number
  readonly deleted: number
  /** The longest that one batch of this run held the write lock. */
  readonly longestLockMs: number
}

export interface RunReport {
  readonly job: JobRow
  readonly results: readonly ResultRow[]
  readonly longestLockMs: number
}
