/**
 * Chat Completions usage: `prompt_tokens` includes cached ones, `completion_tokens` includes reasoning.
 * https://platform.openai.com/docs/api-reference/chat/object
 */
import type { Usage } from "../dialect.ts"
import { asCount, asObject, type Loose } from "../loose.ts"

export function readChatUsage(value: unknown): Usage | null {
  const usage = asObject(value)
  if (usage === null) return null
  const prompt = asCount(usage["prompt_tokens"])
  const completion = asCount(usage["completion_tokens"])
  if (prompt === null && completion === null) return null
  const input = asObject(usage["prompt_tokens_details"])
  const output = asObject(usage["completion_tokens_details"])
  const cached = Math.min(cachedTokens(usage, input), prompt ?? 0)
  const written = Math.min(asCount(input?.["cache_write_tokens"]) ?? 0, (prompt ?? 0) - cached)
  const reasoning = asCount(output?.["reasoning_tokens"]) ?? asCount(usage["reasoning_tokens"])
  return {
    freshInputTokens: (prompt ?? 0) - cached - written,
    cachedInputTokens: cached,
    cacheWrite5mTokens: written,
    cacheWrite1hTokens: 0,
    outputTokens: outputTokens(prompt ?? 0, completion ?? 0, reasoning ?? 0, asCount(usage["total_tokens"])),
    reasoningTokens: reasoning,
    reportedCostUsd: reportedCostUsd(usage),
    mixedModels: false,
  }
}

/** OpenAI's place first; then DeepSeek's, Hugging Face's and Mistral's own names. */
function cachedTokens(usage: Loose, details: Loose | null): number {
  const names = ["prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens"]
  return asCount(details?.["cached_tokens"]) ?? names.map((name) => asCount(usage[name])).find((n) => n !== null) ?? 0
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
