/**
 * Messages usage: `input_tokens` excludes cache reads and writes, `output_tokens` includes thinking.
 * With compaction, an advisor or a fallback model the top level leaves rounds out; `iterations` lists them all, and all are billed.
 * https://docs.claude.com/en/api/messages
 */
import type { Usage } from "../dialect.ts"
import { asArray, asCount, asObject, asString, type Loose } from "../loose.ts"

export function readMessagesUsage(value: unknown, model: string | null): Usage | null {
  const usage = asObject(value)
  if (usage === null || (asCount(usage["input_tokens"]) === null && asCount(usage["output_tokens"]) === null))
    return null
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
    reportedCostUsd: null,
    mixedModels: iterations.some((round) => namesOther(round, model)),
  }
}

/** `cache_creation` splits the sum by time to live; where it is missing, all writes are of the default five minutes. */
function cacheWrites(round: Loose): { short: number; long: number } {
  const all = asCount(round["cache_creation_input_tokens"]) ?? 0
  const split = asObject(round["cache_creation"])
  const long = asCount(split?.["ephemeral_1h_input_tokens"]) ?? 0
  const short = asCount(split?.["ephemeral_5m_input_tokens"]) ?? Math.max(0, all - long)
  return { short, long }
}

function namesOther(round: Loose, model: string | null): boolean {
  const own = asString(round["model"])
  return own !== null && own !== model
}
