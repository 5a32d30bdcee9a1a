/** The targets that a run asks. */
import type { Group, Target } from "../../config/snapshot.ts"
import { nearest } from "../../nearest.ts"
import { type Arguments, UsageError } from "../command.ts"

export interface Chosen {
  readonly group: Group
  readonly target: Target
}

/** By `--group` and `--target`. @throws UsageError */
export function chosenTargets(groups: ReadonlyMap<string, Group>, options: Arguments): readonly Chosen[] {
  const name = options.text("group")
  const place = options.text("target")
  if (name === undefined) {
    if (place !== undefined) throw new UsageError("The option --target goes with --group.")
    return [...new Set(groups.values())].flatMap((group) => group.targets.map((target) => ({ group, target })))
  }
  const group = groups.get(name)
  if (group === undefined) {
    const meant = nearest(name, [...groups.keys()])
    throw new UsageError(
      `There is no model group ${JSON.stringify(name)}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
    )
  }
  if (place === undefined) return group.targets.map((target) => ({ group, target }))
  const target = /^\d+$/.test(place) ? group.targets[Number(place) - 1] : undefined
  if (target === undefined)
    throw new UsageError(
      `The group ${group.name} has no target ${place}: it has ${group.targets.length}, counted from 1.`,
    )
  return [{ group, target }]
}
