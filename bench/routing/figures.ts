/** What is told of a simulated run. */
import type { Scenario } from "./scenarios.ts"
import type { Outcome } from "./simulate.ts"

export interface Summary {
  readonly usdPerThousandCalls: number
  readonly meanLatencyMs: number
  readonly p95LatencyMs: number
  readonly p95FirstTokenMs: number
  readonly unserved: number
  /** How often two calls in a row began with different targets, explored ones left out; per thousand calls. */
  readonly changesPerThousand: number
  readonly trouble: TroubleSummary | null
}

export interface TroubleSummary {
  /** Of the calls that arrived while the target was in trouble. */
  readonly meanLatencyMs: number
  readonly p95LatencyMs: number
  readonly p95FirstTokenMs: number
  /** Share of them that began with it. */
  readonly share: number
  /** Seconds from the beginning of the trouble to the moment since which under a tenth of the calls begin with it; null: never. */
  readonly awayAfterS: number | null
  /** Seconds from its end to the moment since which most calls begin with it again; null: never. */
  readonly backAfterS: number | null
}

const MINUTE = 60_000
const STEP_MS = 10_000

export function summaryOf(scenario: Scenario, outcomes: readonly Outcome[]): Summary {
  const { trouble, farEnds } = scenario
  const place = farEnds.findIndex(({ name }) => name === trouble?.target)
  return {
    usdPerThousandCalls: (sum(outcomes.map(({ costNanoUsd }) => costNanoUsd)) / outcomes.length / 1e9) * 1000,
    ...latencies(outcomes),
    unserved: outcomes.filter(({ served }) => !served).length,
    changesPerThousand: (changes(outcomes) / outcomes.length) * 1000,
    trouble:
      trouble === null ? null : troubleSummary(outcomes, place, trouble.fromMinute * MINUTE, trouble.toMinute * MINUTE),
  }
}

function troubleSummary(outcomes: readonly Outcome[], place: number, fromMs: number, toMs: number): TroubleSummary {
  const during = outcomes.filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
  const shareIn = (startMs: number): number => shareOf(outcomes, place, startMs, startMs + STEP_MS)
  const last = outcomes.at(-1)?.atMs ?? 0
  return {
    ...latencies(during),
    share: during.filter(({ first }) => first === place).length / during.length,
    awayAfterS: settledAfter(fromMs, toMs, (atMs) => shareIn(atMs) < 0.1),
    backAfterS: settledAfter(toMs, last - STEP_MS, (atMs) => shareIn(atMs) > 0.5),
  }
}

/** Seconds until the condition holds for all steps that follow. */
function settledAfter(fromMs: number, toMs: number, holds: (atMs: number) => boolean): number | null {
  let since: number | null = null
  for (let atMs = fromMs; atMs < toMs; atMs += STEP_MS) {
    if (!holds(atMs)) since = null
    else since ??= atMs
  }
  return since === null ? null : (since - fromMs) / 1000
}

export function shareOf(outcomes: readonly Outcome[], place: number, fromMs: number, toMs: number): number {
  const within = outcomes.filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
  return within.length === 0 ? 0 : within.filter(({ first }) => first === place).length / within.length
}

function latencies(outcomes: readonly Outcome[]): Pick<Summary, "meanLatencyMs" | "p95LatencyMs" | "p95FirstTokenMs"> {
  return {
    meanLatencyMs: sum(outcomes.map(({ latencyMs }) => latencyMs)) / outcomes.length,
    p95LatencyMs: percentile(outcomes.map(({ latencyMs }) => latencyMs)),
    p95FirstTokenMs: percentile(outcomes.map(({ firstTokenMs }) => firstTokenMs)),
  }
}

export function percentile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? 0
}

function changes(outcomes: readonly Outcome[]): number {
  const plain = outcomes.filter(({ explored }) => !explored)
  return plain.filter(({ first }, index) => index > 0 && plain[index - 1]?.first !== first).length
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
