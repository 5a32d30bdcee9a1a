/**
 * Chat Completions usage: `prompt_tokens` includes cached ones, `completion_tokens` includes reasoning.
 * https://platform.openai.com/docs/api-reference/chat/object
 */

import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import type { Loss } from "../../canonical/loss.ts"
import { cacheWriteTokens, inputTokens, totalTokens, type Usage as CanonicalUsage } from "../../canonical/usage.ts"
import { unreportedSide, type Usage } from "../dialect.ts"
import { asCount, asObject, type Loose } from "../loose.ts"
import { objectOf, withDoubles } from "./wire.ts"

export function readChatUsage(value: unknown): Usage | null {
  const usage = asObject(value)
  if (usage === null) return null
  const prompt = asCount(usage["prompt_tokens"])
  const completion = asCount(usage["completion_tokens"])
  if (prompt === null && completion === null) return null
  const input = asObject(usage["prompt_tokens_details"])
  const output = asObject(usage["completion_tokens_details"])
  const cached = Math.min(reportedCachedTokens(usage, input) ?? 0, prompt ?? 0)
  const written = Math.min(asCount(input?.["cache_write_tokens"]) ?? 0, (prompt ?? 0) - cached)
  const reasoning = asCount(output?.["reasoning_tokens"]) ?? asCount(usage["reasoning_tokens"])
  return {
    freshInputTokens: (prompt ?? 0) - cached - written,
    cachedInputTokens: cached,
    cacheWrite5mTokens: written,
    cacheWrite1hTokens: 0,
    outputTokens: outputTokens(prompt ?? 0, completion ?? 0, reasoning ?? 0, asCount(usage["total_tokens"])),
    reasoningTokens: reasoning,
    unreported: unreportedSide(prompt, completion),
    reportedCostUsd: reportedCostUsd(usage),
    mixedModels: false,
  }
}

/** OpenAI's place first; then DeepSeek's, Hugging Face's and Mistral's own names. */
function reportedCachedTokens(usage: Loose, details: Loose | null): number | null {
  return (
    asCount(details?.["cached_tokens"]) ??
    asCount(usage["prompt_cache_hit_tokens"]) ??
    asCount(usage["cached_tokens"]) ??
    asCount(usage["num_cached_tokens"])
  )
}

/** OpenRouter reports USD, xAI ticks of 1e-10 USD. */
function reportedCostUsd(usage: Loose): number | null {
  if (typeof usage["cost"] === "number") return usage["cost"]
  return typeof usage["cost_in_usd_ticks"] === "number" ? usage["cost_in_usd_ticks"] / 1e10 : null
}

/** xAI counts reasoning outside `completion_tokens`; only its total shows it. */
function outputTokens(prompt: number, completion: number, reasoning: number, total: number | null): number {
  return total !== null && reasoning > 0 && total === prompt + completion + reasoning
    ? completion + reasoning
    : completion
}

/** The same numbers in canonical counters, and the details that only those have. `value` may hold exact numbers. */
export function readCanonicalUsage(value: JsonValue | undefined): CanonicalUsage | null {
  const usage = objectOf(withDoubles(value))
  const counted = usage === undefined ? null : readChatUsage(usage)
  if (usage === undefined || counted === null) return null
  const input = objectOf(usage["prompt_tokens_details"])
  const output = objectOf(usage["completion_tokens_details"])
  const serverTools = serverToolsOf(usage)
  return withoutUnknown({
    freshInputTokens: counted.freshInputTokens,
    cacheReadTokens: reportedCachedTokens(usage, asObject(input)) === null ? null : counted.cachedInputTokens,
    cacheWrite5mTokens: asCount(input?.["cache_write_tokens"]) === null ? null : counted.cacheWrite5mTokens,
    outputTokens: asCount(usage["completion_tokens"]) === null ? null : counted.outputTokens,
    reasoningTokens: counted.reasoningTokens,
    inputAudioTokens: asCount(input?.["audio_tokens"]),
    inputImageTokens: asCount(input?.["image_tokens"]),
    outputAudioTokens: asCount(output?.["audio_tokens"]),
    outputImageTokens: asCount(output?.["image_tokens"]),
    acceptedPredictionTokens: asCount(output?.["accepted_prediction_tokens"]),
    rejectedPredictionTokens: asCount(output?.["rejected_prediction_tokens"]),
    serverTools: Object.keys(serverTools).length === 0 ? null : serverTools,
    reportedCostNanoUsd: counted.reportedCostUsd === null ? null : Math.round(counted.reportedCostUsd * NANO),
    source: "provider",
  })
}

const NANO = 1e9

type Counters = { readonly [Name in keyof CanonicalUsage]: CanonicalUsage[Name] | null }

function withoutUnknown(counters: Counters): CanonicalUsage {
  return Object.fromEntries(Object.entries(counters).filter(([, value]) => value !== null)) as unknown as CanonicalUsage
}

/** OpenRouter and xAI count the steps of tools that they execute; a step that did not happen is not listed. */
function serverToolsOf(usage: JsonObject): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  const reported = { ...objectOf(usage["server_tool_use"]), ...objectOf(usage["server_tool_use_details"]) }
  for (const [name, value] of [...Object.entries(reported), ["num_sources_used", usage["num_sources_used"]] as const]) {
    const count = asCount(value)
    if (count !== null && count > 0) counts[name] = count
  }
  return counts
}

/** `completion_tokens_details` and `prompt_tokens_details` as the vendor's schema has them, unknown counters as 0. */
export function writeUsage(usage: CanonicalUsage): JsonObject {
  return {
    prompt_tokens: inputTokens(usage),
    completion_tokens: usage.outputTokens ?? 0,
    total_tokens: totalTokens(usage),
    prompt_tokens_details: {
      cached_tokens: usage.cacheReadTokens ?? 0,
      ...(cacheWriteTokens(usage) === 0 ? {} : { cache_write_tokens: cacheWriteTokens(usage) }),
      audio_tokens: usage.inputAudioTokens ?? 0,
      ...(usage.inputImageTokens === undefined ? {} : { image_tokens: usage.inputImageTokens }),
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens ?? 0,
      audio_tokens: usage.outputAudioTokens ?? 0,
      accepted_prediction_tokens: usage.acceptedPredictionTokens ?? 0,
      rejected_prediction_tokens: usage.rejectedPredictionTokens ?? 0,
      ...(usage.outputImageTokens === undefined ? {} : { image_tokens: usage.outputImageTokens }),
    },
  }
}

/** The counters that `writeUsage` has no place for. */
export function usageLosses(usage: CanonicalUsage): readonly Loss[] {
  return [
    ...((usage.cacheWrite1hTokens ?? 0) > 0 ? [lost("cacheWrite1hTokens")] : []),
    ...Object.keys(usage.serverTools ?? {}).map((name) => lost(`serverTools.${name}`)),
    ...(usage.iterations === undefined ? [] : [lost("iterations")]),
  ]
}

function lost(name: keyof CanonicalUsage | `serverTools.${string}`): Loss {
  return { code: "reply-usage", path: `usage.${name}` }
}
