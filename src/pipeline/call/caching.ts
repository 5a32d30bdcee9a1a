/** What the response cache may do for a call, and what it did. */
import type { GroupCache } from "../../config/compile/cache-rule.ts"
import type { Target } from "../../config/snapshot.ts"
import type { Entry } from "../../cache/entry.ts"
import type { Flight } from "../../cache/flights.ts"
import type { UsageRow } from "../../ledger/record.ts"
import type { Copy } from "../../cache/copy.ts"

/** Why a call is not answered from the cache. */
export type BypassReason = Exclude<NonNullable<UsageRow["cache_reason"]>, "cache-hit" | "cache-miss">

/** An answer of the cache, and the target that it came from. */
export interface CacheHit {
  readonly entry: Entry
  readonly target: Target
  readonly ageS: number
}

export class Caching {
  readonly rule: GroupCache
  /** Why the call is not answered from the cache; the first is told. */
  reasons: readonly BypassReason[]
  /** An answer is looked for. */
  readonly looksUp: boolean
  /** The answer may be kept. */
  keeps: boolean
  hit: CacheHit | null = null
  /** Of the call that asks the upstream, while others may wait for its answer; null: it is none. */
  flight: Flight | null = null
  /** What the answer's stream brings; null: nothing of it is to be kept. */
  copy: Copy | null = null

  constructor(rule: GroupCache, reasons: readonly BypassReason[]) {
    this.rule = rule
    this.reasons = reasons
    const [first] = reasons
    // the words of the client are about this call alone: it could be cached, but for them
    this.looksUp = first === undefined || (first === "cache-request-no-store" && reasons.length === 1)
    this.keeps = first === undefined || (first === "cache-request-no-cache" && reasons.length === 1)
  }

  get outcome(): "hit" | "miss" | "bypass" {
    if (this.hit !== null) return "hit"
    return this.reasons.length === 0 ? "miss" : "bypass"
  }

  /** The call is over: what it would have told nobody waits for any more. */
  close(): void {
    this.flight?.end(null)
    this.copy?.drop()
    this.copy = null
  }

  /** The request says something that no key holds. */
  refuseKey(): void {
    this.reasons = [...this.reasons, "cache-request-shape"]
    this.keeps = false
  }
}
