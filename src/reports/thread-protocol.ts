/** What is said between the thread of reports and its process. */
import type { CubeAddress } from "../ledger/cube/connection.ts"
import type { Scalar } from "../ledger/database.ts"
import type { Query, Search, UnavailableReason } from "./query.ts"

/** Unix milliseconds; `to` is outside. */
export interface VerifyRange {
  readonly from: number
  readonly to: number
}

export type Work =
  | { readonly is: "query"; readonly queries: readonly Query[] }
  | { readonly is: "search"; readonly search: Search }
  | { readonly is: "rows"; readonly sql: string; readonly parameters: readonly Scalar[] }
  | { readonly is: "verify"; readonly range: VerifyRange }
  /** Merges what there is to merge, folds what rows are gone of, and takes older rows into the cube. */
  | { readonly is: "maintain"; readonly nowMs: number }

export type Request =
  | {
      readonly id: number
      readonly work: Work
      readonly address: CubeAddress
      /** How long the answer may take from now on. */
      readonly deadlineMs: number
    }
  | { readonly abort: number }
  /** The part before was taken: the next one may come. */
  | { readonly more: number }

export type Problem =
  | { readonly is: "refused"; readonly path: string; readonly message: string }
  | { readonly is: "unavailable"; readonly reason: UnavailableReason; readonly message: string }
  | { readonly is: "failed"; readonly message: string }

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly problem: Problem }
  | { readonly id: number; readonly progress: Progress }
  /** Rows of many; the last of them come as `value`. */
  | { readonly id: number; readonly part: readonly unknown[] }

/** How far a long piece of work has come. */
export interface Progress {
  readonly rows: number
  /** Of so many; absent: that is not known before the end. */
  readonly total?: number
  /** Unix milliseconds. */
  readonly untilMs: number
}
