/**
 * What live calls prove. The rule, with its numbers, is told in docs/activation.md:
 * - `RENEW_AFTER` whole answers that show a capability renew its record, where no more than one attempt in a hundred failed;
 * - `SUSPEND_AFTER` faults in a row, of calls that need a capability, suspend it, where a call without it was answered meanwhile;
 * - so many refusals in a row of key or model suspend `entitlement`.
 * A refusal of a request never counts: callers can cause those.
 */
import type { Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import type { Capability } from "./capabilities.ts"

export const RENEW_AFTER = 1000
export const SUSPEND_AFTER = 20
const MOST_FAULTS_SHARE = 0.01

/** The end of one attempt. */
export interface HeardEnd {
  readonly target: Target
  readonly dialect: DialectName
  readonly needed: readonly Capability[]
  readonly end: "answered" | "fault" | "refused"
  readonly calledTools: boolean
}

export interface TrafficChange {
  readonly capability: Capability
  readonly result: "pass" | "fail"
  readonly counters: Readonly<Record<string, number>>
  readonly reason: string
}

/** What a whole answer shows by itself; of an image it does not show whether the model saw it. */
const SHOWN: readonly Capability[] = ["entitlement", "text", "streaming", "tools"]
/** Where calls with and without it can be told apart. */
const TOLD_APART: readonly Capability[] = [
  "streaming",
  "tools",
  "forced-tools",
  "parallel-tools",
  "structured-output",
  "image",
  "document",
  "reasoning",
  "stop-sequences",
]
const WATCHED: readonly Capability[] = [...new Set([...SHOWN, ...TOLD_APART])]

interface Tally {
  clean: number
  faults: number
  /** Faults or refusals in a row. */
  run: number
  /** A call without the capability was answered during the run. */
  isContrasted: boolean
}

export class Traffic {
  readonly #tallies = new WeakMap<Target, Map<string, Tally>>()

  /** What follows from it; a change that was told begins its count anew. */
  heard(end: HeardEnd): readonly TrafficChange[] {
    const changes: TrafficChange[] = []
    for (const capability of WATCHED) {
      const change = this.#count(capability, end)
      if (change !== null) changes.push(change)
    }
    return changes
  }

  #count(capability: Capability, end: HeardEnd): TrafficChange | null {
    const tally = this.#tally(end.target, end.dialect, capability)
    if (!end.needed.includes(capability)) {
      if (end.end === "answered" && tally.run > 0) tally.isContrasted = true
      return null
    }
    if (end.end === "answered") {
      tally.run = 0
      tally.isContrasted = false
      if (isShown(capability, end)) tally.clean += 1
      return renewed(capability, tally)
    }
    const isOfKey = capability === "entitlement"
    if (isOfKey !== (end.end === "refused")) return null
    tally.faults += 1
    tally.run += 1
    return suspended(capability, tally, isOfKey)
  }

  #tally(target: Target, dialect: DialectName, capability: Capability): Tally {
    let ofTarget = this.#tallies.get(target)
    if (ofTarget === undefined) {
      ofTarget = new Map<string, Tally>()
      this.#tallies.set(target, ofTarget)
    }
    const key = `${dialect} ${capability}`
    let tally = ofTarget.get(key)
    if (tally === undefined) ofTarget.set(key, (tally = { clean: 0, faults: 0, run: 0, isContrasted: false }))
    return tally
  }
}

function isShown(capability: Capability, { calledTools }: HeardEnd): boolean {
  return SHOWN.includes(capability) && (capability !== "tools" || calledTools)
}

function renewed(capability: Capability, tally: Tally): TrafficChange | null {
  const { clean, faults } = tally
  if (clean < RENEW_AFTER) return null
  reset(tally)
  if (faults > clean * MOST_FAULTS_SHARE) return null
  const reason = `${clean} whole answers to calls with it`
  return { capability, result: "pass", counters: { calls: clean, faults }, reason }
}

function suspended(capability: Capability, tally: Tally, isOfKey: boolean): TrafficChange | null {
  const { run, isContrasted } = tally
  if (run < SUSPEND_AFTER || !(isOfKey || (isContrasted && TOLD_APART.includes(capability)))) return null
  reset(tally)
  const reason = isOfKey
    ? `${run} calls in a row were refused for their key or model`
    : `${run} calls in a row with it failed, others were answered`
  return { capability, result: "fail", counters: { calls: run }, reason }
}

function reset(tally: Tally): void {
  tally.clean = 0
  tally.faults = 0
  tally.run = 0
  tally.isContrasted = false
}
