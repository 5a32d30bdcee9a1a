/**
 * The scores that terms are made of. Each is a pure function with a value from 0 (worst) to 1 (best). What is compared is
 * compared with the best of the targets that could take the same call, so that no score depends on a unit.
 *
 * Where a target's figure is unknown its score is 0.5; where nobody's is known, or the signal is off, it is 1 for all.
 */
import type { EngineLoad, Figures } from "./live-view.ts"

export const UNKNOWN = 0.5
export const NO_DIFFERENCE = 1

/** Below this nobody cares: 1 micro-USD for a call. Makes a free target comparable. */
const LEAST_COST_NANO_USD = 1000

/** cheapest expected cost / own expected cost; costs below 1 micro-USD count as that. */
export function costScore(own: number | null, cheapest: number | null): number {
  return shareOfBest(own, cheapest, LEAST_COST_NANO_USD)
}

/** lowest p95 latency / own p95 latency. */
export function latencyScore(own: number | null, lowest: number | null): number {
  return shareOfBest(own, lowest, 1)
}

/** lowest p95 time to first token / own p95 time to first token. */
export function firstTokenScore(own: number | null, lowest: number | null): number {
  return shareOfBest(own, lowest, 1)
}

/** own output tokens per second / the highest. */
export function throughputScore(own: number | null, highest: number): number {
  if (highest <= 0) return NO_DIFFERENCE
  return own === null ? UNKNOWN : own / highest
}

/**
 * (1 - bad)², where bad = error rate + timeout rate + (error rate - fallback rate), at most 1.
 * An error that another target could cure counts once; a timeout once more, because the client waited for it; a failure
 * in the middle of an answer once more, because nobody could cure it. Squared, because agents need many calls in a row.
 */
export function reliabilityScore({ errorRate, timeoutRate, fallbackRate }: Figures): number {
  const bad = Math.min(1, errorRate + timeoutRate + Math.max(0, errorRate - fallbackRate))
  return (1 - bad) * (1 - bad)
}

/**
 * 1 - max(0, need - quality), where need is 0, 0.5 or 1 for a simple, standard or complex call, and quality is what the
 * operator's evaluation found, 0.5 without one: how far the target falls short of what the call needs.
 */
export function complexityScore(complexity: number, quality: number | null): number {
  return 1 - Math.max(0, complexity / 2 - (quality ?? UNKNOWN))
}

/** `validation.quality_score` of the target, else `validation.pass_rate`. */
export function evaluationScore(quality: number | null, anyKnown: boolean): number {
  return quality ?? (anyKnown ? UNKNOWN : NO_DIFFERENCE)
}

/** The largest batch that vLLM makes unless it is told otherwise. */
const USUAL_BATCH = 256

/**
 * (1 - cache²) / (1 + waiting / max(1, running) + running / 256), where cache is the share of the KV cache in use.
 * A request that waits costs as many turns of the batch as there are waiting ones for each that runs; running ones share
 * the engine; a cache that is nearly full makes the engine evict and compute again.
 */
export function loadScore(load: EngineLoad | null, anyKnown: boolean): number {
  if (load === null) return anyKnown ? UNKNOWN : NO_DIFFERENCE
  const cache = load.cacheUsage ?? 0
  return (1 - cache * cache) / (1 + load.waiting / Math.max(1, load.running) + load.running / USUAL_BATCH)
}

/** What is smaller than `least` counts as that. */
function shareOfBest(own: number | null, best: number | null, least: number): number {
  if (best === null) return NO_DIFFERENCE
  return own === null ? UNKNOWN : Math.max(best, least) / Math.max(own, least)
}
