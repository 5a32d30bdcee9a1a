/**
 * What reports ask of the ledger and what they get: the one interface behind the command line, the API, exports and pages.
 * Every sum comes from the cube (`src/ledger/cube/`) and equals what the detail rows of the same range add up to.
 */
import type { Scalar } from "../ledger/database.ts"

/**
 * What calls are told apart by. Values are texts: `""` where a call has none (no target, no error); `stream` is `true` or
 * `false`; `status` is the code (`429`), `status_class` its class (`4xx`); `cost_unknown` is the reason, `""` where the
 * cost is known or the call used nothing.
 */
export type Dimension = NamedDimension | TagDimension

/** A tag of callers (`callers[].tags`), as it was when the call was made: `tag.team`; `""` where the caller had none. */
export type TagDimension = `tag.${string}`

const TAG = /^tag\.[\w:/-][\w.:/-]{0,63}$/

export function isTag(dimension: string): dimension is TagDimension {
  return TAG.test(dimension)
}

export type NamedDimension =
  | "caller"
  | "token"
  | "user"
  | "project"
  | "environment"
  | "group"
  | "requested_model"
  | "provider"
  | "model"
  | "target_dialect"
  | "client_dialect"
  | "client"
  | "status"
  | "status_class"
  | "error"
  | "blame"
  | "stream"
  | "cache"
  | "usage_source"
  | "strategy"
  | "cost_unknown"

/** Sums. Those that end with `_nano_usd` are money, with `_tokens` tokens, with `_ms` milliseconds; the others count. */
export type Measure =
  | "calls"
  /** Calls that at least one target was asked for. */
  | "sent_calls"
  | "errors"
  | "caller_errors"
  | "operator_errors"
  | "router_errors"
  | "upstream_errors"
  | "attempts"
  /** Calls that were tried at more than one target. */
  | "fallbacks"
  | "fresh_input_tokens"
  | "cached_input_tokens"
  | "cache_write_5m_tokens"
  | "cache_write_1h_tokens"
  | "input_tokens"
  | "output_tokens"
  | "reasoning_tokens"
  | "total_tokens"
  | "input_image_tokens"
  | "input_audio_tokens"
  | "output_image_tokens"
  | "output_audio_tokens"
  | "input_images"
  | "hosted_tool_uses"
  | "input_cost_nano_usd"
  | "cached_input_cost_nano_usd"
  | "cache_write_cost_nano_usd"
  | "output_cost_nano_usd"
  | "image_cost_nano_usd"
  | "hosted_tool_cost_nano_usd"
  | "total_cost_nano_usd"
  | "upstream_reported_cost_nano_usd"
  /** Calls that used something whose cost is not known. */
  | "unknown_cost_calls"
  /** Calls whose usage is an estimate. */
  | "estimated_calls"
  /** Calls that the response cache answered, and those for which it had no answer. */
  | "cache_hits"
  | "cache_misses"
  /** What targets had used for the answers of hits, and what that costs. */
  | "cache_saved_tokens"
  | "cache_saved_nano_usd"
  | "latency_ms"

/**
 * What is spread over calls: `ttfb_ms` is the time to first content, `overhead_ms` the latency without
 * attempts, the upload of the body and queues of limits, `tokens_per_second` output tokens in the time that they took.
 */
export type Histogram = "latency_ms" | "ttfb_ms" | "upstream_ms" | "overhead_ms" | "tokens_per_second"

/** In the query's zone; `15m` are quarters of an hour, weeks begin on Monday. */
export type Slot = "15m" | "hour" | "day" | "week" | "month"

export type Filter =
  /** The value is one of these. */
  | { readonly dimension: Dimension; readonly is: readonly string[] }
  /** The value is none of these. */
  | { readonly dimension: Dimension; readonly not: readonly string[] }
  | { readonly dimension: Dimension; readonly prefix: string }
  /** Of calls that are still there one by one; whole numbers, both ends inclusive. */
  | {
      readonly measure: "latency_ms" | "total_cost_nano_usd" | "attempts" | "total_tokens"
      readonly min?: number
      readonly max?: number
    }

interface Range {
  /** Unix milliseconds: `from` belongs to the range, `to` does not. Where calls were folded, their quarter of an hour decides. */
  readonly from: number
  readonly to: number
  /** All of them hold. */
  readonly where: readonly Filter[]
}

export interface Query extends Range {
  /** An IANA name: `Europe/Berlin`. Decides where slots begin. */
  readonly zone: string
  /** Asks for a series; absent: there is none. */
  readonly slot?: Slot
  /** At most three; empty: totals alone. */
  readonly by: readonly Dimension[]
  /** At least one; groups are sorted by the first, largest first. */
  readonly measures: readonly Measure[]
  readonly histograms: readonly Histogram[]
  /** So many groups are told apart, the others become `other`. Default and most: `MOST_GROUPS`. */
  readonly top?: number
  /** Also the buckets of histograms, for a chart of them. */
  readonly buckets?: boolean
}

export const MOST_GROUPS = 1000

