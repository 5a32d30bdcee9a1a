/**
 * The configuration as the pipeline uses it: everything that can be worked out before a call is worked out here, once per load.
 * A call keeps the snapshot it started with.
 */
import type { BlockList } from "node:net"
import type { TargetFacts } from "../canonical/target.ts"
import type { DialectName } from "../dialects/dialect.ts"
import type { ModelPrices } from "../ledger/price.ts"

export interface Provider {
  readonly name: string
  readonly dialect: DialectName
  readonly keyId: string | null
  /** Client headers, lower case, that may go upstream beyond the fixed list. */
  readonly forwardHeaders: readonly string[]
  /** What must never reach a caller: key, host, URL and their parts. Longest first. */
  readonly secrets: readonly string[]
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
  /** The name of the catalogue's entry; null: the target names its model itself. */
  readonly modelRef: string | null
  /** Shared capacity that the target draws on, widest first; empty: unlimited. */
  readonly shaping: readonly ShapingRule[]
  readonly about: TargetDescription
}

/** What policies may read about a target; null is unknown. */
export interface TargetDescription {
  readonly baseUrl: string
  readonly tier: string | null
  readonly displayName: string | null
  readonly tags: readonly string[]
  /** A call has what it needs to be let in upstream: a key, or no need of one. */
  readonly keyConfigured: boolean
  readonly honorsMaxTokens: boolean
  readonly contextTokens: number | null
  readonly maxOutputTokens: number | null
  readonly inputPricePerMillionUsd: number | null
  readonly outputPricePerMillionUsd: number | null
  readonly inputModalities: readonly string[] | null
  readonly outputModalities: readonly string[] | null
  readonly toolSupport: Readonly<Record<string, readonly string[]>> | null
  readonly reasoning: { readonly supported: boolean; readonly mode: string; readonly control: string | null } | null
  readonly validation: Readonly<Record<string, string | number>> | null
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

/** What the configuration says that the target can do, in its own dialect; what it does not say is false. */
export interface Capabilities {
  readonly tools: boolean
  readonly toolChoice: boolean
  readonly structuredOutput: boolean
  readonly images: boolean
  readonly reasoning: boolean
}

export type StrategyName = "static" | "weighted" | "failover" | "dynamic_score" | "script" | "external"

/** What a strategy is configured with: a group's own, or its shadow's. */
export interface StrategySettings {
  readonly strategy: StrategyName
  /** Null unless the strategy is `script`. */
  readonly script: ScriptSettings | null
  /** Null unless the strategy is `external`. */
  readonly external: ExternalSettings | null
}

export interface ScriptSettings {
  /** Absolute. */
  readonly file: string
  readonly deadlineMs: number
  readonly memoryBytes: number
  readonly onError: "fail_closed" | "fallback"
  /** Null: the script can call nobody. */
  readonly http: PolicyHttp | null
  /** What the group promises, for the script to read. */
  readonly contract: Readonly<Record<string, unknown>> | null
}

/** What a policy may call, and how. */
export interface PolicyHttp {
  /** Lower case; with a port where only that one is meant. */
  readonly allowHosts: ReadonlySet<string>
  readonly allowHttp: boolean
  readonly timeoutMs: number
  readonly maxResponseBytes: number
  /** Added by the router; lower-case names. */
  readonly headers: Readonly<Record<string, string>>
}

export interface ExternalSettings {
  readonly url: string
  readonly http: PolicyHttp
  /** `shadow`: its answers are recorded and not followed. */
  readonly mode: "live" | "shadow"
  readonly onError: "fail_closed" | "fallback"
  readonly includeRequest: boolean
  /** Null: no conversation key is sent. */
  readonly conversationSalt: string | null
  readonly feedback: FeedbackSettings | null
  /** What the group promises, for the service to read. */
  readonly contract: Readonly<Record<string, unknown>> | null
}

export interface FeedbackSettings {
  readonly url: string
  readonly timeoutMs: number
  readonly maxRetries: number
  readonly retryBackoffMs: number
  readonly maxRequestBytes: number
  readonly logFailures: boolean
}

export interface Group extends StrategySettings {
  readonly name: string
  readonly targets: readonly Target[]
  readonly aliases: readonly string[]
  /** Whether calls may change dialect, and whether they may lose something by it. */
  readonly translation: "off" | "warn" | "enforce"
  /** What happens to tools that the provider executes. */
  readonly hostedTools: "pass" | "strip" | "refuse"
  /** Features of the group that must not be ignored in silence and are not built yet: the code that its calls are answered with. */
  readonly refusal: "routing-policy-error" | "pii-filter-failed" | null
}

export type KeyStatus = "active" | "disabled" | "suspended" | "expired" | "rotated"

export interface Caller {
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
}

/** What a token's SHA-256 leads to. */
export interface Credential {
  readonly caller: Caller
  readonly tokenId: string
  /** Unix milliseconds, null: never. */
  readonly expiresAt: number | null
}

export interface Snapshot {
  /** By lower-case hex SHA-256 of the raw token. */
  readonly credentials: ReadonlyMap<string, Credential>
  /** By name and by alias. */
  readonly groups: ReadonlyMap<string, Group>
  readonly defaultGroup: string | null
  readonly limits: Limits
  readonly breaker: BreakerRule
  readonly clientIp: ClientIpRule
  readonly corsOrigins: readonly string[]
  readonly traceCalls: boolean
  readonly routingFingerprint: string
  readonly pricingFingerprint: string
}

export interface Limits {
  readonly maxBodyBytes: number
  readonly maxDepth: number
  readonly timeoutMs: number
  readonly maxResponseBytes: number
  readonly maxFrameBytes: number
  /** Output tokens that a call without a cap is expected to use. */
  readonly defaultOutputReservation: number
}

export interface ClientIpRule {
  /** Proxies whose word counts; null: none. */
  readonly trusted: BlockList | null
  readonly headers: readonly string[]
  readonly store: boolean
}
