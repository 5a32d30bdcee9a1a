/**
 * The configuration as the pipeline uses it: everything that can be worked out before a call is worked out here, once per load.
 * A call keeps the snapshot it started with.
 */
import type { GroupConfig } from "./config.ts"
import type { ActivationRule } from "./compile/activation-rule.ts"
import type { BetaPolicy } from "./compile/betas.ts"
import type { BodyEdits } from "./compile/body-edits.ts"
import type { CacheRule, GroupCache } from "./compile/cache-rule.ts"
import type { DeclaredFacts } from "./compile/declared.ts"
import type { Patience } from "./compile/patience.ts"
import type { TargetFacts } from "../canonical/target.ts"
import type { DialectName } from "../dialects/name.ts"
import type { CompiledLimits, Subject } from "../governance/state.ts"
import type { AdminRules } from "./compile/admin-rules.ts"
import type { CaptureSettings, Capturing } from "./compile/capture-rule.ts"
import type { ClientIpRule } from "./compile/client-ip.ts"
import type { ConnectionRule } from "./compile/connection-rule.ts"
import type { Limits } from "./compile/request-rule.ts"
import type { PiiFilter } from "../pii/filter.ts"
import type { ModelPrices } from "../ledger/prices.ts"
import type { OperationalTargets } from "./compile/operational-targets.ts"
import type { ExternalSettings, ScriptSettings, TargetDescription } from "./compile/policy-settings.ts"
import type { SecretPattern } from "./compile/provider-secrets.ts"
import type { ScoreSettings } from "./compile/score-settings.ts"
import type { GroupFingerprints, TelemetryRule, UpstreamErrorRule } from "./compile/recording.ts"
import type { SpendCeiling } from "./compile/spend-ceiling.ts"
import type { ContractReport, TargetContract, TargetLimits } from "./compile/target-limits.ts"
import type { Reservation } from "./compile/reservation.ts"
import type { ExportRule, MetricsRule } from "./compile/telemetry-rule.ts"

export interface Provider {
  readonly name: string
  readonly dialect: DialectName
  readonly keyId: string | null
  /** Client headers, lower case, that may go upstream beyond the fixed list. */
  readonly forwardHeaders: readonly string[]
  /** Finds what must never reach a caller: keys, hosts, URLs. */
  readonly secrets: SecretPattern
  /** Where its engine says how busy it is; null: nobody asks. */
  readonly engineMetrics: EngineMetricsRule | null
}

/** How the metrics of a private engine are read. */
export interface EngineMetricsRule {
  readonly engine: "vllm" | "sglang"
  readonly url: string
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly maxResponseBytes: number
  readonly tls: Origin["tls"]
  readonly proxy: string | null
}

/** Where connections go; calls with the same `key` share them. */
export interface Origin {
  readonly key: string
  readonly hostname: string
  readonly port: number
  /** Null: plain HTTP. PEM texts beside the system's authorities. */
  readonly tls: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    /** Whose certificate it must be, where that is not `hostname`. */
    readonly serverName?: string
  } | null
}