/** Of the calls that have the value. Each value is at most 5 % off. */
export interface Spread {
  readonly count: number
  /** Null: no call has one. */
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly max: number | null
  /** Where `buckets` was asked for: ascending, those with calls; `from` belongs to a bucket, `to` does not. */
  readonly buckets?: readonly { readonly from: number; readonly to: number; readonly count: number }[]
}

export interface Figures {
  /** Exact. Those that were asked for. */
  readonly sums: Readonly<Partial<Record<Measure, bigint>>>
  readonly spreads: Readonly<Partial<Record<Histogram, Spread>>>
}

export interface Group {
  /** A value for each dimension of `by`; null: this is what is left ("Other"). */
  readonly key: readonly string[] | null
  readonly figures: Figures
  /** One for each of `slots`; empty where no series was asked for. */
  readonly series: readonly Figures[]
}

/** Calls of a range of time that reports do not know yet: rows from before the cube are still being taken into it. */
export interface Missing {
  /** Unix milliseconds; `to` does not belong to it. */
  readonly from: number
  readonly to: number
}

export interface Rows {
  /** Of everything in the range that the filters leave: the sum of `groups`. */
  readonly totals: Group
  /** Largest first, "Other" last; empty where `by` is. */
  readonly groups: readonly Group[]
  /** How many groups there are, those in "Other" included. */
  readonly groupCount: number
  /** Where each slot begins, Unix milliseconds, ascending without gaps; the first may begin before `from`. */
  readonly slots: readonly number[]
  /** The part of the range of which calls are missing; absent: none are. */
  readonly missing?: Missing
}

export interface Search extends Range {
  readonly sort: "newest" | "oldest" | "cost" | "latency"
  /** 1 to `MOST_FOUND`. */
  readonly limit: number
  /** Goes on behind this call, as `next` said. */
  readonly after?: Place
}

export const MOST_FOUND = 1000

/** Where a call stands in the order of a search: its time, cost or latency, and its id. */
export interface Place {
  readonly value: number
  readonly requestId: string
}

export interface FoundCall {
  readonly requestId: string
  readonly ts: number
  /** 0 where it is unknown. */
  readonly totalCostNanoUsd: number
  readonly latencyMs: number
}

export interface Found {
  readonly calls: readonly FoundCall[]
  /** Null: these are the last. */
  readonly next: Place | null
  /** As in `Rows`. */
  readonly missing?: Missing
  /** Single calls from before this were deleted by retention, Unix milliseconds. Absent: none of the range were. */
  readonly goneBefore?: number
}

export interface Facet {
  readonly value: string
  readonly calls: bigint
}

/** Where cube and rows differ. */
export interface Difference {
  /** Start of a quarter of an hour, Unix milliseconds. */
  readonly slot: number
  readonly measure: Measure | Histogram
  /** The values of all dimensions, in the order of `DIMENSIONS`. */
  readonly key: readonly string[]
  readonly cube: bigint
  readonly rows: bigint
}

export interface Verified {
  readonly rows: number
  readonly slots: number
  /** The first thousand. */
  readonly differences: readonly Difference[]
  /** What was recounted begins here, Unix milliseconds: rows from before were deleted. Absent: none of the range were. */
  readonly goneBefore?: number
}

/**
 * Answers from a thread of its own. Rejects with a `ReportRefused` where the question is wrong, with a `ReportUnavailable`
 * where it cannot be answered now: the database is locked or lost, the deadline has passed, the signal has aborted.
 */
export interface Reports {
  query(query: Query, signal?: AbortSignal): Promise<Rows>
  /** All from one reading of the cube, and of the same moment; the page's way. At most `MOST_QUERIES`. */
  queries(queries: readonly Query[], signal?: AbortSignal): Promise<readonly Rows[]>
  search(search: Search, signal?: AbortSignal): Promise<Found>
  /** Values of a dimension, most calls first; at most `MOST_GROUPS`. */
  facets(
    question: {
      readonly dimension: Dimension
      readonly from: number
      readonly to: number
      readonly where?: readonly Filter[]
    },
    signal?: AbortSignal,
  ): Promise<readonly Facet[]>
  /** Recounts a range of detail rows; takes about a minute for ten million. `onRows` hears of progress. */
  verify(range: { readonly from: number; readonly to: number }, signal?: AbortSignal): Promise<Verified>
  /**
   * Detail rows, by portable SQL that reads a bounded part of its tables; for sections of this folder, never for texts from
   * outside. Null: the ledger has no such table.
   */
  rows<Row>(sql: string, parameters: readonly Scalar[], signal?: AbortSignal): Promise<readonly Row[] | null>
  close(): Promise<void>
}

export const MOST_QUERIES = 16

/** The question is wrong: a sentence, and where it is wrong (`where[2].dimension`). */
export class ReportRefused extends Error {
  readonly path: string

  constructor(path: string, message: string) {
    super(message)
    this.name = "ReportRefused"
    this.path = path
  }
}

/** `busy`: too many wait already, or the process has no file descriptors left. */
export type UnavailableReason = "locked" | "lost" | "deadline" | "aborted" | "old-schema" | "busy"

/** There is no answer now: a sentence that names the reason. */
export class ReportUnavailable extends Error {
  readonly reason: UnavailableReason

  constructor(reason: UnavailableReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = "ReportUnavailable"
    this.reason = reason
  }
}
