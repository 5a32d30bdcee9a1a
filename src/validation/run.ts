/** Runs checks of one target: directly, then through a router whose group is pinned to it. */
import { fingerprintsOf } from "../activation/fingerprint.ts"
import type { Capability } from "../activation/capabilities.ts"
import type { ActivationRecord, Evidence } from "../activation/record.ts"
import type { Target } from "../config/snapshot.ts"
import type { Clock } from "../system/clock.ts"
import type { Upstream } from "../upstream/send.ts"
import { behindDoor, type RouterDoor } from "./address.ts"
import { askingOf } from "./ask.ts"
import { type Check, type CheckOptions, Judgement, type Outcome } from "./check.ts"
import { CHECKS } from "./checks.ts"
import { EvidenceOf } from "./evidence.ts"
import { dearest, type Purse } from "./purse.ts"
import type { Words } from "./words.ts"

export type Way = "direct" | "router"

export interface CheckResult {
  readonly way: Way
  readonly capability: Capability
  readonly outcome: Outcome
  /** Why it did not pass; null: it did. */
  readonly reason: string | null
  readonly proves: string
  readonly evidence: Evidence
}

export interface TargetRun {
  readonly target: Target
  /** Null: none of the ways leads through a router. */
  readonly door: RouterDoor | null
  readonly isDirect: boolean
  /** Null: all that the configuration declares. */
  readonly only: ReadonlySet<Capability> | null
  /** Also what the configuration says nothing of. */
  readonly asksUndeclared: boolean
  readonly options: CheckOptions
  readonly purse: Purse
}

export interface RunMeans {
  readonly upstream: Pick<Upstream, "send">
  readonly clock: Clock
  readonly words: Words
}

/** Why a check is not run; null: it is. */
export function whyNot(check: Check, { target, only, asksUndeclared, options }: Plan): string | null {
  const isNamed = only !== null && only.has(check.name)
  if (only !== null && !isNamed && check !== CHECKS[0]) return "it was not asked for"
  const impossible = check.impossible(target, options)
  if (impossible !== null) return impossible
  const declared = check.declared(target)
  if (declared === false && !isNamed) return "the configuration says that the target cannot"
  if (declared === null && !isNamed && !asksUndeclared) return "the configuration says nothing of it"
  return null
}

type Plan = Pick<TargetRun, "target" | "only" | "asksUndeclared" | "options">

/** Nano-USD that the checks of a target cost at most, each way; null: a price is unknown. */
export function mostCost(plan: Plan): number | null {
  const planned = CHECKS.filter((check) => whyNot(check, plan) === null)
  return planned.reduce<number | null>((sum, check) => {
    const cost = dearest(plan.target, check.most(plan.target))
    return sum === null || cost === null ? null : sum + cost
  }, 0)
}

/** How many checks are run, each way. */
export function plannedCount(plan: Plan): number {
  return CHECKS.filter((check) => whyNot(check, plan) === null).length
}

/** Results as they come. Rejects with faults of the router's own alone. */
export async function* runTarget(run: TargetRun, means: RunMeans): AsyncGenerator<CheckResult> {
  const { door, isDirect } = run
  const direct = new Map<Capability, Outcome>()
  if (isDirect)
    for await (const result of runWay(run, "direct", means, direct)) {
      direct.set(result.capability, result.outcome)
      yield result
    }
  if (door !== null) yield* runWay(run, "router", means, direct)
}

async function* runWay(
  run: TargetRun,
  way: Way,
  means: RunMeans,
  before: ReadonlyMap<Capability, Outcome>,
): AsyncGenerator<CheckResult> {
  let isOpen = true
  for (const [index, check] of CHECKS.entries()) {
    const reason: string | null = whyNot(check, run) ?? hindrance(check, way, before, isOpen)
    const result: CheckResult =
      reason === null ? await runCheck(check, way, run, means) : resultOf(check, way, "skipped", reason)
    if (index === 0) isOpen = result.outcome === "pass"
    yield result
  }
}

function hindrance(check: Check, way: Way, before: ReadonlyMap<Capability, Outcome>, isOpen: boolean): string | null {
  if (!isOpen) return "the target is not entitled"
  const outcome = way === "router" ? (before.get(check.name) ?? "pass") : "pass"
  return outcome === "pass" ? null : "it did not pass directly"
}

async function runCheck(check: Check, way: Way, run: TargetRun, means: RunMeans): Promise<CheckResult> {
  const evidence = new EvidenceOf()
  const { door } = run
  const target = way === "router" && door !== null ? behindDoor(run.target, door) : run.target
  const asking = askingOf({ ...means, ...run, target, isDirect: way === "direct", evidence })
  try {
    await check.run(asking)
    return resultOf(check, way, "pass", null, evidence)
  } catch (error) {
    if (!(error instanceof Judgement)) throw error
    return resultOf(check, way, error.outcome, error.message, evidence)
  }
}

function resultOf(
  { name, proves }: Check,
  way: Way,
  outcome: Outcome,
  reason: string | null,
  evidence: EvidenceOf = new EvidenceOf(),
): CheckResult {
  return { way, capability: name, outcome, reason, proves, evidence: evidence.taken(reason) }
}

export interface Recording {
  readonly target: Target
  /** The group that a router was asked for. */
  readonly group: string
  readonly nowMs: number
  readonly lifeMs: number
}

/** Null: nothing is proven either way. */
export function recordOf(result: CheckResult, { target, group, nowMs, lifeMs }: Recording): ActivationRecord | null {
  const { outcome, capability, way, evidence } = result
  if (outcome !== "pass" && outcome !== "fail") return null
  const through = way === "direct" ? null : group
  return {
    provider: target.provider.name,
    model: target.model,
    group: through,
    dialect: target.dialect,
    capability,
    result: outcome,
    checkedAtMs: nowMs,
    expiresAtMs: nowMs + lifeMs,
    fingerprint: fingerprintsOf(target, through)[capability],
    source: "validate",
    evidence,
  }
}
