/** What a call holds of its caller's limits, from its head to its end. Filled by `enter` and `reserve`, given back by `closeLease`. */
import type { CompiledLimits, Lease } from "../../governance/state.ts"

/** What a call may use at most, as far as its body tells. */
export interface Estimate {
  readonly inputTokens: number
  /** To be reserved: the cap of one answer times the number of answers. */
  readonly outputTokens: number
  readonly leastOutputTokens: number
  readonly inputNanoUsd: number
  readonly outputNanoUsdPerMillion: number
  /** Of text alone, where nothing else is in the body: what the estimator may learn from. Null: there is something else. */
  readonly textBytes: number | null
  /** The same of a body that holds images beside its text. */
  readonly imageTextBytes: number | null
  /** A stream that outgrows its reservation reserves so many tokens more. */
  readonly stepTokens: number
  /** No model of the group writes more than this. */
  readonly maxOutputTokens: number
  /** The client's cap binds every target, so that no answer should outgrow it. */
  readonly isCapped: boolean
  /** The router must send what was granted as the output cap, if it is less than was asked for. */
  readonly sendsGrant: boolean
}

/** What traffic shaping did to a call; becomes columns of its row. */
export interface Throttling {
  readonly decision: "admitted" | "queued" | "refused"
  readonly scope: string | null
  readonly bucket: string | null
  readonly retryAfterMs: number | null
  readonly queueWaitMs: number
}

/** Of an admission that counts neither tokens nor money. */
export const NO_AMOUNTS = {
  inputTokens: 0,
  outputTokens: 0,
  leastOutputTokens: 0,
  inputNanoUsd: 0,
  outputNanoUsdPerMillion: 0,
} as const

export class Hold {
  readonly limits: CompiledLimits
  /** The call's place among its caller's calls while its body is on its way; null: it holds none, or more than that. */
  entry: Lease | null = null
  /** Null: nothing is reserved yet. */
  lease: Lease | null = null
  /** Null: no limit counts tokens or money. */
  estimate: Estimate | null = null
  /** The output cap of one answer that the router must send, because no more is left; null: the client's own counts. */
  grantedCap: number | null = null
  /** Null: no token bucket was asked. */
  throttling: Throttling | null = null

  constructor(limits: CompiledLimits) {
    this.limits = limits
  }
}
