/** What a call is expected to use, before anybody knows: for shared capacity. */
import type { Target } from "../config/snapshot.ts"
import type { Demand } from "../upstream/shaping.ts"
import type { Call } from "./call.ts"

/** A token of English text or code is about four bytes of JSON. */
const BYTES_PER_TOKEN = 4

export function estimatedInputTokens(call: Call): number {
  return Math.ceil((call.body?.bytes.length ?? 0) / BYTES_PER_TOKEN)
}

/** Every choice may be as long as the cap; without one it may be as long as the default, or as the model can. */
export function reservedOutputTokens(call: Call, target: Target): number {
  const { outputCap, choices } = call.facts
  const mostTokens = target.facts.maxOutputTokens ?? Infinity
  return Math.min(outputCap?.tokens ?? call.snapshot.limits.defaultOutputReservation, mostTokens) * choices
}

export function demandOf(call: Call, target: Target): Demand {
  return { inputTokens: estimatedInputTokens(call), outputTokens: reservedOutputTokens(call, target) }
}
