/**
 * Chat Completions usage: `prompt_tokens` includes cached ones, `completion_tokens` includes reasoning.
 * https://platform.openai.com/docs/api-reference/chat/object
 */
import type { BilledUsage, BilledParts } from "../../canonical/billed-usage.ts"
import { setOwn, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Loss } from "../../canonical/loss.ts"
import { cacheWriteTokens, inputTokens, totalTokens, type Usage } from "../../canonical/usage.ts"
import { readInclusiveUsage } from "../inclusive-usage.ts"
import { asCount, asObject, type Loose } from "../loose.ts"
import { CACHE_READ, CACHE_WRITE, counted, hostedToolsIn } from "../usage-words.ts"
import { objectOf, withDoubles } from "./wire.ts"

export function readChatUsage(value: unknown): BilledUsage | null {
  const usage = asObject(value)
  return usage === null ? null : readInclusiveUsage(usage, NAMES, hostedTools(usage))
}

const NAMES = {
  input: "prompt_tokens",
  inputDetails: "prompt_tokens_details",
  output: "completion_tokens",
  outputDetails: "completion_tokens_details",
} as const

/** OpenRouter and xAI count what they execute; xAI's live search bills the sources that it used. */
function hostedTools(usage: Loose): BilledParts["hostedTools"] | null {
  const { server_tool_use, server_tool_use_details, num_sources_used } = usage
  return hostedToolsIn(
    server_tool_use,
    server_tool_use_details,
    usage["server_side_tool_usage_details"],
    num_sources_used === undefined ? null : { num_sources_used },
  )
}

/** The same numbers in canonical counters, and the details that only those have. `value` may hold exact numbers. */
export function readCanonicalUsage(value: JsonValue | undefined): Usage | null {
  const usage = objectOf(withDoubles(value))
  const read = usage === undefined ? null : readChatUsage(usage)
  if (usage === undefined || read === null) return null
  const input = objectOf(usage["prompt_tokens_details"])
  const output = objectOf(usage["completion_tokens_details"])
  const isWritten = counted(usage, asObject(input), CACHE_WRITE) !== null
  const serverTools = serverToolsOf(usage)
  return withoutUnknown({
    freshInputTokens: read.freshInputTokens,
    cacheReadTokens: counted(usage, asObject(input), CACHE_READ) === null ? null : read.cachedInputTokens,
    cacheWrite5mTokens: isWritten ? read.cacheWrite5mTokens : null,
    cacheWrite1hTokens: read.cacheWrite1hTokens === 0 ? null : read.cacheWrite1hTokens,
    outputTokens: read.unreported === "output" ? null : read.outputTokens,
    reasoningTokens: read.reasoningTokens,
    inputAudioTokens: asCount(input?.["audio_tokens"]),
    inputImageTokens: asCount(input?.["image_tokens"]),
    outputAudioTokens: asCount(output?.["audio_tokens"]),
    outputImageTokens: asCount(output?.["image_tokens"]),
    acceptedPredictionTokens: asCount(output?.["accepted_prediction_tokens"]),
    rejectedPredictionTokens: asCount(output?.["rejected_prediction_tokens"]),
    serverTools: Object.keys(serverTools).length === 0 ? null : serverTools,
    reportedCostNanoUsd: read.reportedCostUsd === null ? null : Math.round(read.reportedCostUsd * NANO),
    source: "provider",
  })
}

const NANO = 1e9

type Counters = { readonly [Name in keyof Usage]: Usage[Name] | null }

function withoutUnknown(counters: Counters): Usage {
  return Object.fromEntries(Object.entries(counters).filter(([, value]) => value !== null)) as unknown as Usage
}

/** OpenRouter and xAI count the steps of tools that they execute; a step that did not happen is not listed. */
function serverToolsOf(usage: JsonObject): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  const reported = { ...objectOf(usage["server_tool_use"]), ...objectOf(usage["server_tool_use_details"]) }
  for (const [name, value] of [...Object.entries(reported), ["num_sources_used", usage["num_sources_used"]] as const]) {
    const count = asCount(value)
    if (count !== null && count > 0) setOwn(counts, name, count)
  }
  return counts
}

/** `completion_tokens_details` and `prompt_tokens_details` as the vendor's schema has them, unknown counters as 0. */
export function writeUsage(usage: Usage): JsonObject {
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
export function usageLosses(usage: Usage): readonly Loss[] {
  return [
    ...((usage.cacheWrite1hTokens ?? 0) > 0 ? [lost("cacheWrite1hTokens")] : []),
    ...Object.keys(usage.serverTools ?? {}).map((name) => lost(`serverTools.${name}`)),
    ...(usage.iterations === undefined ? [] : [lost("iterations")]),
  ]
}

function lost(name: keyof Usage | `serverTools.${string}`): Loss {
  return { code: "reply-usage", path: `usage.${name}` }
}
