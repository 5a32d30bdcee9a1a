/** What the operator could change so that a call like this one can be served: a path into the configuration, and its line. */
import { CAPABILITIES, type Capability } from "../../activation/capabilities.ts"
import type { Group, Target } from "../../config/snapshot.ts"
import type { DialectName } from "../../dialects/name.ts"
import type { ToolWords } from "../../dialects/wire-facts.ts"
import { WIRES } from "../../dialects/wires.ts"
import type { RejectionReason } from "./reasons.ts"

type Advice = (dialect: DialectName) => string

const support =
  (word: (words: ToolWords) => string): Advice =>
  (dialect) => {
    const { apiShape, toolSupport } = WIRES[dialect]
    return `declare ${word(toolSupport)} in tool_support.${apiShape}, if the model has it`
  }
const say =
  (text: string): Advice =>
  () =>
    text
const ofShape = (key: string): Advice => say(`see request_shape_support.${key}`)
const ofContract = (key: string): Advice =>
  say(`its live figures miss the group's contract.operational_targets.${key}; it is tried again when they are old`)

/** Of each capability one advice, by the reason before it. */
function ofActivation<Before extends "activation-missing" | "activation-failed">(
  before: Before,
  advice: (capability: Capability) => string,
): Readonly<Record<`${Before}-${Capability}`, Advice>> {
  const entries = CAPABILITIES.map((capability) => [`${before}-${capability}`, say(advice(capability))])
  return Object.fromEntries(entries) as Record<`${Before}-${Capability}`, Advice>
}

const ADVICE: Readonly<Record<RejectionReason, Advice>> = {
  "translation-off": say("set the group's translation to warn or enforce, or add a target in the client's dialect"),
  "bridge-disabled": say("the target's bridges say enabled: false for clients of this API"),
  "bridge-feature": say("the target's bridges say false for something that the call uses"),
  "requested-api-skin": say("add a target in the client's dialect, or see require_requested_api_skin of the group"),
  "other-skin": say("the same model stands in the group in the client's own dialect"),
  "tool-only-target": say("it is tool_only: add a target for calls without tools"),
  "tool-support": support(({ tools }) => tools),
  "tool-choice-support": support(({ choice }) => choice),
  "structured-output-support": support(() => "structured_outputs"),
  "input-modality-image": say("declare image in input_modalities, if the model takes images"),
  reasoning: say("declare reasoning as the call asks for it (supported, control, budgets), if the model has it"),
  "max-tokens-honored": say("honors_max_tokens is false: add a target that honours output caps"),
  "request-shape-context-exceeded": say("see context_tokens and request_shape_support.max_estimated_input_tokens"),
  "request-shape-max-request-bytes": ofShape("max_request_bytes"),
  "request-shape-tool-schema-bytes": ofShape("max_tool_schema_bytes"),
  "request-shape-min-output-tokens": ofShape("min_requested_output_tokens"),
  "request-shape-max-output-tokens": ofShape("max_requested_output_tokens"),
  "request-shape-required-input-modality": ofShape("required_input_modalities"),
  "request-shape-inbound-dialect": ofShape("supported_inbound_dialects"),
  "request-shape-unsupported-feature": ofShape("unsupported_request_features"),
  "request-shape-large-agent-payload": ofShape("supports_large_coding_agent_payloads"),
  choices: say("several choices need a target in the client's own dialect"),
  "tool-choice-null": say("tool_choice: null needs a target in the client's own dialect"),
  unpriced: say("give it input and output prices: the caller or the group has a limit in money"),
  "spend-ceiling-cost": say("see spend_ceiling of the group and of the caller"),
  "spend-ceiling-tier": say("see its tier, and spend_ceiling of the group and of the caller"),
  state: say("stored state needs a target in the client's own dialect"),
  "invalid-request": say("the request cannot be translated"),
  "translation-loss": say("the group's translation is enforce"),
  "contract-required-api-shape": say("see the group's contract.supported_api_shapes"),
  "contract-required-modality": say("see the group's contract.required_capabilities"),
  "contract-required-tools": say("see the group's contract.required_capabilities.tools"),
  "contract-required-tool-choice": say("see the group's contract.required_capabilities.forced_tool_choice"),
  "contract-required-structured-output": say("see the group's contract.required_capabilities.structured_outputs"),
  "contract-required-reasoning": say("see the group's contract.required_capabilities.reasoning"),
  "contract-required-context": say("see the group's contract.required_capabilities.min_context_tokens"),
  "contract-quality-floor": say("see the group's contract.quality_floor"),
  "contract-no-validated-target": say("add its validation: status and validated_at"),
  "contract-operational-latency": ofContract("max_p95_latency_ms"),
  "contract-operational-error-rate": ofContract("max_error_rate"),
  "contract-operational-timeout-rate": ofContract("max_timeout_rate"),
  "contract-operational-throughput": ofContract("min_output_tokens_per_sec"),
  ...ofActivation(
    "activation-missing",
    (capability) => `nothing proves ${capability} of it for this dialect: run smart-router validate`,
  ),
  ...ofActivation(
    "activation-failed",
    (capability) => `${capability} failed: see smart-router catalog, then validate it anew`,
  ),
  "activation-expired": say("its records have expired: run smart-router validate, or set activation.revalidate"),
  "activation-changed": say("its configuration has changed since it was proven: run smart-router validate"),
  "contract-validation-expired": say("validate it anew: its validation.validated_at is too old"),
}

/** Is it a reason of this version? Rows may be older, or newer. */
export function isRejectionReason(text: string): text is RejectionReason {
  return Object.hasOwn(ADVICE, text)
}

/** About the first target that was left out. Names groups and positions, never providers or hosts. */
export function hintFor(
  group: Group,
  rejected: readonly { readonly target: Target; readonly reason: RejectionReason }[],
): string {
  const [first] = rejected
  if (first === undefined) return `add a target under models.${group.name}.targets`
  const { index, line, dialect } = first.target
  const place = line === null ? "" : ` (line ${line} of the configuration)`
  return `models.${group.name}.targets[${index}]${place}: ${ADVICE[first.reason](dialect)}`
}
