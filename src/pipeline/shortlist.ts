/**
 * Step 4: which targets can serve this call, and why the others cannot. What only the decoded body tells is asked when
 * such a target's turn comes (`translate.ts`): a call that its first target serves in its own dialect is never decoded.
 */
import type { Group, Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/dialect.ts"
import { RouterError } from "../errors.ts"
import { NEEDS, type Need } from "./needs.ts"

/** Why a target is left out; a closed list. */
export type RejectionReason =
  /** It speaks another dialect, and the group does not translate. */
  | "translation-off"
  /** The same model of the same upstream stands in the group in the client's own dialect. */
  | "other-skin"
  /** It does not say that it has what the call needs, and only the client's own dialect is tried without that. */
  | Need
  /** More than one choice was asked for. */
  | "choices"
  /** The call points at state that only its own dialect can hold. */
  | "state"
  /** The body is none that can be translated. */
  | "invalid-request"
  /** The group forbids losses, and the translation has some. */
  | "translation-loss"

export interface Rejection {
  readonly target: Target
  readonly reason: RejectionReason
  /** What the caller is told when nothing else is left; null: `no-eligible-target`. */
  readonly error: RouterError | null
}

export interface Shortlist {
  readonly eligible: readonly Target[]
  readonly rejected: readonly Rejection[]
}

/** Depends on nothing but the configuration. */
const known = new WeakMap<Group, Map<DialectName, Shortlist>>()

/** @throws RouterError `no-eligible-target`, or the group's own refusal */
export function shortlistFor(group: Group, dialect: DialectName): Shortlist {
  if (group.refusal !== null) throw new RouterError(group.refusal)
  const shortlist = known.get(group)?.get(dialect) ?? remember(group, dialect)
  if (shortlist.eligible.length === 0) throw refusal(group, dialect, shortlist.rejected)
  return shortlist
}

function remember(group: Group, dialect: DialectName): Shortlist {
  const shortlist = shortlistOf(group, dialect)
  const lists = known.get(group) ?? new Map<DialectName, Shortlist>()
  known.set(group, lists.set(dialect, shortlist))
  return shortlist
}

function shortlistOf(group: Group, dialect: DialectName): Shortlist {
  const native = new Set(group.targets.filter((target) => target.dialect === dialect).map((target) => target.skin))
  const rejected: Rejection[] = []
  const eligible = group.targets.filter((target) => {
    if (target.dialect === dialect) return true
    const reason = group.translation === "off" ? "translation-off" : native.has(target.skin) ? "other-skin" : null
    if (reason !== null) rejected.push({ target, reason, error: null })
    return reason === null
  })
  return { eligible, rejected }
}

/** What the caller is told when every target was passed over before anything was sent. */
export function refusal(group: Group, dialect: DialectName, rejected: readonly Rejection[]): RouterError {
  const decisive = (["invalid-request", "state", "translation-loss"] as const)
    .map((reason) => rejected.find((rejection) => rejection.reason === reason)?.error ?? null)
    .find((error) => error !== null)
  return decisive ?? noEligibleTarget(group, dialect, rejected)
}

function noEligibleTarget(group: Group, dialect: DialectName, rejected: readonly Rejection[]): RouterError {
  const needs = NEEDS.filter((need) => rejected.some(({ reason }) => reason === need))
  const wanted = needs.length === 0 ? "" : ` or declares ${needs.join(", ")} in its own`
  return new RouterError("no-eligible-target", {
    message: `No target of the model group "${group.name}" speaks ${dialect}${wanted}.`,
    details: {
      model: group.name,
      dialect,
      requirements: [dialect, ...needs],
      rejected: rejected.map(({ target, reason }) => ({ target: target.index, reason })),
      hint: `add a target with dialect ${dialect} under models.${group.name}.targets${needs.length === 0 ? "" : ", or say what the others can do"}`,
    },
  })
}
