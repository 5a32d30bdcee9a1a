/** What is recorded of calls beside their usage. */
import type { DecisionTelemetry, DiagnosticsConfig } from "../config.ts"

/** How much of a decision is recorded. */
export interface TelemetryRule {
  readonly maxCandidates: number
  readonly maxFilterReasons: number
  /** Targets, reasons against them and score terms; the call's shape and the choice are recorded anyway. */
  readonly candidates: boolean
}

/** How much of what an upstream says in an error is recorded. */
export interface UpstreamErrorRule {
  readonly maxBytes: number
}

export function telemetryRule(entry: DecisionTelemetry): TelemetryRule | null {
  if (!entry.enabled) return null
  return {
    maxCandidates: entry.max_candidates,
    maxFilterReasons: entry.max_filter_reasons,
    candidates: entry.record_candidates,
  }
}

/** Null: nothing is. */
export function upstreamErrorRule(entry: DiagnosticsConfig): UpstreamErrorRule | null {
  return entry.enabled && entry.store_sanitized_upstream_errors ? { maxBytes: entry.max_error_bytes } : null
}

/** Of one group, for those who compare calls before and after a change of it. */
export interface GroupFingerprints {
  /** Of all that decides where its calls go. */
  readonly config: string
  /** Of its strategy and its settings. */
  readonly policy: string
}
