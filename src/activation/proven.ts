/** Whether a group has a target that may serve. */
import type { Group } from "../config/snapshot.ts"
import { DIALECT_NAMES } from "../dialects/wires.ts"
import { ALWAYS_NEEDED } from "./capabilities.ts"
import { reasonAgainst } from "./gate.ts"
import type { Standings } from "./standings.ts"

/** Each once, whatever its aliases. */
export function gatedGroups(groups: Iterable<Group>): readonly Group[] {
  return [...new Set(groups)].filter(({ activation }) => activation !== null)
}

/** Gated groups of which no target may serve the plainest call of any dialect. `nowMs`: Unix milliseconds. */
export function unprovenGroups(groups: Iterable<Group>, standings: Standings, nowMs: number): readonly Group[] {
  return gatedGroups(groups).filter((group) => !isProven(group, standings, nowMs))
}

function isProven(group: Group, standings: Standings, nowMs: number): boolean {
  return group.targets.some((target) =>
    DIALECT_NAMES.some((dialect) => reasonAgainst(standings, group, target, dialect, ALWAYS_NEEDED, nowMs) === null),
  )
}
