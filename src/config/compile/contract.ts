/** What a model group promises, and which of its targets can keep it. What does not change between calls is worked out here. */
import type { DialectName } from "../../dialects/dialect.ts"
import type { ContractCapabilities, ContractQualityFloor, GroupContract, ModelConfig, TargetConfig } from "../config.ts"
import type { Capabilities } from "../snapshot.ts"
import type { ContractReason, ContractReport, TargetContract } from "./target-limits.ts"

type Modality = "text" | "image" | "video"

/** What a contract asks of a target; what is unknown does not fulfil it. */
export interface ContractFacts {
  readonly capabilities: Capabilities
  readonly inputModalities: readonly Modality[]
  readonly outputModalities: readonly Modality[]
  readonly contextTokens: number
  readonly tags: readonly string[]
  readonly validation: TargetConfig["validation"]
}

const API_SHAPES: Readonly<Record<GroupContract["supported_api_shapes"][number], DialectName>> = {
  openai_chat: "openai-chat",
  openai_responses: "openai-responses",
  anthropic_messages: "anthropic",
}
const DAY_MS = 86_400_000

/** Null: nothing in particular is promised. */
export function promisedDialects(contract: GroupContract | undefined): ReadonlySet<DialectName> | null {
  const shapes = contract?.supported_api_shapes ?? []
  return shapes.length === 0 ? null : new Set(shapes.map((shape) => API_SHAPES[shape]))
}

export function contractFacts(
  capabilities: Capabilities,
  catalogue: ModelConfig | undefined,
  target: TargetConfig,
): ContractFacts {
  return {
    capabilities,
    inputModalities: target.input_modalities ?? catalogue?.input_modalities ?? ["text"],
    outputModalities: target.output_modalities ?? catalogue?.output_modalities ?? ["text"],
    contextTokens: target.context_tokens ?? catalogue?.context_tokens ?? 0,
    tags: target.tags,
    validation: target.validation,
  }
}

/** The quality that a contract asks for, from which share on. */
const QUALITY = [
  [0.9, "gte-90"],
  [0.75, "75-90"],
  [0.5, "50-75"],
  [0, "lt-50"],
] as const

export function contractReport(contract: GroupContract | undefined): ContractReport | null {
  if (contract === undefined) return null
  const { display_name: name, caller_visible_notes: notes, intended_workloads: workloads, reporting } = contract
  const floor = contract.quality_floor
  const asked = Math.max(floor?.min_eval_quality_score ?? 0, floor?.min_eval_pass_rate ?? 0)
  const bucket = asked === 0 ? "none" : (QUALITY.find(([from]) => asked >= from)?.[1] ?? "none")
  return {
    displayName: name ?? null,
    notes: notes ?? null,
    workload: reporting?.expose_workload_labels === true ? (workloads[0] ?? null) : null,
    bucket: reporting?.expose_quality_floor_bucket === true ? bucket : null,
  }
}

export function targetContract(contract: GroupContract | undefined, facts: ContractFacts): TargetContract {
  const days = contract?.quality_floor?.max_eval_age_days ?? 0
  const validatedAt = facts.validation?.validated_at
  return {
    lacks: contract === undefined ? null : lacking(contract, facts),
    validUntil: days > 0 && validatedAt !== undefined ? Date.parse(validatedAt) + days * DAY_MS : Infinity,
  }
}

function lacking({ required_capabilities: required, quality_floor: floor }: GroupContract, facts: ContractFacts) {
  return (
    (required === undefined ? null : missingCapability(required, facts)) ??
    (floor === undefined ? null : belowFloor(floor, facts))
  )
}

function missingCapability(required: ContractCapabilities, facts: ContractFacts): ContractReason | null {
  const { capabilities } = facts
  if (lacks(required.tools, capabilities.tools)) return "contract-required-tools"
  if (lacks(required.forced_tool_choice, capabilities.toolChoice)) return "contract-required-tool-choice"
  if (lacks(required.structured_outputs, capabilities.structuredOutput)) return "contract-required-structured-output"
  if (!covers(facts.inputModalities, required.input_modalities)) return "contract-required-modality"
  if (!covers(facts.outputModalities, required.output_modalities)) return "contract-required-modality"
  if (facts.contextTokens < (required.min_context_tokens ?? 0)) return "contract-required-context"
  return lacks(required.reasoning, capabilities.reasoning) ? "contract-required-reasoning" : null
}

function lacks(wanted: boolean | undefined, has: boolean | null): boolean {
  return wanted === true && has !== true
}

/** Text is what every model takes and returns. */
function covers(has: readonly Modality[], wanted: readonly Modality[] = []): boolean {
  return wanted.every((modality) => modality === "text" || has.includes(modality))
}

function belowFloor(floor: ContractQualityFloor, { tags, validation }: ContractFacts): ContractReason | null {
  if (!floor.require_tags.every((tag) => tags.includes(tag))) return "contract-quality-floor"
  const status = validation?.status
  const statuses = floor.allowed_validation_status
  if (statuses.length > 0 && (status === undefined || !statuses.includes(status))) return "contract-no-validated-target"
  if ((floor.max_eval_age_days ?? 0) > 0 && validation?.validated_at === undefined)
    return "contract-no-validated-target"
  const score = validation?.quality_score ?? 0
  const passes = validation?.pass_rate ?? 0
  const isBelow = score < (floor.min_eval_quality_score ?? 0) || passes < (floor.min_eval_pass_rate ?? 0)
  return isBelow ? "contract-quality-floor" : null
}
