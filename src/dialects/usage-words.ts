/**
 * Where vendors write the counters of a report whose input total includes what was read from and written to a cache
 * (Chat Completions and Responses, and the gateways that speak them). One row for each spelling, with its source.
 */
import { asCount, asObject, asToken, type Loose } from "./loose.ts"

interface Spelling {
  /** `details`: in `prompt_tokens_details` or `input_tokens_details`; `usage`: beside the totals. */
  readonly at: "details" | "usage"
  readonly name: string
}

export const CACHE_READ: readonly Spelling[] = [
  // OpenAI: `CompletionUsage` and `ResponseUsage` of its SDK
  { at: "details", name: "cached_tokens" },
  // DeepSeek: https://api-docs.deepseek.com/guides/kv_cache
  { at: "usage", name: "prompt_cache_hit_tokens" },
  // Hugging Face's router and Moonshot
  { at: "usage", name: "cached_tokens" },
  // Mistral
  { at: "usage", name: "num_cached_tokens" },
  // LiteLLM: https://docs.litellm.ai/docs/completion/prompt_caching
  { at: "usage", name: "cache_read_input_tokens" },
  { at: "details", name: "cache_read_input_tokens" },
  // Bifrost: its `cached_tokens` is read and write together
  { at: "details", name: "cached_read_tokens" },
]

export const CACHE_WRITE: readonly Spelling[] = [
  // OpenAI since GPT-5.6, and OpenRouter: https://developers.openai.com/api/docs/guides/prompt-caching
  { at: "details", name: "cache_write_tokens" },
  // any-llm (mozilla-ai/any-llm#896), and LiteLLM before its `cache_creation_tokens`
  { at: "details", name: "cache_creation_input_tokens" },
  // LiteLLM: https://docs.litellm.ai/docs/completion/prompt_caching
  { at: "details", name: "cache_creation_tokens" },
  { at: "usage", name: "cache_creation_input_tokens" },
  // new-api and its descendants
  { at: "details", name: "cached_creation_tokens" },
  // Bifrost
  { at: "details", name: "cached_write_tokens" },
]

/** Objects that split what was written by time to live, and the name of the longer one in them. */
const LONG_WRITES: readonly (Spelling & { readonly long: string })[] = [
  // OpenAI: `ResponseUsage.InputTokensDetails.CacheWriteTokensDetails` of its SDK, 30 minutes and 12 hours
  { at: "details", name: "cache_write_tokens_details", long: "ttl_12h_tokens" },
  // LiteLLM
  { at: "details", name: "cache_creation_token_details", long: "ephemeral_1h_input_tokens" },
  // gateways that hand Anthropic's own object on
  { at: "usage", name: "cache_creation", long: "ephemeral_1h_input_tokens" },
]

/** The first spelling that counts something; 0 where one says so; null: none of them is there. */
export function countIn(usage: Loose, details: Loose | null, spellings: readonly Spelling[]): number | null {
  let found: number | null = null
  for (const { at, name } of spellings) {
    const count = asCount(at === "usage" ? usage[name] : details?.[name])
    if (count !== null && count > 0) return count
    found ??= count
  }
  return found
}

/** Of what was written to a cache, what is kept longer than the vendor's usual time. */
export function longWrites(usage: Loose, details: Loose | null): number {
  for (const { at, name, long } of LONG_WRITES) {
    const count = asCount(asObject(at === "usage" ? usage[name] : details?.[name])?.[long])
    if (count !== null && count > 0) return count
  }
  return 0
}

/** OpenRouter reports USD, xAI ticks of 1e-10 USD. */
export function reportedCostUsd(usage: Loose): number | null {
  const { cost, cost_in_usd_ticks: ticks } = usage
  if (typeof cost === "number") return cost
  return typeof ticks === "number" ? ticks / 1e10 : null
}

/** OpenRouter: prompt and completions on Chat, input and output on Responses. */
export function reportedSides(usage: Loose): readonly [input: number | null, output: number | null] {
  const details = asObject(usage["cost_details"])
  if (details === null) return NO_SIDES
  const side = (...names: readonly string[]): number | null => {
    for (const name of names) {
      const usd = details[`upstream_inference_${name}_cost`]
      if (typeof usd === "number") return usd
    }
    return null
  }
  return [side("prompt", "input"), side("completions", "output")]
}

const NO_SIDES = [null, null] as const

/** Words for what every call gets: nothing is billed for it beside the plain price. */
const USUAL_SPEEDS: ReadonlySet<string> = new Set(["", "standard", "default"])
/** Anthropic says `not_available` for models that know no places. https://platform.claude.com/docs/en/build-with-claude/data-residency */
const USUAL_PLACES: ReadonlySet<string> = new Set(["", "global", "not_available"])

/** Recorded, so bounded. "" stays: it means the usual. */
function asWord(value: unknown): string | null {
  return value === "" ? value : asToken(value)
}

export function speedOf(usage: Loose): string | null {
  const speed = asWord(usage["speed"])
  return speed === null || USUAL_SPEEDS.has(speed) ? null : speed
}

export function inferenceGeoOf(usage: Loose): string | null {
  const place = asWord(usage["inference_geo"])
  return place === null || USUAL_PLACES.has(place) ? null : place
}

const COUNT_SUFFIX = /_(?:requests|calls|call)$/
/** Sums over all tools, which stand beside the tools' own counts: OpenRouter's two, and xAI's. */
const SUMS = ["tool_calls_executed", "num_server_side_tools_used"] as const
const NO_TOOLS: ReadonlySet<string> = new Set([...SUMS, "tool_calls_requested"])
/** Uses that a sum has and no tool's own count. */
const UNNAMED = "other"

/** Counts of hosted tools by the tools' names; a tool that was not used is not listed. Null: none was. */
export function hostedToolsIn(...reports: readonly unknown[]): Readonly<Record<string, number>> | null {
  const counts = new Map<string, number>()
  let sum = 0
  for (const report of reports) {
    const entries = asObject(report)
    if (entries === null) continue
    for (const name of SUMS) sum = Math.max(sum, asCount(entries[name]) ?? 0)
    for (const name in entries) {
      const count = asCount(entries[name])
      if (count === null || count === 0 || NO_TOOLS.has(name)) continue
      const tool = name.replace(COUNT_SUFFIX, "")
      counts.set(tool, Math.max(counts.get(tool) ?? 0, count))
    }
  }
  let named = 0
  for (const count of counts.values()) named += count
  if (sum > named) counts.set(UNNAMED, sum - named)
  return counts.size === 0 ? null : Object.fromEntries(counts)
}
