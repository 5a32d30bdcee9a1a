/** Pretend upstreams: what an attempt of a given call at a given moment would be like. The same for every policy. */
import type { BilledUsage } from "../../src/canonical/billed-usage.ts"
import { seeded } from "./seeded.ts"

/** How a target is, in one phase of its life. */
export interface Condition {
  /** From this minute on. */
  readonly fromMinute: number
  /** Median time to first token. */
  readonly firstTokenMs: number
  readonly tokensPerSecond: number
  /** Share of the attempts that fail, quickly. */
  readonly errorShare: number
}

export interface FarEnd {
  readonly name: string
  readonly weight: number
  /** USD per million: input, cached input, output. */
  readonly prices: readonly [input: number, cached: number, output: number]
  /** Share of the input that is read from its prompt cache. */
  readonly cachedShare: number
  readonly conditions: readonly Condition[]
}

export interface SimulatedCall {
  readonly index: number
  readonly atMs: number
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface SimulatedAttempt {
  readonly durationMs: number
  readonly firstTokenMs: number
  readonly failed: boolean
  readonly usage: BilledUsage
}

const FAILS_AFTER_MS = 300

/** Arrivals are a Poisson process; sizes are log-normal. */
export function callsOf(seed: number, minutes: number, perSecond: number): readonly SimulatedCall[] {
  const random = seeded(seed)
  const calls: SimulatedCall[] = []
  for (let atMs = 0; ;) {
    atMs += (-Math.log(1 - random()) * 1000) / perSecond
    if (atMs >= minutes * 60_000) return calls
    const inputTokens = Math.round(3000 * Math.exp(normal(random)))
    const outputTokens = Math.max(1, Math.round(250 * Math.exp(0.6 * normal(random))))
    calls.push({ index: calls.length, atMs, inputTokens, outputTokens })
  }
}

/** Depends on the call, the target and the moment only, so that policies are compared on the same luck. */
export function attemptAt(farEnd: FarEnd, place: number, call: SimulatedCall, nowMs: number): SimulatedAttempt {
  const random = seeded(call.index * 31 + place * 7919 + 17)
  const condition = farEnd.conditions.findLast(({ fromMinute }) => nowMs >= fromMinute * 60_000)
  if (condition === undefined) throw new Error("a far end needs a condition from minute 0 on")
  const failed = random() < condition.errorShare
  const firstTokenMs = condition.firstTokenMs * Math.exp(0.35 * normal(random))
  const writingMs = (call.outputTokens / (condition.tokensPerSecond * Math.exp(0.15 * normal(random)))) * 1000
  const cachedInputTokens = Math.round(call.inputTokens * farEnd.cachedShare)
  return {
    durationMs: failed ? FAILS_AFTER_MS : firstTokenMs + writingMs,
    firstTokenMs,
    failed,
    usage: {
      freshInputTokens: call.inputTokens - cachedInputTokens,
      cachedInputTokens,
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 0,
      outputTokens: call.outputTokens,
      reasoningTokens: null,
      unreported: null,
      reportedCostUsd: null,
      mixedModels: false,
      parts: null,
    },
  }
}

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
