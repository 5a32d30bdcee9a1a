/** What keeps a target from a call, by how the target stands. */
import type { Group, Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import type { ActivationReason, Capability } from "./capabilities.ts"
import { type Standings, stateAt } from "./standings.ts"

/** The first reason in the order of `needed`; null: all is proven. `nowMs`: Unix milliseconds. */
export function reasonAgainst(
  standings: Standings,
  group: Group,
  target: Target,
  dialect: DialectName,
  needed: readonly Capability[],
  nowMs: number,
): ActivationReason | null {
  const standing = standings.of(group, target, dialect)
  for (const capability of needed) {
    const state = stateAt(standing[capability], nowMs)
    if (state === "failed" || state === "missing") return `activation-${state}-${capability}`
    if (state !== "proven") return `activation-${state}`
  }
  return null
}
