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
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null
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
