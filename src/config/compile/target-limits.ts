/** What the configuration says of the calls that a target is for. */
import type { DialectName } from "../../dialects/dialect.ts"
import type {
  ChatToResponsesBridge,
  ModelConfig,
  RequestShapeSupport,
  ResponsesToChatBridge,
  TargetConfig,
} from "../config.ts"

/** What a bridge may be told not to carry. */
export type BridgeFeature = Exclude<keyof ChatToResponsesBridge & keyof ResponsesToChatBridge, "enabled">

export const BRIDGE_FEATURES: readonly BridgeFeature[] = [
  "text",
  "tools",
  "function_tools",
  "tool_choice",
  "parallel_tool_calls",
  "structured_outputs",
  "images",
  "reasoning",
  "streaming",
]

/** Which calls a target can take, beyond what it is able to do. */
export interface TargetLimits {
  /** Clients of these dialects are not translated onto the target: `bridges` says so. */
  readonly closedTo: readonly DialectName[]
  /** Calls of clients of the other OpenAI API that use one of these are not translated onto it, either. */
  readonly bridgeWithout: readonly BridgeFeature[]
  /** `store: false` goes upstream, whatever the client says. */
  readonly neverStores: boolean
  readonly toolOnly: boolean
  readonly honorsMaxTokens: boolean
  /** Null: unknown. */
  readonly contextTokens: number | null
  /** How a call of the target's own dialect may ask for reasoning; null: nothing is said. */
  readonly reasoningControl: "effort_enum" | "token_budget" | "adaptive" | null
  /** A wish to reason that comes from another dialect may be left out; false: `unknown_capabilities: refuse`, and nothing is said. */
  readonly mayDropReasoning: boolean
  /** Reasoning cannot be switched off. */
  readonly alwaysReasons: boolean
  readonly minBudgetTokens: number
  readonly maxBudgetTokens: number
  /** Null: none is configured. */
  readonly request: RequestLimits | null
}

/** `request_shape_support`, where a limit of 0 is none. */
export interface RequestLimits {
  readonly requiredModalities: readonly string[]
  readonly maxBytes: number
  readonly maxInputTokens: number
  readonly minOutputTokens: number
  readonly maxOutputTokens: number
  readonly maxToolSchemaBytes: number
  readonly largeAgentPayloads: boolean
  /** Null: all. */
  readonly inboundDialects: ReadonlySet<DialectName> | null
  readonly unsupportedFeatures: readonly string[]
}

/** Why a target cannot serve its group's contract; a closed list. */
export type ContractReason =
  | "contract-required-api-shape"
  | "contract-required-modality"
  | "contract-required-tools"
  | "contract-required-tool-choice"
  | "contract-required-structured-output"
  | "contract-required-reasoning"
  | "contract-required-context"
  | "contract-quality-floor"
  | "contract-no-validated-target"
  | "contract-validation-expired"
  | OperationalReason

/** Why it did not keep the contract lately. */
export type OperationalReason =
  | "contract-operational-latency"
  | "contract-operational-error-rate"
  | "contract-operational-timeout-rate"
  | "contract-operational-throughput"

export interface TargetContract {
  /** What the target lacks for good; null: nothing, or the group has no contract. */
  readonly lacks: ContractReason | null
  /** Unix milliseconds from which its evidence is too old. */
  readonly validUntil: number
}

/** What callers and rows are told of a contract; what is null is not told. */
export interface ContractReport {
  readonly displayName: string | null
  readonly notes: string | null
  /** The first of the intended workloads. */
  readonly workload: string | null
  /** The quality that is promised. */
  readonly bucket: string | null
}

interface LimitSources {
  readonly dialect: DialectName
  readonly catalogue: ModelConfig | undefined
  readonly target: TargetConfig
  /** `server.unknown_capabilities: refuse`. */
  readonly refuseUnknown: boolean
}

/** What the target says wins over the catalogue's entry. */
export function limitsOf({ dialect, catalogue, target, refuseUnknown }: LimitSources): TargetLimits {
  const reasoning = target.reasoning ?? catalogue?.reasoning
  const bridge = bridgeOnto(dialect, catalogue, target)
  return {
    closedTo: bridge?.enabled === false ? [dialect === "openai-chat" ? "openai-responses" : "openai-chat"] : [],
    bridgeWithout: BRIDGE_FEATURES.filter((feature) => bridge?.[feature] === false),
    neverStores: dialect !== "anthropic" && (target.force_store_false ?? catalogue?.force_store_false) === true,
    toolOnly: target.tool_only,
    honorsMaxTokens: (target.honors_max_tokens ?? catalogue?.honors_max_tokens) !== false,
    contextTokens: target.context_tokens ?? catalogue?.context_tokens ?? null,
    mayDropReasoning: reasoning !== undefined || !refuseUnknown,
    reasoningControl: reasoning?.control ?? null,
    alwaysReasons: reasoning?.supported === true && reasoning.mode === "always_on",
    minBudgetTokens: reasoning?.min_budget_tokens ?? 0,
    maxBudgetTokens: reasoning?.max_budget_tokens ?? Infinity,
    request: requestLimits({ ...catalogue?.request_shape_support, ...target.request_shape_support }),
  }
}

/** From the other OpenAI API. Of a bridge that nothing is said about the group's `translation` decides. */
function bridgeOnto(
  dialect: DialectName,
  catalogue: ModelConfig | undefined,
  target: TargetConfig,
): ChatToResponsesBridge | ResponsesToChatBridge | undefined {
  const bridges = { ...catalogue?.bridges, ...target.bridges }
  if (dialect === "openai-responses") return bridges.chat_to_responses
  return dialect === "openai-chat" ? (target.responses_to_chat ?? bridges.responses_to_chat) : undefined
}

function requestLimits(said: RequestShapeSupport): RequestLimits | null {
  if (Object.keys(said).length === 0) return null
  return {
    requiredModalities: said.required_input_modalities ?? [],
    maxBytes: limit(said.max_request_bytes),
    maxInputTokens: limit(said.max_estimated_input_tokens),
    minOutputTokens: said.min_requested_output_tokens ?? 0,
    maxOutputTokens: limit(said.max_requested_output_tokens),
    maxToolSchemaBytes: limit(said.max_tool_schema_bytes),
    largeAgentPayloads: said.supports_large_coding_agent_payloads !== false,
    inboundDialects: said.supported_inbound_dialects === undefined ? null : new Set(said.supported_inbound_dialects),
    unsupportedFeatures: said.unsupported_request_features ?? [],
  }
}

/** `0` means no limit. */
function limit(said: number | undefined): number {
  return said === undefined || said === 0 ? Infinity : said
}
