/**
 * Messages usage: `input_tokens` excludes cache reads and writes, `output_tokens` includes thinking.
 * With compaction, an advisor or a fallback model the top level leaves rounds out; `iterations` lists them all, and all are billed.
 * https://docs.claude.com/en/api/messages
 */
import { unreportedSide, type BilledUsage, type BilledParts } from "../../canonical/billed-usage.ts"
import { setOwn, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { cacheWriteTokens, type Usage } from "../../canonical/usage.ts"
import { NO_PARTS } from "../inclusive-usage.ts"
import { asArray, asCount, asObject, asString, type Loose } from "../loose.ts"
import { hostedToolsIn, inferenceGeoOf, reportedCostUsd, speedOf } from "../usage-words.ts"

/** `isFinal`: false where a stream has told no more than its first, provisional count of the output. */
export function readMessagesUsage(value: unknown, model: string | null, isFinal = true): BilledUsage | null {
  const usage = asObject(value)
  if (usage === null) return null
  const [input, output] = [asCount(usage["input_tokens"]), asCount(usage["output_tokens"])]
  if (input === null && output === null) return null
  const iterations = asArray(usage["iterations"])
    .map(asObject)
    .filter((entry) => entry !== null)
  const rounds = iterations.length > 0 ? iterations : [usage]
  const total = (count: (round: Loose) => number): number => rounds.reduce((sum, round) => sum + count(round), 0)
  return {
    freshInputTokens: total((round) => asCount(round["input_tokens"]) ?? 0),
    cachedInputTokens: total((round) => asCount(round["cache_read_input_tokens"]) ?? 0),
    cacheWrite5mTokens: total((round) => cacheWrites(round).short),
    cacheWrite1hTokens: total((round) => cacheWrites(round).long),
    outputTokens: total((round) => asCount(round["output_tokens"]) ?? 0),
    reasoningTokens: asCount(asObject(usage["output_tokens_details"])?.["thinking_tokens"]),
    unreported: iterations.length > 0 ? null : unreportedSide(input, isFinal ? output : null),
    reportedCostUsd: reportedCostUsd(usage),
    mixedModels: iterations.some((round) => namesOther(round, model)) || isRepriced(usage),
    parts: partsOf(usage),
  }
}

/** A fallback's credit: the call is billed as if an earlier one had been made with its model. */
function isRepriced(usage: Loose): boolean {
  return asObject(asObject(usage["fallback_credit"])?.["status"])?.["type"] === "redeemed"
}

/** Neither speed nor place, and nothing executed by the provider: null. Reports of this dialect tell images and sound not apart. */
function partsOf(usage: Loose): BilledParts | null {
  const hostedTools = hostedToolsIn(usage["server_tool_use"])
  const speed = speedOf(usage)
  const inferenceGeo = inferenceGeoOf(usage)
  if (hostedTools === null && speed === null && inferenceGeo === null) return null
  return { ...NO_PARTS, hostedTools: hostedTools ?? {}, speed, inferenceGeo }
}

/** Input as the vendor counts it, and the split of what was written to the cache. */
const INPUT_COUNTERS = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"] as const
const OF_INPUT: ReadonlySet<string> = new Set([...INPUT_COUNTERS, "cache_creation"])

/**
 * Takes a stream's next report over: `message_delta` restates and revises what `message_start` said, field by field. An
 * input of nothing, and an output of nothing behind content, are no news: there are no such calls, but servers that fill
 * what they do not count with zeros. https://platform.claude.com/docs/en/build-with-claude/streaming
 * @returns whether the output was counted
 */
export function takeUsage(known: Record<string, unknown>, value: unknown, hasContent: boolean): boolean {
  const usage = asObject(value)
  if (usage === null) return false
  const isInputNews = INPUT_COUNTERS.some((key) => (asCount(usage[key]) ?? 0) > 0)
  const output = asCount(usage["output_tokens"])
  const isOutputNews = output !== null && (output > 0 || !hasContent)
  for (const key in usage) {
    const isNews = OF_INPUT.has(key) ? isInputNews : key !== "output_tokens" || isOutputNews
    if (usage[key] !== null && (isNews || !Object.hasOwn(known, key))) setOwn(known, key, usage[key])
  }
  return isOutputNews
}

/** `cache_creation` splits the sum by time to live; what it leaves out was written for the default five minutes. */
function cacheWrites(round: Loose): { short: number; long: number } {
  const all = asCount(round["cache_creation_input_tokens"]) ?? 0
  const split = asObject(round["cache_creation"])
  const long = asCount(split?.["ephemeral_1h_input_tokens"]) ?? 0
  const short = Math.max(asCount(split?.["ephemeral_5m_input_tokens"]) ?? 0, all - long)
  return { short, long }
}

function namesOther(round: Loose, model: string | null): boolean {
  const own = asString(round["model"])
  return own !== null && own !== model
}

/** The same numbers in the canonical form, where what the upstream left out stays unknown. */
export function readCanonicalUsage(
  value: JsonObject | undefined,
  model: string | null,
  source: Usage["source"],
): Usage | null {
  const usage = readMessagesUsage(value, model)
  if (usage === null || value === undefined) return null
  const { freshInputTokens, cachedInputTokens, cacheWrite5mTokens, cacheWrite1hTokens, outputTokens } = usage
  const counts = Object.entries(asObject(value["server_tool_use"]) ?? {}).filter(([, count]) => asCount(count) !== null)
  const iterations = asArray(value["iterations"])
  const saysRead = cachedInputTokens > 0 || asCount(value["cache_read_input_tokens"]) !== null
  const saysWritten = cacheWrite5mTokens + cacheWrite1hTokens > 0 || saysCacheWrites(value)
  return {
    freshInputTokens,
    ...(saysRead ? { cacheReadTokens: cachedInputTokens } : {}),
    ...(saysWritten ? { cacheWrite5mTokens, cacheWrite1hTokens } : {}),
    outputTokens,
    ...(usage.reasoningTokens === null ? {} : { reasoningTokens: usage.reasoningTokens }),
    ...(counts.length === 0 ? {} : { serverTools: Object.fromEntries(counts) as Readonly<Record<string, number>> }),
    ...(iterations.length === 0 ? {} : { iterations: iterations as JsonValue }),
    source,
  }
}

function saysCacheWrites(usage: JsonObject): boolean {
  return asCount(usage["cache_creation_input_tokens"]) !== null || asObject(usage["cache_creation"]) !== null
}

/** The four counters that a client always finds, and whatever else is known. */
export function writeUsage(usage: Usage | null, serviceTier?: string): JsonObject {
  const known: Partial<Usage> = usage ?? {}
  return {
    input_tokens: known.freshInputTokens ?? 0,
    cache_creation_input_tokens: usage === null ? 0 : cacheWriteTokens(usage),
    cache_read_input_tokens: known.cacheReadTokens ?? 0,
    cache_creation: {
      ephemeral_5m_input_tokens: known.cacheWrite5mTokens ?? 0,
      ephemeral_1h_input_tokens: known.cacheWrite1hTokens ?? 0,
    },
    output_tokens: known.outputTokens ?? 0,
    ...(known.reasoningTokens === undefined
      ? {}
      : { output_tokens_details: { thinking_tokens: known.reasoningTokens } }),
    ...(known.serverTools === undefined ? {} : { server_tool_use: known.serverTools }),
    ...(known.iterations === undefined ? {} : { iterations: known.iterations }),
    ...(serviceTier === undefined ? {} : { service_tier: TIERS.get(serviceTier) ?? serviceTier }),
  }
}

/** OpenAI's usual tier under Anthropic's name. */
const TIERS: ReadonlyMap<string, string> = new Map([["default", "standard"]])
