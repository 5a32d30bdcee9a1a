/** A call that nobody made, as a few facts. `record.ts` makes the rows of it that a real one would have left. */
import type { ErrorCode } from "../errors.ts"
import type { DecisionRows } from "../ledger/decision-record.ts"
import type { ModelPrices } from "../ledger/price.ts"
import type { TraceRow, UpstreamShapeRow } from "../ledger/record.ts"
import type { Reason } from "../reasons.ts"

export interface SampleCaller {
  readonly id: string
  readonly user: string
  readonly project: string
  readonly environment: string
  readonly tokenId: string
  readonly client: string
  /** What it speaks. */
  readonly dialect: string
}

export interface SampleTarget {
  readonly provider: string
  readonly model: string
  readonly dialect: string
  readonly region: string | null
  readonly prices: ModelPrices
  /** Null: it has no prices. */
  readonly pricingSource: string | null
}

export interface SampleFailure {
  /** `error_class` of the attempt. */
  readonly class: string
  readonly reason: Reason
  /** Null: no head came. */
  readonly status: number | null
  /** What the client is told where no other target helps. */
  readonly code: ErrorCode
  readonly retryAfterMs: number | null
}

export interface SampleAttempt {
  readonly target: SampleTarget
  /** Null: it served the call, or the client left meanwhile. */
  readonly failure: SampleFailure | null
  readonly durationMs: number
}

/** Counters that do not overlap; reasoning is a part of the output. */
export interface SampleUsage {
  readonly fresh: number
  readonly cached: number
  readonly written: number
  readonly output: number
  readonly reasoning: number
}

/** What a token bucket of the caller did. */
export interface SampleShaping {
  readonly decision: "queued" | "refused"
  readonly bucket: string
  readonly retryAfterMs: number | null
  readonly waitMs: number | null
}

export interface SampleCall {
  /** Unix milliseconds; whole. */
  readonly ts: number
  /** Tells calls of one millisecond apart: at most 2^53. */
  readonly number: number
  readonly caller: SampleCaller
  /** What the client named. */
  readonly requested: string
  /** Empty: there is none for the caller. */
  readonly group: string
  readonly strategy: string
  readonly stream: boolean
  /** In order; empty where the call was refused. */
  readonly attempts: readonly SampleAttempt[]
  /** Null: nothing was used, or nobody told. */
  readonly usage: SampleUsage | null
  /** Of the last attempt, from its start to first content; null: there was none. */
  readonly firstMs: number | null
  /** What the router itself took. */
  readonly overheadMs: number
  /** Null: the answer was whole. */
  readonly error: ErrorCode | null
  readonly images: number
  readonly quotaState: string | null
  readonly keyState: string | null
  readonly shaping: SampleShaping | null
  readonly trace: readonly TraceRow[]
  readonly upstreamShapes: readonly UpstreamShapeRow[]
  readonly decision: DecisionRows | null
}
