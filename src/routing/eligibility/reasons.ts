/** Why a target is left out: closed lists, the same words in errors, traces, explanations and rows. */
import type { ActivationReason } from "../../activation/capabilities.ts"
import type { ContractReason } from "../../config/compile/target-limits.ts"

/** What the request's shape and the configuration tell, before anything is decoded or sent. */
export type FilterReason =
  /** It speaks another dialect, and the group does not translate. */
  | "translation-off"
  /** Its `bridges` say that clients of this dialect are not translated onto it. */
  | "bridge-disabled"
  /** They say so of calls that use what this one does. */
  | "bridge-feature"
  /** It speaks another dialect, and the group demands the client's own. */
  | "requested-api-skin"
  /** The same model of the same upstream stands in the group in the client's own dialect. */
  | "other-skin"
  /** It serves only calls with tools. */
  | "tool-only-target"
  | "tool-support"
  | "tool-choice-support"
  | "structured-output-support"
  | "input-modality-image"
  /** It does not reason, or not in the way that the call asks for. */
  | "reasoning"
  /** The call has an output cap, and the target ignores caps. */
  | "max-tokens-honored"
  | "request-shape-context-exceeded"
  | "request-shape-max-request-bytes"
  | "request-shape-tool-schema-bytes"
  | "request-shape-min-output-tokens"
  | "request-shape-max-output-tokens"
  | "request-shape-required-input-modality"
  | "request-shape-inbound-dialect"
  | "request-shape-unsupported-feature"
  | "request-shape-large-agent-payload"
  /** More than one choice was asked for, which does not cross dialects. */
  | "choices"
  /** `tool_choice: null` has a meaning of its own, which does not cross dialects. */
  | "tool-choice-null"
  /** Its prices are unknown, and money is limited. */
  | "unpriced"
  /** The call would cost more there than its group or its caller allows. */
  | "spend-ceiling-cost"
  /** Its tier is none that they allow. */
  | "spend-ceiling-tier"
  | ContractReason
  | ActivationReason

/** What only translating the body tells, when a target's turn comes. */
export type TranslationReason =
  /** The call points at state that only its own dialect can hold. */
  | "state"
  /** The body is none that can be translated. */
  | "invalid-request"
  /** The group forbids losses, and the translation has some. */
  | "translation-loss"

export type RejectionReason = FilterReason | TranslationReason

/** These hold for every call of a dialect, whatever its shape. */
export const BY_DIALECT: ReadonlySet<RejectionReason> = new Set([
  "translation-off",
  "bridge-disabled",
  "other-skin",
  "requested-api-skin",
])
