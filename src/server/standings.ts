/** How the targets of all groups stand: breakers, and why a target comes last for a while. */
import type { Group, Target } from "../config/snapshot.ts"
import type { Gateway } from "../pipeline/gateway.ts"

export interface Standing {
  /** Provider and model. */
  readonly name: string
  readonly group: string
  readonly target: Target
  readonly standing: ReturnType<Gateway["health"]["standing"]>
}

export function standings({ snapshot, health, clock }: Gateway): Standing[] {
  const now = clock.monotonicMs()
  return [...new Set<Group>(snapshot.groups.values())].flatMap((group) =>
    group.targets.map((target) => ({
      name: `${target.provider.name} / ${target.model}`,
      group: group.name,
      target,
      standing: health.standing(target, now),
    })),
  )
}
