/** The row that books an answer in the background: what it has used, and by how much limits had taken it for something else. */
import type { BilledUsage } from "../../canonical/billed-usage.ts"
import type { Snapshot, Target } from "../../config/snapshot.ts"
import type { AnswerFacts } from "../../dialects/dialect.ts"
import type { BackgroundRow, CallRecord, UsageRow, UsageSource } from "../../ledger/record.ts"
import { dearCost } from "../limits/limit-amounts.ts"
import { estimatedUsage } from "../rows/billed.ts"
import { allInput, costsOf, partColumns } from "../rows/costs.ts"
import { NOTHING_KNOWN } from "../rows/orphans.ts"

export interface Booking {
  readonly answer: BackgroundRow
  /** What its provider told of its usage; null: that cannot be found out, and what was reserved is booked. */
  readonly told: AnswerFacts | null
  /** Where it was made; null: it is gone from the configuration, so nobody knows its prices. */
  readonly target: Target | null
}

/** `nowMs`: Unix milliseconds. */
export function bookingRecord(
  { answer, told, target }: Booking,
  { snapshot, version }: { readonly snapshot: Snapshot; readonly version: string },
  nowMs: number,
): CallRecord {
  const {
    response_id: _,
    input_tokens,
    output_tokens,
    nano_usd,
    image_count: images,
    next_poll_at: __,
    ...facts
  } = answer
  const { provider, model, dialect, ...identity } = facts
  const billed = told === null ? { usage: reservedUsage(answer), source: "estimated" as const } : billedOf(answer, told)
  const usage: UsageRow = {
    ...NOTHING_KNOWN,
    ...identity,
    ...countersOf(answer, billed, target, told?.serviceTier ?? null),
    request_id: bookingId(answer.request_id),
    inbound_dialect: dialect,
    target_provider: provider,
    target_model: model,
    target_dialect: dialect,
    target_region: target?.region ?? null,
    stream: 0,
    input_has_image: images === null ? null : images > 0 ? 1 : 0,
    input_image_count: images,
    status: 200,
    attempts: 0,
    error: null,
    latency_ms: Math.max(0, nowMs - answer.ts),
    stop_reason: told?.stopReason ?? null,
    service_tier: told?.serviceTier ?? null,
    pricing_source: target?.pricingSource ?? null,
    pricing_updated_at: target?.pricingUpdatedAt ?? null,
    router_version: version,
    routing_config_fingerprint: snapshot.routingFingerprint,
    pricing_catalog_fingerprint: snapshot.pricingFingerprint,
    estimated_input_tokens: input_tokens,
    books_request_id: answer.request_id,
  }
  return { ...NO_CHILDREN, usage: { ...usage, ...differenceOf(usage, input_tokens + output_tokens, nano_usd, target) } }
}

const NO_CHILDREN = {
  attempts: [],
  trace: [],
  losses: [],
  upstreamShapes: [],
  callerShapes: [],
  error: null,
  decision: null,
} as const

interface Bill {
  /** Null: nothing. */
  readonly usage: BilledUsage | null
  readonly source: UsageSource
}

/** A report of one side alone does not make the other one free. */
function billedOf(answer: BackgroundRow, { usage }: AnswerFacts): Bill {
  if (usage === null) return { usage: null, source: "none" }
  if (usage.unreported === "output")
    return { usage: { ...usage, outputTokens: answer.output_tokens }, source: "partial" }
  if (usage.unreported === "input")
    return { usage: { ...usage, freshInputTokens: answer.input_tokens }, source: "partial" }
  return { usage, source: "provider" }
}

function reservedUsage({ input_tokens: inputTokens, output_tokens: outputTokens }: BackgroundRow): BilledUsage {
  return estimatedUsage({ inputTokens, outputTokens })
}

function countersOf(
  answer: BackgroundRow,
  { usage, source }: Bill,
  target: Target | null,
  serviceTier: string | null,
): Partial<UsageRow> & Pick<UsageRow, "usage_source" | "input_tokens" | "output_tokens"> {
  const costs = costsOf(target, usage, serviceTier, answer.image_count)
  if (usage === null) return { usage_source: source, input_tokens: null, output_tokens: null }
  const { freshInputTokens, cachedInputTokens, cacheWrite5mTokens, cacheWrite1hTokens, outputTokens } = usage
  const input = allInput(usage)
  const isReserved = source === "estimated" && costs.total_cost_nano_usd === null && answer.nano_usd > 0
  return {
    ...costs,
    ...(isReserved ? { total_cost_nano_usd: answer.nano_usd, cost_unknown_reason: null } : {}),
    ...partColumns(usage.parts),
    usage_source: source,
    input_tokens: input,
    fresh_input_tokens: freshInputTokens,
    cached_input_tokens: cachedInputTokens,
    cache_write_5m_tokens: cacheWrite5mTokens,
    cache_write_1h_tokens: cacheWrite1hTokens,
    output_tokens: outputTokens,
    reasoning_tokens: usage.reasoningTokens,
    total_tokens: input + outputTokens,
  }
}

/** What limits count from now on, less what they have counted since the call. Of an estimate: nothing is given back. */
function differenceOf(
  row: UsageRow,
  tokens: number,
  nanoUsd: number,
  target: Target | null,
): Pick<UsageRow, "limit_tokens" | "limit_nano_usd"> {
  if (row.usage_source === "estimated") return { limit_tokens: 0, limit_nano_usd: 0 }
  const { input_tokens: input, output_tokens: output, total_cost_nano_usd: cost } = row
  if (input === null || output === null) return { limit_tokens: -tokens, limit_nano_usd: -nanoUsd }
  const isPriced = cost !== null || target !== null
  const spent = isPriced ? (cost ?? dearCost(target, input, output, row)) : nanoUsd
  return { limit_tokens: input + output - tokens, limit_nano_usd: spent - nanoUsd }
}

/** Always the same for one answer, so that it cannot be booked twice; of the time when it was asked for. */
function bookingId(requestId: string): string {
  const timeChars = "req_".length + 12
  const digest = new Bun.CryptoHasher("sha256").update(`usage of ${requestId}`).digest("hex")
  return requestId.slice(0, timeChars) + digest.slice(0, 20)
}
