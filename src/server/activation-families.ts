/** How the targets of gated groups stand, as text of metrics. */
import { CAPABILITIES, type StandingState } from "../activation/capabilities.ts"
import { gatedGroups } from "../activation/proven.ts"
import { stateAt } from "../activation/standings.ts"
import { DIALECT_NAMES } from "../dialects/wires.ts"
import type { FamilyWriter } from "../metrics/exposition.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Activation } from "./activation.ts"
import { targetLabels } from "./target-labels.ts"

const STATES: readonly StandingState[] = ["proven", "failed", "expired", "changed", "missing"]

/** Nothing where no group asks for proofs. Of other dialects than the target's own only those of which something is known. */
export function writeActivation(
  out: FamilyWriter,
  { snapshot, clock }: Pick<Gateway, "snapshot" | "clock">,
  { standings, observedCalls }: Pick<Activation, "observedCalls" | "standings">,
): void {
  const groups = gatedGroups(snapshot.groups.values())
  if (groups.length === 0) return
  const now = clock.now()
  const known = groups.flatMap((group) =>
    group.targets.flatMap((target) =>
      DIALECT_NAMES.flatMap((dialect) => {
        const standing = standings.of(group, target, dialect)
        const isKnown = CAPABILITIES.some((one) => one !== "entitlement" && standing[one].state !== "missing")
        if (!isKnown && dialect !== target.dialect) return []
        return [{ labels: { ...targetLabels(group.name, target), dialect }, standing }]
      }),
    ),
  )
  out.family(
    "smart_router_activation_capabilities",
    "gauge",
    "How many capabilities of a target stand so, for calls of a dialect.",
  )
  for (const { labels, standing } of known)
    for (const state of STATES)
      out.sample({ ...labels, state }, CAPABILITIES.filter((one) => stateAt(standing[one], now) === state).length)
  out.family("smart_router_activation_age_seconds", "gauge", "The age of the record that counts.")
  for (const { labels, standing } of known)
    for (const capability of CAPABILITIES) {
      const { record } = standing[capability]
      if (record !== null) out.sample({ ...labels, capability }, Math.max(0, now - record.checkedAtMs) / 1000)
    }
  out.family(
    "smart_router_activation_observed_total",
    "counter",
    "Targets that calls of a group with `activation: observe` would have been kept from.",
  )
  for (const { name } of groups) out.sample({ group: name }, observedCalls.get(name) ?? 0)
}
