/**
 * Capacity that all callers share, in cumulative scopes: every scope of a target must admit a call. All are asked before
 * any is charged, so a refusal leaves nothing to give back.
 */
import type { ShapingRule } from "../config/snapshot.ts"
import { Backoff } from "./backoff.ts"
import { TokenBucket } from "./token-bucket.ts"

export type BucketName = "request_start" | "input_tokens" | "total_reserved_tokens"

/** What a call asks of shared capacity. */
export interface Demand {
  readonly inputTokens: number
  readonly outputTokens: number
}

/** Why a target cannot take the call now. */
export interface Throttle {
  readonly scope: Scope
  readonly bucket: BucketName
  /** Above 0. */
  readonly waitMs: number
}

/** One provider, model of a provider, or target; the same object for all who share it. */
export class Scope {
  /** The same in every process that has it in its configuration; tells nothing. */
  readonly name: string
  readonly kind: ShapingRule["kind"]
  readonly rateLimited: Backoff | null
  readonly quotaExhausted: Backoff | null
  readonly starts: TokenBucket | null
  readonly input: TokenBucket | null
  readonly total: TokenBucket | null
  /** What this process may use of rates and bursts; 1: all. */
  part = 1
  /** Calls that asked so far. */
  asked = 0

  constructor(name: string, rule: ShapingRule, now: number) {
    this.name = name
    this.kind = rule.kind
    this.rateLimited = rule.rateLimitBackoff === null ? null : new Backoff(rule.rateLimitBackoff)
    this.quotaExhausted = rule.quotaBackoff === null ? null : new Backoff(rule.quotaBackoff)
    this.starts = rule.starts === null ? null : new TokenBucket(rule.starts, now)
    this.input = rule.input === null ? null : new TokenBucket(rule.input, now)
    this.total = rule.total === null ? null : new TokenBucket(rule.total, now)
  }

  get hasBuckets(): boolean {
    return this.starts !== null || this.input !== null || this.total !== null
  }

  /** `isFull`: nobody has taken anything yet. */
  allot(part: number, isFull: boolean, now: number): void {
    this.part = part
    for (const bucket of [this.starts, this.input, this.total]) {
      bucket?.allot(part, now)
      if (isFull) bucket?.fill()
    }
  }
}

/** Null: all scopes have admitted and are charged. Otherwise the longest wait, and nothing is charged. */
export function claim(scopes: readonly Scope[], demand: Demand, now: number): Throttle | null {
  const total = demand.inputTokens + demand.outputTokens
  let longest: Throttle | null = null
  for (const scope of scopes) {
    scope.asked += 1
    longest = longer(longest, scope, "request_start", scope.starts?.waitMs(1, now) ?? 0)
    longest = longer(longest, scope, "input_tokens", scope.input?.waitMs(demand.inputTokens, now) ?? 0)
    longest = longer(longest, scope, "total_reserved_tokens", scope.total?.waitMs(total, now) ?? 0)
  }
  if (longest !== null) return longest
  for (const scope of scopes) {
    scope.starts?.take(1)
    scope.input?.take(demand.inputTokens)
    scope.total?.take(total)
  }
  return null
}

function longer(longest: Throttle | null, scope: Scope, bucket: BucketName, waitMs: number): Throttle | null {
  return waitMs <= (longest?.waitMs ?? 0) ? longest : { scope, bucket, waitMs }
}
