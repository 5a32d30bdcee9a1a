/** Step 4: which targets can serve this call, and why the others cannot. */
import type { Group, Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/dialect.ts"
import { RouterError } from "../errors.ts"

/** Why a target is left out; a closed list. */
export type RejectionReason = "dialect"

export interface Rejection {
  readonly target: Target
  readonly reason: RejectionReason
}

export interface Shortlist {
  readonly eligible: readonly Target[]
  readonly rejected: readonly Rejection[]
}

/** @throws RouterError `no-eligible-target`, or the group's own refusal */
export function shortlistFor(group: Group, dialect: DialectName): Shortlist {
  if (group.refusal !== null) throw new RouterError(group.refusal)
  const eligible = group.targets.filter((target) => target.dialect === dialect)
  if (eligible.length === group.targets.length) return { eligible, rejected: [] }
  const rejected = group.targets
    .filter((target) => target.dialect !== dialect)
    .map((target): Rejection => ({ target, reason: "dialect" }))
  if (eligible.length === 0) throw noEligibleTarget(group, dialect, rejected)
  return { eligible, rejected }
}

function noEligibleTarget(group: Group, dialect: DialectName, rejected: readonly Rejection[]): RouterError {
  return new RouterError("no-eligible-target", {
    message: `No target of the model group "${group.name}" speaks ${dialect}.`,
    details: {
      model: group.name,
      dialect,
      requirements: [dialect],
      rejected: rejected.map(({ target, reason }) => ({ target: target.index, reason })),
      hint: `add a target with dialect ${dialect} under models.${group.name}.targets`,
    },
  })
}
