/**
 * Tokens in disjoint counters, whatever the vendor's convention. The four input counters add up to all input;
 * `outputTokens` is all output, reasoning included. An absent counter is unknown, a zero is a zero.
 */

import type { JsonValue } from "./json.ts"

export interface Usage {
  /** Input that was neither read from nor written to a cache. */
  readonly freshInputTokens?: number
  readonly cacheReadTokens?: number
  readonly cacheWrite5mTokens?: number
  readonly cacheWrite1hTokens?: number
  readonly outputTokens?: number
  /** Part of `outputTokens`. */
  readonly reasoningTokens?: number
  /** Parts of input and output, where the upstream splits them. */
  readonly inputAudioTokens?: number
  readonly inputImageTokens?: number
  readonly outputAudioTokens?: number
  readonly outputImageTokens?: number
  readonly acceptedPredictionTokens?: number
  readonly rejectedPredictionTokens?: number
  /** Steps that the provider executed and may bill, by the vendor's name, e.g. `web_search_requests`. */
  readonly serverTools?: Readonly<Record<string, number>>
  /** Messages `iterations`, as it came: compaction and fallback models are billed from it. */
  readonly iterations?: JsonValue
  /** What the upstream itself says that the call cost; integer nano-USD. */
  readonly reportedCostNanoUsd?: number
  readonly source: "provider" | "estimated" | "partial"
}

/** A later report overwrites an earlier one, field by field; nothing is ever added. */
export function updateUsage(before: Usage | null, update: Usage): Usage {
  return before === null ? update : { ...before, ...update }
}

/**
 * The same, where a side that the later report has nothing of is no news: no call has an input of nothing, and servers
 * fill what they do not count with zeros.
 */
export function reviseUsage(before: Usage | null, update: Usage): Usage {
  if (before === null) return update
  const kept: Record<string, unknown> = {}
  if (inputTokens(update) === 0) keepCounters(kept, before, INPUT_COUNTERS)
  if ((update.outputTokens ?? 0) === 0) keepCounters(kept, before, OUTPUT_COUNTERS)
  return { ...before, ...update, ...kept }
}

const INPUT_COUNTERS = ["freshInputTokens", "cacheReadTokens", "cacheWrite5mTokens", "cacheWrite1hTokens"] as const
const OUTPUT_COUNTERS = ["outputTokens", "reasoningTokens"] as const

function keepCounters(kept: Record<string, unknown>, before: Usage, counters: readonly (keyof Usage)[]): void {
  for (const counter of counters) if (before[counter] !== undefined) kept[counter] = before[counter]
}

/** All input tokens: what Chat calls `prompt_tokens` and Responses `input_tokens`. Unknown counters count as 0. */
export function inputTokens(usage: Usage): number {
  return (usage.freshInputTokens ?? 0) + (usage.cacheReadTokens ?? 0) + cacheWriteTokens(usage)
}

export function cacheWriteTokens(usage: Usage): number {
  return (usage.cacheWrite5mTokens ?? 0) + (usage.cacheWrite1hTokens ?? 0)
}

export function totalTokens(usage: Usage): number {
  return inputTokens(usage) + (usage.outputTokens ?? 0)
}

/**
 * The disjoint input counters of a vendor whose input total includes its cache counters (Chat, Responses).
 * A cache counter beyond what is left of the total is cut, so that the sum stays the vendor's total.
 */
export function splitInput(total: number, cacheRead?: number, cacheWrite?: number): Partial<Omit<Usage, "source">> {
  const read = cacheRead === undefined ? undefined : Math.min(cacheRead, total)
  const left = total - (read ?? 0)
  const write = cacheWrite === undefined ? undefined : Math.min(cacheWrite, left)
  return {
    freshInputTokens: left - (write ?? 0),
    ...(read === undefined ? {} : { cacheReadTokens: read }),
    ...(write === undefined ? {} : { cacheWrite5mTokens: write }),
  }
}
