/**
 * Responses usage: `input_tokens` includes cached ones, `output_tokens` includes reasoning.
 * https://platform.openai.com/docs/api-reference/responses/object
 */
import type { BilledUsage, BilledParts } from "../../canonical/billed-usage.ts"
import { isObject, isRawNumber, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import { cacheWriteTokens, inputTokens, totalTokens, type Usage } from "../../canonical/usage.ts"
import { readInclusiveUsage } from "../inclusive-usage.ts"
import { asArray, asCount, asObject, asString, type Loose } from "../loose.ts"
import { CACHE_READ, CACHE_WRITE, counted, hostedToolsIn } from "../usage-words.ts"

/** `response`: whose answer tells which hosted tools were used. */
export function readResponsesUsage(value: unknown, response: Loose = NO_RESPONSE): BilledUsage | null {
  const usage = asObject(value)
  return usage === null ? null : readInclusiveUsage(usage, NAMES, hostedTools(usage, response))
}

const NAMES = {
  input: "input_tokens",
  inputDetails: "input_tokens_details",
  output: "output_tokens",
  outputDetails: "output_tokens_details",
} as const
const NO_RESPONSE: Loose = {}

/** Items of tools that are billed by use. Calls of MCP servers are not. https://platform.openai.com/docs/pricing */
const BILLED_ITEMS: ReadonlySet<string> = new Set([
  "web_search_call",
  "file_search_call",
  "code_interpreter_call",
  "image_generation_call",
])

/** The provider's own counts, then the items. OpenAI counts the searches that it bills: opening a page is an item too. */
function hostedTools(usage: Loose, response: Loose): BilledParts["hostedTools"] | null {
  const searches = asCount(asObject(asObject(response["tool_usage"])?.["web_search"])?.["num_requests"])
  let items: Record<string, number> | null = null
  for (const item of asArray(response["output"])) {
    const type = asString(asObject(item)?.["type"])
    if (type === null || !BILLED_ITEMS.has(type) || (type === "web_search_call" && searches !== null)) continue
    items ??= {}
    items[type] = (items[type] ?? 0) + 1
  }
  const { num_server_side_tools_used, num_sources_used } = usage
  return hostedToolsIn(
    usage["server_side_tool_usage_details"],
    { web_search_requests: searches, num_server_side_tools_used, num_sources_used },
    items,
  )
}

const NANO_USD_PER_USD = 1_000_000_000

/** The same numbers in canonical counters; those that the upstream left out stay absent. null: no usage. */
export function readCanonicalUsage(value: JsonValue | undefined): Usage | null {
  const usage = plain(value)
  const read = readResponsesUsage(usage)
  if (read === null) return null
  const input = asCount(usage?.["input_tokens"])
  const details = asObject(usage?.["input_tokens_details"])
  const { reasoningTokens, reportedCostUsd } = read
  return {
    ...(input === null ? {} : { freshInputTokens: read.freshInputTokens }),
    ...(counted(usage ?? {}, details, CACHE_READ) === null ? {} : { cacheReadTokens: read.cachedInputTokens }),
    ...(counted(usage ?? {}, details, CACHE_WRITE) === null ? {} : { cacheWrite5mTokens: read.cacheWrite5mTokens }),
    ...(read.cacheWrite1hTokens === 0 ? {} : { cacheWrite1hTokens: read.cacheWrite1hTokens }),
    ...(read.unreported === "output" ? {} : { outputTokens: read.outputTokens }),
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
] as const satisfies readonly (keyof Usage)[]

/** Complete, because clients fail on partial usage: what is unknown is 0. */
export function writeUsage(usage: Usage, losses: Losses): JsonObject {
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
