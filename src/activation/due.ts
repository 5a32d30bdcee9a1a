/** Which checks are due, and the interface by which they are run. */
import { createHash } from "node:crypto"
import type { Group, Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import { DIALECT_NAMES } from "../dialects/wires.ts"
import { CAPABILITIES, type Capability } from "./capabilities.ts"
import type { ActivationRecord } from "./record.ts"
import { type Standings, stateAt } from "./standings.ts"

export interface CheckOrder {
  readonly group: Group
  readonly target: Target
  readonly capabilities: readonly Capability[]
  /** What the checks may cost. */
  readonly maxNanoUsd: number
  readonly signal: AbortSignal
}

/** Runs checks of one target, directly and through its group. Rejects where none could be run; a check that fails is a record. */
export type RunChecks = (order: CheckOrder) => Promise<readonly ActivationRecord[]>

export type DueCheck = Pick<CheckOrder, "group" | "target" | "capabilities">

/** Checks come this much of `revalidate` early, each target at its own moment. */
const SPREAD = 0.2

/**
 * Of groups with `revalidate`: what was proven or failed so long ago, what is suspended, and what was proven of another
 * configuration. The first proof is the operator's to ask for, so what was never checked is not due.
 */
export function dueChecks(groups: Iterable<Group>, standings: Standings, nowMs: number): readonly DueCheck[] {
  const due: DueCheck[] = []
  for (const group of new Set(groups)) {
    const everyMs = group.activation?.revalidateMs ?? null
    if (everyMs === null) continue
    for (const target of group.targets) {
      const waitMs = everyMs * (1 - SPREAD * shareOf(target))
      const capabilities = CAPABILITIES.filter((capability) =>
        DIALECT_NAMES.some((dialect) => isDue(capability, dialect, group, target, standings, waitMs, nowMs)),
      )
      if (capabilities.length > 0) due.push({ group, target, capabilities })
    }
  }
  return due
}

function isDue(
  capability: Capability,
  dialect: DialectName,
  group: Group,
  target: Target,
  standings: Standings,
  waitMs: number,
  nowMs: number,
): boolean {
  const standing = standings.of(group, target, dialect)[capability]
  const state = stateAt(standing, nowMs)
  if (state === "missing") return false
  if (state === "changed" || state === "expired" || standing.record === null) return true
  if (state === "failed" && standing.record.source === "traffic") return true
  return standing.record.checkedAtMs + waitMs <= nowMs
}

/** From 0 to 1: the same in all processes. */
function shareOf({ provider, model, index }: Target): number {
  const digest = createHash("sha256").update(`${provider.name}\n${model}\n${index}`).digest()
  return digest.readUInt16BE(0) / 0xffff
}
