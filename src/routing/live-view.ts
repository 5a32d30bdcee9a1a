/** How the targets are doing, as strategies see it: figures of rolling windows in memory, never the usage database. */
import type { Group, Target } from "../config/snapshot.ts"

/**
 * Figures of one target over its window. Durations in milliseconds of one attempt, from sending the request; rates are
 * shares of the attempts, 0 to 1. Null: nothing to say it from. Departures and mistakes of callers are not counted.
 */
export interface Figures {
  /** Attempts that the figures are made of. */
  readonly observations: number
  /** Until the end of the answer; timed-out attempts count with the time that they took. */
  readonly p95LatencyMs: number | null
  /** Until the first content of a stream. */
  readonly p95FirstTokenMs: number | null
  /** Output tokens of whole answers, per second of their attempts. */
  readonly outputTokensPerSecond: number | null
  /** Mean of whole answers. */
  readonly outputTokensPerAnswer: number | null
  /** Attempts that failed by the target's fault, timeouts among them. */
  readonly errorRate: number
  readonly timeoutRate: number
  /** Attempts that failed before first content, so that another target could take over. */
  readonly fallbackRate: number
  /** Shares of all input tokens; they do not overlap, what is left is fresh. Null: no usage was reported. */
  readonly cachedShare: number | null
  readonly cacheWrite5mShare: number | null
  readonly cacheWrite1hShare: number | null
}

export const NO_FIGURES: Figures = {
  observations: 0,
  p95LatencyMs: null,
  p95FirstTokenMs: null,
  outputTokensPerSecond: null,
  outputTokensPerAnswer: null,
  errorRate: 0,
  timeoutRate: 0,
  fallbackRate: 0,
  cachedShare: null,
  cacheWrite5mShare: null,
  cacheWrite1hShare: null,
}

/** What a private engine says about itself. */
export interface EngineLoad {
  readonly running: number
  readonly waiting: number
  /** Share of the KV cache in use, 0 to 1; null: not reported. */
  readonly cacheUsage: number | null
}

export interface LiveView {
  /** `now` on the monotonic clock. */
  figures(target: Target, now: number): Figures
  /** Attempts that counted since the target was configured, whether they still stand in the window or not. */
  lifetimeObservations(target: Target): number
  /** Attempts that are on their way. */
  inFlight(target: Target): number
  /** Null: not asked for, not answered, or too old. */
  engineLoad(target: Target, now: number): EngineLoad | null
  /** The target that the last scored order of this lane began with: near-equal targets do not take turns. */
  leader(group: Group, lane: number): Target | null
}

export const NOTHING_OBSERVED: LiveView = {
  figures: () => NO_FIGURES,
  lifetimeObservations: () => 0,
  inFlight: () => 0,
  engineLoad: () => null,
  leader: () => null,
}
