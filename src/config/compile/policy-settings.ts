/** What routing policies are configured with, and what they may read about targets. */

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
  /** Null: none are passed on. */
  readonly verifierHints: VerifierHintRule | null
}

export interface VerifierHintRule {
  readonly kinds: readonly ("none" | "exact" | "regex" | "json_schema")[]
  readonly maxSpecBytes: number
  readonly maxVersionChars: number
}

export interface FeedbackSettings {
  readonly url: string
  readonly timeoutMs: number
  readonly maxRetries: number
  readonly retryBackoffMs: number
  readonly maxRequestBytes: number
  readonly logFailures: boolean
}