/** One place that can serve a group's calls. */
export interface Target {
  readonly index: number
  readonly provider: Provider
  /** The upstream's own id of the model. */
  readonly model: string
  readonly dialect: DialectName
  readonly region: string | null
  readonly weight: number
  /** Where a call of the target's dialect is posted, query included. */
  readonly url: string
  readonly origin: Origin
  /** An egress proxy between. */
  readonly proxy: string | null
  /** The fixed headers of every call, the provider's credential among them. */
  readonly headers: Readonly<Record<string, string>>
  /** `model` as JSON, to be spliced into bodies. */
  readonly modelJson: Uint8Array
  /** 0: none. Until first content for a stream, until the full body for a unary call. */
  readonly attemptTimeoutMs: number
  readonly patience: Patience
  readonly prices: ModelPrices
  readonly pricingSource: string | null
  readonly pricingUpdatedAt: string | null
  /** Targets with the same value are one model of one upstream, offered in several dialects. */
  readonly skin: string
  /** For calls that come from another dialect. */
  readonly facts: TargetFacts
  /** For calls of the target's own dialect that must be written anew all the same. */
  readonly homeFacts: TargetFacts
  readonly capabilities: Capabilities
  /** Null: all of them. */
  readonly betas: BetaPolicy | null
  /** Null: none. */
  readonly edits: BodyEdits | null
  readonly reservation: Reservation
  /** The name of the catalogue's entry; null: the target names its model itself. */
  readonly modelRef: string | null
  /** Shared capacity that the target draws on, widest first; empty: unlimited. */
  readonly shaping: readonly ShapingRule[]
  /** Names the target to the store of pins: the same after a reload, as long as provider, credential and model are. */
  readonly pin: string
  readonly limits: TargetLimits
  readonly contract: TargetContract
  /** Stands for all that the configuration says of the target: the same after a reload as long as that is. Null: no answer of it is kept. */
  readonly cacheKey: string | null
  /** Where the target stands in the configuration file; null: it came from elsewhere. */
  readonly line: number | null
  /** Labels that policies may ask for. */
  readonly tags: readonly string[]
  /** What the operator's evaluation found, 0 to 1; null: not evaluated. */
  readonly evaluatedQuality: number | null
  /** Null: nobody reads live figures of this target, so none are kept. */
  readonly observed: ObservationRule | null
  readonly about: TargetDescription
  readonly declared: DeclaredFacts
}

/** Shared capacity of a provider, of one model of it, or of one target; at least one part is not null. */
export interface ShapingRule {
  readonly kind: "provider" | "provider_model" | "target"
  readonly starts: BucketRule | null
  readonly input: BucketRule | null
  readonly total: BucketRule | null
  readonly rateLimitBackoff: BackoffRule | null
  readonly quotaBackoff: BackoffRule | null
}

export interface BucketRule {
  readonly perSecond: number
  readonly burst: number
}

export interface BackoffRule {
  readonly minMs: number
  readonly maxMs: number
  readonly multiplier: number
  readonly honorRetryAfter: boolean
}

export interface BreakerRule {
  /** 0: never opens. */
  readonly failures: number
  readonly windowMs: number
  readonly cooldownMs: number
}

export interface ObservationRule {
  /** The same after a reload as long as group, provider, model, address and this rule stay. */
  readonly key: string
  readonly windowMs: number
  /** Attempts that make older ones superfluous. */
  readonly enough: number
}

/**
 * What the configuration says that the target can do, in its own dialect. Null: nothing is said, and calls of its own
 * dialect are tried (`server.unknown_capabilities: refuse` makes it false).
 */
export interface Capabilities {
  readonly tools: boolean | null
  readonly toolChoice: boolean | null
  readonly structuredOutput: boolean | null
  readonly images: boolean | null
  readonly reasoning: boolean | null
}

export type StrategyName = GroupConfig["strategy"]

/** What a strategy is configured with: a group's own, or its shadow's. */
export interface StrategySettings {
  readonly strategy: StrategyName
  /** Null unless the strategy is `dynamic_score`. */
  readonly score: ScoreSettings | null
  /** Null unless the strategy is `script`. */
  readonly script: ScriptSettings | null
  /** Null unless the strategy is `external`. */
  readonly external: ExternalSettings | null
}

