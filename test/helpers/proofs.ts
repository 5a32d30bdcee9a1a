/** Writes records of activation for the targets of a configuration, as checks of them would. */
import { readFileSync } from "node:fs"
import { ALWAYS_NEEDED, type Capability } from "../../src/activation/capabilities.ts"
import { fingerprintOf } from "../../src/activation/fingerprint.ts"
import type { ActivationRecord } from "../../src/activation/record.ts"
import { openActivationRecords } from "../../src/activation/store.ts"
import { compile } from "../../src/config/compile/compile.ts"
import type { Config } from "../../src/config/config.ts"
import { loadConfig } from "../../src/config/load.ts"
import type { Snapshot } from "../../src/config/snapshot.ts"
import { usageAddress } from "../../src/server/retention.ts"
import type { Clock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import type { Prepared } from "./config.ts"

export interface Proof extends Partial<Omit<ActivationRecord, "capability" | "provider">> {
  /** The provider of one target of the group. */
  readonly provider: string
  readonly capabilities?: readonly Capability[]
}

export function loadedFrom({ configPath, env }: Pick<Prepared, "configPath" | "env">): {
  config: Config
  snapshot: Snapshot
} {
  const { config } = loadConfig({ path: configPath, env, readFile: (path) => readFileSync(path, "utf8") })
  if (config === null) throw new Error("the configuration has errors")
  return { config, snapshot: compile(config, { userAgent: "test" }) }
}

/** The records of a check of the first target of that provider; what the proof does not say is that of a check that passes. */
export function recordsFor(
  snapshot: Snapshot,
  groupName: string,
  proof: Proof,
  nowMs: number,
): readonly ActivationRecord[] {
  const { provider, capabilities = ALWAYS_NEEDED, ...said } = proof
  const target = snapshot.groups.get(groupName)?.targets.find((one) => one.provider.name === provider)
  if (target === undefined) throw new Error(`no target of ${provider} in ${groupName}`)
  const group = said.group ?? null
  return capabilities.map((capability) => ({
    provider,
    model: target.model,
    group,
    dialect: target.dialect,
    capability,
    result: "pass",
    checkedAtMs: nowMs,
    expiresAtMs: nowMs + 604_800_000,
    fingerprint: fingerprintOf(target, group, capability),
    source: "validate",
    evidence: {
      requestIds: ["req-1"],
      counters: { cost_nano_usd: 1000 },
      timings: { whole_ms: 5 },
      askedHash: null,
      reason: null,
    },
    ...said,
  }))
}

export async function prove(prepared: Prepared, group: string, proofs: readonly Proof[], clock: Clock): Promise<void> {
  const { config, snapshot } = loadedFrom(prepared)
  const store = await openActivationRecords(usageAddress(config), { clock, log: silentLog })
  await store.write(proofs.flatMap((proof) => recordsFor(snapshot, group, proof, clock.now())))
  await store.close()
}
