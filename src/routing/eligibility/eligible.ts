/**
 * Which targets of a group can serve a call. What depends on the configuration alone is worked out once for each group and
 * dialect: a group whose targets have nothing to be refused for costs a call nothing.
 */
import type { Capabilities, Group, Target } from "../../config/snapshot.ts"
import type { DialectName } from "../../dialects/name.ts"
import { CAPABILITY_FILTERS } from "./capability-filters.ts"
import { CONTRACT_FILTERS } from "./contract-filters.ts"
import type { Asked, Filter } from "./filter.ts"
import { CAPABILITIES, NEEDS } from "./needs.ts"
import type { FilterReason } from "./reasons.ts"
import { SHAPE_FILTERS } from "./shape-filters.ts"
import { aboveCeiling } from "./spend-ceiling.ts"

export interface Refused {
  readonly target: Target
  readonly reason: FilterReason
}

export interface Eligibility {
  readonly eligible: readonly Target[]
  readonly refused: readonly Refused[]
}

const FILTERS: readonly Filter[] = [...CAPABILITY_FILTERS, ...SHAPE_FILTERS, ...CONTRACT_FILTERS]

interface Candidate {
  readonly target: Target
  /** Those that could ever refuse it. */
  readonly filters: readonly Filter[]
}

interface Plan {
  readonly candidates: readonly Candidate[]
  /** By the dialect alone. */
  readonly refused: readonly Refused[]
  /** Of calls that nothing can refuse; null: some can. */
  readonly free: Eligibility | null
  /** Capabilities of which a target of the client's dialect says nothing. */
  readonly unknown: readonly (keyof Capabilities)[]
}

export function eligibleTargets(group: Group, asked: Asked): Eligibility {
  const able = ableTargets(group, asked)
  return group.ceiling === null && asked.ceiling === null ? able : affordable(able, group, asked)
}

/** Money counts last: what cannot serve a call is left out for that. */
function affordable(able: Eligibility, group: Group, asked: Asked): Eligibility {
  const refused: Refused[] = []
  const eligible = able.eligible.filter((target) => {
    const reason = tooDear(target, group, asked)
    if (reason !== null) refused.push({ target, reason })
    return reason === null
  })
  return { eligible, refused: [...able.refused, ...refused] }
}

function tooDear(target: Target, group: Group, asked: Asked): FilterReason | null {
  return aboveCeiling(target, group.ceiling, group, asked) ?? aboveCeiling(target, asked.ceiling, group, asked)
}

function ableTargets(group: Group, asked: Asked): Eligibility {
  const plan = planFor(group, asked.dialect.name)
  if (plan.free !== null) return plan.free
  const eligible: Target[] = []
  const refused = [...plan.refused]
  for (const { target, filters } of plan.candidates) {
    const reason = firstReason(target, filters, asked)
    if (reason === null) eligible.push(target)
    else refused.push({ target, reason })
  }
  return { eligible, refused }
}

function firstReason(target: Target, filters: readonly Filter[], asked: Asked): FilterReason | null {
  for (const filter of filters) {
    const reason = filter.refuses(target, asked)
    if (reason !== null) return reason
  }
  return null
}

/** All that stands against each target of the group, for explanations. */
export function allRefusals(group: Group, asked: Asked): readonly Refused[] {
  const plan = planFor(group, asked.dialect.name)
  const filtered = plan.candidates.flatMap(({ target, filters }) => {
    const found = [...filters.map((filter) => filter.refuses(target, asked)), tooDear(target, group, asked)]
    const reasons = new Set(found.filter((reason) => reason !== null))
    return [...reasons].map((reason) => ({ target, reason }))
  })
  return [...plan.refused, ...filtered].toSorted((left, right) => left.target.index - right.target.index)
}

/** Labels of what the call needs and some target that gets it says nothing about. */
export function unknownNeeds(group: Group, asked: Asked): readonly string[] {
  const { unknown } = planFor(group, asked.dialect.name)
  if (unknown.length === 0) return NOTHING
  return unknown.filter((capability) => NEEDS[capability].isAsked(asked.shape)).map((one) => NEEDS[one].label)
}

export interface UnknownNeed {
  readonly target: Target
  readonly label: string
}

/** The same for each target that is said nothing about. */
export function unknownNeedsOf(group: Group, asked: Asked): readonly UnknownNeed[] {
  const unknown = unknownNeeds(group, asked)
  if (unknown.length === 0) return []
  const needs = CAPABILITIES.filter((one) => unknown.includes(NEEDS[one].label))
  const native = group.targets.filter(({ dialect }) => dialect === asked.dialect.name)
  return native.flatMap((target) =>
    needs
      .filter((capability) => target.capabilities[capability] === null)
      .map((capability) => ({ target, label: NEEDS[capability].label })),
  )
}

const NOTHING: readonly string[] = []

/** Depends on nothing but the configuration. */
const plans = new WeakMap<Group, Map<DialectName, Plan>>()

function planFor(group: Group, dialect: DialectName): Plan {
  const known = plans.get(group)?.get(dialect)
  if (known !== undefined) return known
  const plan = planOf(group, dialect)
  const ofGroup = plans.get(group) ?? new Map<DialectName, Plan>()
  plans.set(group, ofGroup.set(dialect, plan))
  return plan
}

function planOf(group: Group, dialect: DialectName): Plan {
  const native = group.targets.filter((target) => target.dialect === dialect)
  const skins = new Set(native.map(({ skin }) => skin))
  const refused: Refused[] = []
  const candidates: Candidate[] = []
  for (const target of group.targets) {
    const isForeign = target.dialect !== dialect
    if (isForeign && group.translation === "off") refused.push({ target, reason: "translation-off" })
    else if (target.limits.closedTo.includes(dialect)) refused.push({ target, reason: "bridge-disabled" })
    else if (isForeign && group.demanded.has("own-dialect")) refused.push({ target, reason: "requested-api-skin" })
    else if (isForeign && skins.has(target.skin)) refused.push({ target, reason: "other-skin" })
    else candidates.push({ target, filters: FILTERS.filter((filter) => filter.applies(target, dialect, group)) })
  }
  const isFree = candidates.every(({ filters }) => filters.length === 0)
  return {
    candidates,
    refused,
    free: isFree ? { eligible: candidates.map(({ target }) => target), refused } : null,
    unknown: CAPABILITIES.filter(
      (capability) =>
        !group.demanded.has(capability) && native.some((target) => target.capabilities[capability] === null),
    ),
  }
}
