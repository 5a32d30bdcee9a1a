/** What a call's row says of the response cache. */
import type { UsageRow } from "../../ledger/record.ts"
import type { Call } from "../call.ts"
import type { AnswerEnd } from "../call/outcome.ts"
import type { Gateway } from "../gateway.ts"
import { allInput, costsOf } from "./costs.ts"

export type CacheColumns = Pick<
  UsageRow,
  | "cache"
  | "cache_reason"
  | "cache_enabled"
  | "cache_items"
  | "cache_bytes"
  | "cache_max_bytes"
  | "cache_occupancy_pct"
  | "cache_age_s"
  | "cache_saved_input_tokens"
  | "cache_saved_output_tokens"
  | "cache_saved_nano_usd"
>

const NO_SAVINGS = { cache_saved_input_tokens: null, cache_saved_output_tokens: null, cache_saved_nano_usd: null }
const OFF: CacheColumns = {
  cache: "off",
  cache_reason: null,
  cache_enabled: 0,
  cache_items: null,
  cache_bytes: null,
  cache_max_bytes: null,
  cache_occupancy_pct: null,
  cache_age_s: null,
  ...NO_SAVINGS,
}

const HIT: CacheColumns = { ...OFF, cache: "hit", cache_reason: "cache-hit" }

export function cacheColumns(call: Call, { source }: Pick<AnswerEnd, "source">, gateway: Gateway): CacheColumns {
  const { caching } = call
  if (caching === null) return source === "cache" ? HIT : OFF
  const { items, bytes, maxBytes } = gateway.cache.occupancy
  const isHit = source === "cache"
  const [reason] = caching.reasons
  return {
    cache: isHit ? "hit" : reason === undefined ? "miss" : "bypass",
    cache_reason: isHit ? "cache-hit" : (reason ?? "cache-miss"),
    cache_enabled: 1,
    cache_items: items,
    cache_bytes: bytes,
    cache_max_bytes: maxBytes,
    cache_occupancy_pct: maxBytes === 0 ? null : Math.round((bytes / maxBytes) * 10_000) / 100,
    cache_age_s: isHit ? (caching.hit?.ageS ?? null) : null,
    ...(isHit ? savings(call) : NO_SAVINGS),
  }
}

/** What the target would have used, and what that costs at its prices of now; null: it did not report it, or has no prices. */
function savings({ caching, imageCount }: Call): typeof NO_SAVINGS | Pick<CacheColumns, keyof typeof NO_SAVINGS> {
  const hit = caching?.hit ?? null
  const usage = hit?.entry.facts.usage ?? null
  if (hit === null || usage === null) return NO_SAVINGS
  const costs = costsOf(hit.target, usage, hit.entry.facts.serviceTier, imageCount)
  return {
    cache_saved_input_tokens: allInput(usage),
    cache_saved_output_tokens: usage.outputTokens,
    cache_saved_nano_usd: costs.total_cost_nano_usd,
  }
}
