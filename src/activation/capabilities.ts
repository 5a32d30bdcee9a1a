/** The capabilities that checks prove of a target and that a call can need of one: a closed list. */

/** In the order in which they are checked: a target that fails an early one is not worth the later ones. */
export const CAPABILITIES = [
  /** The key may use the model. */
  "entitlement",
  /** Text in, text out. */
  "text",
  /** Answers of several hundred tokens, with a usage that can be believed. */
  "budget",
  /** Output caps are honoured. */
  "caps",
  "streaming",
  /** The model may call tools, and takes their results. */
  "tools",
  /** A choice of tools other than `auto`. */
  "forced-tools",
  /** Several calls of tools in one turn. */
  "parallel-tools",
  "structured-output",
  "image",
  "document",
  /** A wish to reason is honoured, and reasoning goes back in the next turn. */
  "reasoning",
  "prompt-cache",
  "stop-sequences",
  /** The caller's own mistakes come back as such. */
  "errors",
  /** The whole of the declared window. */
  "context",
] as const

export type Capability = (typeof CAPABILITIES)[number]

/** Of a capability of a target; `changed`: a record proved it of another configuration. */
export type StandingState = "proven" | "failed" | "expired" | "changed" | "missing"

/** Why a target may not serve a call: what its group demands is not proven of it. */
export type ActivationReason =
  /** No check has shown that it has what the call needs. */
  | `activation-missing-${Capability}`
  /** The newest check, or calls since, showed that it has not. */
  | `activation-failed-${Capability}`
  /** It was proven too long ago. */
  | "activation-expired"
  /** It was proven of another configuration. */
  | "activation-changed"

/** The capabilities that every call needs. */
export const ALWAYS_NEEDED: readonly Capability[] = ["entitlement", "text", "budget"]

const KNOWN: ReadonlySet<string> = new Set(CAPABILITIES)

export function isCapability(text: string): text is Capability {
  return KNOWN.has(text)
}
