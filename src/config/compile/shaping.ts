/** `traffic_shape` blocks of provider, model and target, and the breaker, as the rules that a target is held to. */
import type { BreakerConfig, ProviderShaping, RateLimitBackoff } from "../config.ts"
import type { BackoffRule, BreakerRule, BucketRule, ShapingRule } from "../snapshot.ts"

/** A pause that has no end by its rule ends after a day. */
const LONGEST_PAUSE_MS = 24 * 60 * 60 * 1000

interface Blocks {
  readonly provider: ProviderShaping | undefined
  readonly model: ProviderShaping | undefined
  readonly target: ProviderShaping | undefined
}

/** A window of 0 has no end. */
export function breakerRule({ failures, window, cooldown }: BreakerConfig): BreakerRule {
  return { failures, windowMs: window === 0 ? Infinity : window, cooldownMs: cooldown }
}

/** Cumulative, widest first; blocks that are switched off or limit nothing are left out. */
export function shapingOf({ provider, model, target }: Blocks): readonly ShapingRule[] {
  return [ruleOf("provider", provider), ruleOf("provider_model", model), ruleOf("target", target)].filter(
    (rule) => rule !== null,
  )
}

function ruleOf(kind: ShapingRule["kind"], block: ProviderShaping | undefined): ShapingRule | null {
  if (block === undefined || !block.enabled) return null
  const rule: ShapingRule = {
    kind,
    starts: bucket(block.request_start_per_sec, block.request_burst),
    input: bucket(block.input_tokens_per_sec, block.input_token_burst),
    total: bucket(block.total_reserved_tokens_per_sec, block.total_reserved_token_burst),
    rateLimitBackoff: backoff(block.upstream_429_backoff),
    quotaBackoff: backoff(block.upstream_quota_backoff),
  }
  const { starts, input, total, rateLimitBackoff, quotaBackoff } = rule
  return [starts, input, total, rateLimitBackoff, quotaBackoff].every((part) => part === null) ? null : rule
}

/** A rate of 0 is no limit; a burst of 0 is what one second brings, and room for one at least. */
function bucket(perSecond: number, burst: number): BucketRule | null {
  if (perSecond === 0) return null
  return { perSecond, burst: burst === 0 ? Math.max(1, perSecond) : burst }
}

function backoff(block: RateLimitBackoff): BackoffRule | null {
  if (!block.enabled) return null
  return {
    minMs: block.min_backoff_ms,
    maxMs: Math.min(block.max_backoff_ms === 0 ? LONGEST_PAUSE_MS : block.max_backoff_ms, LONGEST_PAUSE_MS),
    multiplier: block.multiplier,
    honorRetryAfter: block.honor_retry_after,
  }
}
