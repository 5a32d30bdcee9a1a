/** The keys by which a configuration speaks of capabilities; what has none cannot be declared. */
import type { Capability } from "../activation/capabilities.ts"

export type DeclarableCapability = Extract<
  Capability,
  "caps" | "tools" | "forced-tools" | "structured-output" | "image" | "reasoning"
>

export const CAPABILITY_KEYS: Readonly<Record<DeclarableCapability, string>> = {
  caps: "honors_max_tokens",
  tools: "tool_support",
  "forced-tools": "tool_support",
  "structured-output": "tool_support",
  image: "input_modalities",
  reasoning: "reasoning",
}

export function isDeclarable(capability: Capability): capability is DeclarableCapability {
  return Object.hasOwn(CAPABILITY_KEYS, capability)
}
