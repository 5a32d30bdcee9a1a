/** The live figures that a group's contract promises, and the windows that they are read from. */
import type { GroupConfig } from "../config.ts"
import { observationRule, scoreSettings } from "./score-settings.ts"
import type { ObservationRule, Target } from "../snapshot.ts"

/** What a target must keep; Infinity and 0 where nothing is promised. */
export interface OperationalTargets {
  readonly maxP95LatencyMs: number
  /** Shares of the attempts, 0 to 1. */
  readonly maxErrorRate: number
  readonly maxTimeoutRate: number
  readonly minOutputTokensPerSecond: number
  /** With fewer attempts in its window nothing is held against a target. */
  readonly leastObservations: number
}

type Observed = Pick<Target, "provider" | "model" | "dialect" | "url">

/** Of groups that are not scored; those that are have their own. */
const WINDOW_SECONDS = 300
const LEAST_OBSERVATIONS = 20

/** Null: the contract promises nothing of this kind. */
export function operationalTargets(entry: GroupConfig): OperationalTargets | null {
  const said = entry.contract?.operational_targets
  if (said === undefined || Object.values(said).every((value) => value === undefined)) return null
  const scored = scoreSettings(entry)
  const most = said.max_p95_latency_ms ?? 0
  return {
    maxP95LatencyMs: most === 0 ? Infinity : most,
    maxErrorRate: said.max_error_rate ?? 1,
    maxTimeoutRate: said.max_timeout_rate ?? 1,
    minOutputTokensPerSecond: said.min_output_tokens_per_sec ?? 0,
    leastObservations: Math.max(1, scored?.minObservations ?? LEAST_OBSERVATIONS),
  }
}

/** Null where nobody would read what was observed. */
export function observedBy(groupName: string, entry: GroupConfig, target: Observed): ObservationRule | null {
  const scored = observationRule(groupName, entry, target)
  if (scored !== null || operationalTargets(entry) === null) return scored
  const { provider, model, dialect, url } = target
  const parts = [groupName, provider.name, model, dialect, url, "contract"]
  return { key: JSON.stringify(parts), windowMs: WINDOW_SECONDS * 1000, enough: 2 * LEAST_OBSERVATIONS }
}
