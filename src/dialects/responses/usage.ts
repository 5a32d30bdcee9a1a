/**
 * Responses usage: `input_tokens` includes cached ones, `output_tokens` includes reasoning.
 * https://platform.openai.com/docs/api-reference/responses/object
 */
import type { Usage } from "../dialect.ts"
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
    reportedCostUsd: typeof usage["cost"] === "number" ? usage["cost"] : null,
    mixedModels: false,
  }
}
