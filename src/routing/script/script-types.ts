/** The types of routing scripts, as a declaration file for editors. */
export const SCRIPT_TYPES = `/**
 * Types of routing scripts of smart-router, written by \`smart-router types\`.
 *
 * A script exports one function:
 *
 *     export function route(ctx: RouteContext): RouteDecision | Promise<RouteDecision>
 */

/** What is known of a call. Read-only; nothing that a script changes is seen by another call. */
interface RouteContext {
  /** The model group that the call named. */
  readonly group: string
  /** Who calls; null only in dry runs. */
  readonly caller: RouteCaller | null
  readonly context: CallContext
  /** What the group promises, as configured. */
  readonly contract?: Readonly<Record<string, any>>
  /** The targets that can serve this call, in the order of the configuration. Decisions are made among these. */
  readonly targets: readonly RouteTarget[]
  /** All text of the conversation: instructions, messages, tool calls and results. Read when it is asked for. */
  readonly text: string
  /** The request as the client sent it, in its own dialect. Parsed when it is asked for. */
  readonly request: any
}

interface RouteCaller {
  readonly id: string
  /** The same as \`ownerUser\`. */
  readonly user: string
  readonly ownerUser: string
  /** The owner's name for people. */
  readonly username?: string
  readonly project: string
  readonly environment: string
  /** The public part of the token. */
  readonly tokenId: string
  /** What the owner is in the project: \`developer\`, \`owner\`, … */
  readonly membershipRole?: string
  readonly keyStatus: string
  /** The model groups that the caller may use. */
  readonly allow: readonly string[]
}

/** Counts and flags, without reading the content. */
interface CallContext {
  /** The name that the client used. */
  readonly model: string
  readonly dialect: "openai-chat" | "openai-responses" | "anthropic"
  readonly stream: boolean
  /** How many answers are asked for at once. */
  readonly choices: number
  /** Input tokens, roughly. */
  readonly estimatedTokens: number
  /** The client's own bound of the output, where it gave one. */
  readonly maxTokens?: number
  /** The field that says it. */
  readonly maxTokensField?: string
  readonly messageCount: number
  /** Characters of text in instructions and messages. */
  readonly textChars: number
  readonly imageCount: number
  /** Tools that the client executes. */
  readonly toolCount: number
  /** Tools that the provider executes. */
  readonly hostedToolCount: number
  /** There are tools of either kind. */
  readonly hasTools: boolean
  /** The history holds tool calls or results. */
  readonly hasToolHistory: boolean
  readonly toolChoice: "unset" | "null" | "auto" | "none" | "forced"
  readonly hasStructuredOutput: boolean
  readonly temperatureSet: boolean
  readonly reasoning: {
    readonly requested: boolean
    readonly kind: "none" | "off" | "effort" | "budget" | "adaptive"
    /** At most 32 letters, digits, underscores and hyphens; whatever else the call says is "other". */
    readonly effort?: string
    readonly budgetTokens?: number
    /** The field of the request that says it. */
    readonly source?: string
  }
}

interface RouteTarget {
  readonly provider: string
  /** The upstream's own id of the model. */
  readonly model: string
  /** The entry of the provider's catalogue. */
  readonly modelRef?: string
  /** Where the provider is. It belongs into no label. */
  readonly baseUrl: string
  readonly dialect: "openai-chat" | "openai-responses" | "anthropic"
  readonly region?: string
  readonly tier?: string
  readonly displayName?: string
  readonly tags: readonly string[]
  readonly weight: number
  readonly keyId?: string
  /** There is a key, or none is needed. */
  readonly keyConfigured: boolean
  readonly honorsMaxTokens: boolean
  readonly contextTokens?: number
  readonly maxOutputTokens?: number
  readonly inputPricePerMillionUsd?: number
  readonly outputPricePerMillionUsd?: number
  readonly inputModalities?: readonly string[]
  readonly outputModalities?: readonly string[]
  readonly toolSupport?: {
    readonly openaiChat?: readonly string[]
    readonly openaiResponses?: readonly string[]
    readonly anthropicMessages?: readonly string[]
  }
  readonly reasoning?: { readonly supported: boolean; readonly mode: string; readonly control: string | null }
  readonly validation?: Readonly<Record<string, string | number>>
}

/** Names a target by provider and model; the model is the upstream's id or the catalogue's name of it. */
interface TargetSelector {
  readonly provider: string
  readonly model: string
}

/** Exactly one of \`targetIndex\`, \`target\`, or \`provider\` with \`model\`. */
type RouteDecision = ({ readonly targetIndex: number } | { readonly target: TargetSelector } | TargetSelector) & {
  /**
   * What is tried after the chosen target, as indexes of \`ctx.targets\`. Absent: all others, in order.
   * Present: exactly these. Empty: nothing.
   */
  readonly fallbackIndexes?: readonly number[]
  /** The same by name. Only one of the two. */
  readonly fallbacks?: readonly (TargetSelector | number)[]
  /** At most 64 of \`A-Z a-z 0-9 _ . : -\`; recorded with the call. */
  readonly classLabel?: string
}

interface FetchInit {
  readonly method?: "GET" | "POST"
  /** \`Accept\`, \`Content-Type\` and \`X-…\` only. */
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON; POST only. */
  readonly body?: unknown
}

interface FetchResult<Body> {
  /** The status is 2xx. */
  readonly ok: boolean
  readonly status: number
  /** Null where an answer that is not \`ok\` holds no JSON. */
  readonly body: Body
}

declare const router: {
  /**
   * Asks a host that \`script_http.allow_hosts\` names. At most 8 times per call.
   * Rejects with an error whose \`code\` is one of \`not-enabled\`, \`forbidden\`, \`redirect\`, \`timeout\`, \`network\`,
   * \`too-large\`, \`not-json\`, \`too-many\`, \`bad-method\`, \`bad-header\`, \`bad-body\`.
   */
  fetchJSON<Body = any>(url: string, init?: FetchInit): Promise<FetchResult<Body>>
}
`
