/** Runs checks of one target: directly, then through a router whose group is pinned to it. */
import { fingerprintsOf } from "../activation/fingerprint.ts"
import type { Capability } from "../activation/capabilities.ts"
import { type ActivationRecord, type Evidence, USUAL_LIFE_MS } from "../activation/record.ts"
import type { DialectName } from "../dialects/name.ts"
import type { Group, Target } from "../config/snapshot.ts"
import type { Clock } from "../system/clock.ts"
import type { Upstream } from "../upstream/send.ts"
import { behindDoor, type RouterDoor } from "./address.ts"
import { askingOf } from "./ask.ts"
import { type Check, type CheckOptions, Judgement, type Outcome, roomyCapOf } from "./check.ts"
import { CHECKS } from "./checks.ts"
import { EvidenceOf } from "./evidence.ts"
import { dearest, type Purse } from "./purse.ts"
import type { Words } from "./words.ts"

export type Way = "direct" | "router"

export interface CheckResult {
  readonly way: Way
  /** What was spoken: the client's dialect where a router was asked, else the target's. */
  readonly dialect: DialectName
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
  /** Dialects of the clients that ask at the door. */
  readonly clients: readonly DialectName[]
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

/** Why a check is not run for clients of that dialect; null: it is. */
function whyNot(check: Check, { target, only, asksUndeclared, options }: Plan, client: DialectName): string | null {
  const isNamed = only !== null && only.has(check.name)
  if (only !== null && !isNamed && check !== CHECKS[0]) return "it was not asked for"
  const impossible = check.impossible(target, options, client)
  if (impossible !== null) return impossible
  const declared = check.declared(target)
  if (declared !== true && client !== target.dialect)
    return "the configuration does not say that the target can, so that no such call changes dialect"
  if (declared === false && !isNamed) return "the configuration says that the target cannot"
  if (declared === null && !isNamed && !asksUndeclared) return "the configuration says nothing of it"
  return null
}

type Plan = Pick<TargetRun, "target" | "only" | "asksUndeclared" | "options">

export interface PlannedRun {
  readonly checks: number
  /** Nano-USD at most; null: a price is unknown. */
  readonly cost: number | null
}

/** What the checks of a target come to. `spoken`: the dialect of each way. */
export function planOf(plan: Plan, spoken: readonly DialectName[]): PlannedRun {
  const planned = spoken.flatMap((client) => CHECKS.filter((check) => whyNot(check, plan, client) === null))
  const costs = planned.map((check) => dearest(plan.target, check.most(plan.target, roomyCapOf(plan.target))))
  const isKnown = dearest(plan.target, { input: 1, output: 1 }) !== null
  return { checks: planned.length, cost: isKnown ? costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0) : null }
}

/** Results as they come. Rejects with faults of the router's own alone. */
export async function* runTarget(run: TargetRun, means: RunMeans): AsyncGenerator<CheckResult> {
  const { door, isDirect, target, clients } = run
  const direct = new Map<Capability, Outcome>()
  if (isDirect)
    for await (const result of runWay(run, "direct", target.dialect, means, direct)) {
      direct.set(result.capability, result.outcome)
      yield result
    }
  if (door !== null) for (const client of clients) yield* runWay(run, "router", client, means, direct)
}

async function* runWay(
  run: TargetRun,
  way: Way,
  dialect: DialectName,
  means: RunMeans,
  before: ReadonlyMap<Capability, Outcome>,
): AsyncGenerator<CheckResult> {
  let isOpen = true
  for (const [index, check] of CHECKS.entries()) {
    const reason: string | null = whyNot(check, run, dialect) ?? hindrance(check, way, before, isOpen)
    const result: CheckResult =
      reason === null
        ? await runCheck(check, way, dialect, run, means)
        : resultOf(check, way, dialect, "skipped", reason)
    if (index === 0) isOpen = result.outcome === "pass"
    yield result
  }
}

function hindrance(check: Check, way: Way, before: ReadonlyMap<Capability, Outcome>, isOpen: boolean): string | null {
  if (!isOpen) return "the target is not entitled"
  const outcome = way === "router" ? (before.get(check.name) ?? "pass") : "pass"
  return outcome === "pass" ? null : "it did not pass directly"
}

async function runCheck(
  check: Check,
  way: Way,
  dialect: DialectName,
  run: TargetRun,
  means: RunMeans,
): Promise<CheckResult> {
  const evidence = new EvidenceOf()
  const { door } = run
  const target = way === "router" && door !== null ? behindDoor(run.target, door, dialect) : run.target
  const asking = askingOf({ ...means, ...run, target, isDirect: way === "direct", evidence })
  try {
    await check.run(asking)
    return resultOf(check, way, dialect, "pass", null, evidence)
  } catch (error) {
    if (!(error instanceof Judgement)) throw error
    return resultOf(check, way, dialect, error.outcome, error.message, evidence)
  }
}

function resultOf(
  { name, proves }: Check,
  way: Way,
  dialect: DialectName,
  outcome: Outcome,
  reason: string | null,
  evidence: EvidenceOf = new EvidenceOf(),
): CheckResult {
  return { way, dialect, capability: name, outcome, reason, proves, evidence: evidence.taken(reason) }
}

export interface Recording {
  readonly target: Target
  /** The group that a router was asked for. */
  readonly group: Pick<Group, "name" | "activation">
  readonly nowMs: number
}

/** Null: nothing is proven either way. */
export function recordOf(result: CheckResult, { target, group, nowMs }: Recording): ActivationRecord | null {
  const { outcome, capability, way, dialect, evidence } = result
  if (outcome !== "pass" && outcome !== "fail") return null
  const through = way === "direct" ? null : group.name
  return {
    provider: target.provider.name,
    model: target.model,
    group: through,
    dialect,
    capability,
    result: outcome,
    checkedAtMs: nowMs,
    expiresAtMs: nowMs + (group.activation?.expiresAfterMs ?? USUAL_LIFE_MS),
    fingerprint: fingerprintsOf(target, through)[capability],
    source: "validate",
    evidence,
  }
}
