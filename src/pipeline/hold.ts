/** What a call holds of its caller's limits, from its head to its end. Filled by `enter` and `reserve`, given back by `closeLease`. */
import type { CompiledLimits, Lease } from "../governance/state.ts"
import type { Estimate } from "./estimate.ts"

/** What traffic shaping did to a call; becomes columns of its row. */
export interface Throttling {
  readonly decision: "admitted" | "queued" | "refused"
  readonly scope: string | null
  readonly bucket: string | null
  readonly retryAfterMs: number | null
  readonly queueWaitMs: number
}

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
