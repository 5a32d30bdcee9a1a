/**
 * Responses usage: `input_tokens` includes cached ones, `output_tokens` includes reasoning.
 * https://platform.openai.com/docs/api-reference/responses/object
 */
import { isObject, isRawNumber, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import { cacheWriteTokens, inputTokens, totalTokens, type Usage as CanonicalUsage } from "../../canonical/usage.ts"
import { unreportedSide, type Usage } from "../dialect.ts"
import { asCount, asObject } from "../loose.ts"

export function readResponsesUsage(value: unknown): Usage | null {
  const usage = asObject(value)
  if (usage === null) return null
  const input = asCount(usage["input_tokens"])
  const output = asCount(usage["output_tokens"])
  if (input === null && output === null) return null
  const details = asObject(usage["input_tokens_details"])
  const cached = Math.min(asCount(details?.["cached_tokens"]) ?? 0, input ?? 0)
  const written = Math.min(asCount(details?.["cache_write_tokens"]) ?? 0, (input ?? 0) - cached)
  return {
    freshInputTokens: (input ?? 0) - cached - written,
    cachedInputTokens: cached,
    cacheWrite5mTokens: written,
    cacheWrite1hTokens: 0,
    outputTokens: output ?? 0,
    reasoningTokens: asCount(asObject(usage["output_tokens_details"])?.["reasoning_tokens"]),
    unreported: unreportedSide(input, output),
    reportedCostUsd: typeof usage["cost"] === "number" ? usage["cost"] : null,
    mixedModels: false,
  }
}

const NANO_USD_PER_USD = 1_000_000_000

/** The same numbers in canonical counters; those that the upstream left out stay absent. null: no usage. */
export function canonicalUsage(value: JsonValue | undefined): CanonicalUsage | null {
  const usage = plain(value)
  const read = readResponsesUsage(usage)
  if (read === null) return null
  const input = asCount(usage?.["input_tokens"])
  const details = asObject(usage?.["input_tokens_details"])
  const { reasoningTokens, reportedCostUsd } = read
  return {
    ...(input === null ? {} : { freshInputTokens: read.freshInputTokens }),
    ...(asCount(details?.["cached_tokens"]) === null ? {} : { cacheReadTokens: read.cachedInputTokens }),
    ...(asCount(details?.["cache_write_tokens"]) === null ? {} : { cacheWrite5mTokens: read.cacheWrite5mTokens }),
    ...(asCount(usage?.["output_tokens"]) === null ? {} : { outputTokens: read.outputTokens }),
    ...(reasoningTokens === null ? {} : { reasoningTokens }),
    ...(reportedCostUsd === null ? {} : { reportedCostNanoUsd: Math.round(reportedCostUsd * NANO_USD_PER_USD) }),
    source: "provider",
  }
}

/** Numbers in their own spelling as ordinary ones, two levels deep: counters are far below 2^53. */
function plain(value: JsonValue | undefined): JsonObject | null {
  if (!isObject(value)) return null
  const entries = Object.entries(value).map(([key, member]): [string, JsonValue | undefined] => {
    if (isRawNumber(member)) return [key, Number(member.rawJSON)]
    return [key, isObject(member) ? plain(member) : member]
  })
  return Object.fromEntries(entries)
}

/** Counters without a place here. What the upstream says that the call cost is the router's own business. */
const HOMELESS = [
  "inputAudioTokens",
  "inputImageTokens",
  "outputAudioTokens",
  "outputImageTokens",
  "acceptedPredictionTokens",
  "rejectedPredictionTokens",
] as const satisfies readonly (keyof CanonicalUsage)[]

/** Complete, because clients fail on partial usage: what is unknown is 0. */
export function writeUsage(usage: CanonicalUsage, losses: Losses): JsonObject {
  for (const counter of HOMELESS) if ((usage[counter] ?? 0) > 0) losses.add("reply-usage", `usage.${counter}`)
  if (usage.iterations !== undefined) losses.add("reply-usage", "usage.iterations")
  for (const [name, count] of Object.entries(usage.serverTools ?? {})) {
    if (count > 0) losses.add("reply-usage", `usage.serverTools.${name}`)
  }
  return {
    input_tokens: inputTokens(usage),
    input_tokens_details: {
      cached_tokens: usage.cacheReadTokens ?? 0,
      cache_write_tokens: cacheWriteTokens(usage),
    },
    output_tokens: usage.outputTokens ?? 0,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
    total_tokens: totalTokens(usage),
  }
}