export interface Group extends StrategySettings, Capturing {
  readonly name: string
  /** A strategy that is asked as well, and whose choice is only recorded; null: none. */
  readonly shadow: StrategySettings | null
  readonly targets: readonly Target[]
  readonly aliases: readonly string[]
  /** Whether calls may change dialect, and whether they may lose something by it. */
  readonly translation: "off" | "warn" | "enforce"
  /** The dialects that the group's contract promises; null: it promises none in particular. */
  readonly promisedDialects: ReadonlySet<DialectName> | null
  /** What callers and rows are told of the group's contract; null: it has none. */
  readonly contract: ContractReport | null
  /** The live figures that the group's contract promises; null: none. */
  readonly operational: OperationalTargets | null
  /** What a call may cost; null: anything. */
  readonly ceiling: SpendCeiling | null
  /** What must be said of a target before it gets a call with it, also in the client's own dialect. */
  readonly demanded: ReadonlySet<keyof Capabilities | "own-dialect">
  /** How long conversations stay on one target without a call; null: they need not. */
  readonly affinity: { readonly ttlMs: number; readonly maxEntries: number } | null
  /** Where the order is the configuration's: targets of the client's dialect come first. */
  readonly prefersNative: boolean
  /** What happens to tools that the provider executes. */
  readonly hostedTools: "pass" | "strip" | "refuse"
  /** What happens upstream when the client leaves. */
  readonly disconnect: "abort" | "drain"
  /** Null: its calls never meet the response cache. */
  readonly cache: GroupCache | null
  /** What must be proven of its targets; null: nothing. */
  readonly activation: ActivationRule | null
  /** What is taken out of requests before anything else sees them; null: nothing. */
  readonly piiFilter: PiiFilter | null
  /** Copied to rows. */
  readonly fingerprints: GroupFingerprints
}

export type KeyStatus = "active" | "disabled" | "suspended" | "expired" | "rotated"

export interface Caller extends Capturing {
  readonly id: string
  readonly user: string
  readonly project: string
  readonly environment: string
  /** The user's name for people. */
  readonly userName: string | null
  /** What the user is in the project; null: no active membership. */
  readonly membershipRole: string | null
  readonly status: KeyStatus
  /** Group names and aliases that the caller may name. */
  readonly allowed: ReadonlySet<string>
  /** Null: none, and then nothing is counted for it. */
  readonly limits: CompiledLimits | null
  /** What a call may cost; null: anything. */
  readonly ceiling: SpendCeiling | null
}

/** What a token's SHA-256 leads to. */
export interface Credential {
  readonly caller: Caller
  readonly tokenId: string
  /** Unix milliseconds, null: never. */
  readonly expiresAt: number | null
  /** Keys the hashes of its conversations in rows: made of what only the configuration holds, the same in all processes. */
  readonly pseudonymKey: string
}

export interface Snapshot {
  /** By lower-case hex SHA-256 of the raw token. */
  readonly credentials: ReadonlyMap<string, Credential>
  /** By caller id; the same as `Caller.limits`. */
  readonly callerLimits: ReadonlyMap<string, CompiledLimits | null>
  /** Callers and projects with a limit, by key. */
  readonly limitedSubjects: ReadonlyMap<string, Subject>
  /** Null: no answer is kept. */
  readonly cache: CacheRule | null
  /** By name and by alias. */
  readonly groups: ReadonlyMap<string, Group>
  readonly defaultGroup: string | null
  readonly limits: Limits
  readonly connections: ConnectionRule
  readonly breaker: BreakerRule
  readonly clientIp: ClientIpRule
  readonly admin: AdminRules
  readonly corsOrigins: readonly string[]
  /** The page about errors, for `doc_url` of error answers; null: the router does not know its own address. */
  readonly errorsPage: string | null
  readonly traceCalls: boolean
  /** Null: no content of calls is stored, nor can be read. */
  readonly capture: CaptureSettings | null
  /** How much is recorded of what upstreams say in errors; null: nothing. */
  readonly upstreamErrors: UpstreamErrorRule | null
  /** A hash that stands for a text, and that only this installation can make; null: its secret is not known yet. */
  readonly pseudonymOf: (text: string) => string | null
  /** Answers name the model that the client asked for, not the upstream's. */
  readonly showsRequestedModel: boolean
  /** Null: how calls are decided is not recorded. */
  readonly telemetry: TelemetryRule | null
  readonly metrics: MetricsRule
  /** Null: nothing is exported over OTLP. */
  readonly exports: ExportRule | null
  readonly routingFingerprint: string
  readonly pricingFingerprint: string
}
