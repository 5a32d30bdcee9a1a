/**
 * What a record depends on, as one hash for each capability: a changed configuration invalidates the records whose
 * capability depends on what changed, and no others.
 */
import { createHash } from "node:crypto"
import type { DeclaredKey } from "../config/compile/declared.ts"
import type { Accepts } from "../config/config.ts"
import type { Target } from "../config/snapshot.ts"
import { CAPABILITIES, type Capability } from "./capabilities.ts"

/** The part of a target that fingerprints read. */
export type FingerprintedTarget = Pick<Target, "model" | "dialect" | "url" | "declared"> & {
  readonly provider: Pick<Target["provider"], "name">
}

interface Dependence {
  readonly facts: readonly DeclaredKey[]
  readonly accepts: readonly (keyof Accepts)[]
}

/** What a capability depends on, beside provider, address, model, dialect, key id and the edits of every body. */
export const DEPENDS_ON: Readonly<Record<Capability, Dependence>> = {
  entitlement: { facts: ["answers_as"], accepts: [] },
  text: {
    facts: [],
    accepts: ["system", "roles", "developer_role", "text_parts", "prefill", "sampling", "verbosity"],
  },
  budget: { facts: ["max_output_tokens"], accepts: [] },
  caps: { facts: ["honors_max_tokens", "max_output_tokens", "output_token_field"], accepts: [] },
  streaming: { facts: [], accepts: ["stream_usage"] },
  tools: { facts: ["tools"], accepts: ["tool_ids"] },
  "forced-tools": { facts: ["tools", "tool_choice"], accepts: ["tool_ids", "forced_tool_choice"] },
  "parallel-tools": { facts: ["tools"], accepts: ["tool_ids"] },
  "structured-output": { facts: ["structured_outputs"], accepts: [] },
  image: { facts: ["image"], accepts: [] },
  document: { facts: [], accepts: ["documents"] },
  reasoning: { facts: ["reasoning"], accepts: ["reasoning_history", "reasoning_beside_calls"] },
  "prompt-cache": { facts: [], accepts: ["cache_key", "automatic_cache"] },
  "stop-sequences": { facts: [], accepts: [] },
  errors: { facts: [], accepts: [] },
  context: { facts: ["context_tokens"], accepts: [] },
}

/**
 * @param group null: of a check that asks the upstream directly
 * @returns 64 hex digits; no key, address or header can be read from it
 */
export function fingerprintOf(target: FingerprintedTarget, group: string | null, capability: Capability): string {
  const { declared, model, dialect, provider, url } = target
  const { facts, accepts } = DEPENDS_ON[capability]
  return hashOf([
    capability,
    provider.name,
    hashOf(url),
    model,
    dialect,
    declared.keyId,
    declared.edits,
    facts.map((key) => declared.facts[key] ?? null),
    accepts.map((key) => declared.accepts[key] ?? null),
    group === null ? null : [group, declared.group],
  ])
}

/** All of them. */
export function fingerprintsOf(
  target: FingerprintedTarget,
  group: string | null,
): Readonly<Record<Capability, string>> {
  const entries = CAPABILITIES.map((capability) => [capability, fingerprintOf(target, group, capability)])
  return Object.fromEntries(entries) as Record<Capability, string>
}

function hashOf(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(value)))
    .digest("hex")
}

/** The order in which a file says keys means nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1))
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]))
}
