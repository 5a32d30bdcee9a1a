/** What the configuration says of the calls that a target is for. */
import type { DialectName } from "../dialects/dialect.ts"

/** Which calls a target can take, beyond what it is able to do. */
export interface TargetLimits {
  /** Clients of these dialects are not translated onto the target: `bridges` says so. */
  readonly closedTo: readonly DialectName[]
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
