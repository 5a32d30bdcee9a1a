/**
 * What a client asks, in no vendor's words. An absent property means that the client did not say; a reader never
 * fills in a default, a writer never sends one that its wire does not demand.
 */

import type { Block, CacheMark } from "./block.ts"
import type { JsonObject, JsonValue, RawNumber } from "./json.ts"
import type { Losses } from "./loss.ts"
import type { Dialect, Extra } from "./origin.ts"
import type { Namespace, Tool, ToolChoice } from "./tool.ts"

/**
 * `tool` messages hold tool results only (Chat `tool` messages, Responses outputs); Messages results stay where they
 * stood, inside `user` messages. `system` and `developer` mean the same authority.
 */
export type Role = "system" | "developer" | "user" | "assistant" | "tool"

export interface Message {
  readonly role: Role
  readonly blocks: readonly Block[]
  /** Chat `name`. */
  readonly name?: string
  readonly extra?: Extra
}

/** The client's cap on output tokens, with the name it used. */
export interface OutputCap {
  readonly tokens: number
  readonly field: "max_tokens" | "max_completion_tokens" | "max_output_tokens"
}

export interface Sampling {
  readonly temperature?: number
  readonly topP?: number
  readonly topK?: number
  readonly minP?: number
  readonly frequencyPenalty?: number
  readonly presencePenalty?: number
  readonly seed?: number | RawNumber
  readonly logitBias?: JsonObject
  /** Chat `logprobs`; Responses `include: ["message.output_text.logprobs"]`. */
  readonly logprobs?: boolean
  readonly topLogprobs?: number
  /** Chat `n`. More than one never crosses dialects: the router excludes such targets before a writer is asked. */
  readonly choices?: number
}

/**
 * The wish to reason, each part as it was said: nothing said, `effort: "none"` and `control: "disabled"` are three
 * different things. Messages: `control` is `thinking.type`, `effort` is `output_config.effort`.
 */
export interface ReasoningWish {
  readonly control?: "enabled" | "adaptive" | "disabled"
  /** As spelled: none, minimal, low, medium, high, xhigh, max, or a word of tomorrow. */
  readonly effort?: string
  readonly budgetTokens?: number
  /** Messages `thinking.display`. */
  readonly display?: string
  /** Responses `reasoning.summary` (or the older `generate_summary`). */
  readonly summary?: string
}

export type OutputFormat =
  | { readonly kind: "text" }
  /** Any JSON object (Chat and Responses `json_object`). */
  | { readonly kind: "json" }
  | {
      readonly kind: "schema"
      readonly schema: JsonObject
      /** Messages has none; a writer that must have one writes `output`. */
      readonly name?: string
      readonly description?: string
      readonly strict?: boolean
    }
  | { readonly kind: "raw"; readonly dialect: Dialect; readonly raw: JsonObject }

/**
 * Who is behind the call and what it may be cached under. The router uses it for affinity. `user`, `safetyIdentifier`
 * and `metadata` never cross dialects (loss `identity`); the cache fields cross between Chat and Responses.
 */
export interface Identity {
  /** Chat and Responses `user`; Messages `metadata.user_id`. */
  readonly user?: string
  readonly safetyIdentifier?: string
  /** Chat and Responses `metadata`, Responses `client_metadata` under that key; Messages: the rest beside `user_id`. */
  readonly metadata?: JsonObject
  readonly promptCacheKey?: string
  readonly promptCacheRetention?: JsonValue
  /** `prompt_cache_options`. */
  readonly promptCacheOptions?: JsonObject
}

/** Pointers into server-side state. The router keeps such calls on native targets; writers refuse or declare. */
export interface State {
  readonly previousResponseId?: string
  readonly conversation?: JsonValue
  /** Messages `thread`. */
  readonly thread?: JsonObject
  /** Messages `container`. */
  readonly container?: JsonValue
  readonly store?: boolean
  readonly background?: boolean
}

export interface Request {
  /** The dialect that the client speaks. */
  readonly dialect: Dialect
  /** As the client wrote it; "" where it wrote none. A writer uses `TargetFacts.model` instead. */
  readonly model: string
  /** What stood outside of the message list and before it: Responses `instructions`, Messages `system`. Chat: `[]`. */
  readonly instructions: readonly Block[]
  readonly messages: readonly Message[]
  readonly tools: readonly Tool[]
  readonly namespaces: readonly Namespace[]
  readonly toolChoice?: ToolChoice
  /** `parallel_tool_calls`; Messages: the opposite of `disable_parallel_tool_use`, where that was said. */
  readonly parallelToolCalls?: boolean
  readonly output?: OutputFormat
  readonly verbosity?: string
  readonly stopSequences: readonly string[]
  readonly cap?: OutputCap
  readonly sampling: Sampling
  readonly reasoning?: ReasoningWish
  readonly identity: Identity
  readonly state: State
  /** Messages `cache_control` at the top level: the vendor places the mark. */
  readonly cache?: CacheMark
  readonly serviceTier?: string
  readonly stream: boolean
  /** Chat `stream_options.include_usage`; true for the two other dialects, which always report. */
  readonly includeUsage: boolean
  /** Responses `include`, as it came. The entries for encrypted reasoning and logprobs are not losses elsewhere. */
  readonly include: readonly string[]
  /** Every other top-level field under its wire name, issued by `dialect`; each is a loss in another dialect. */
  readonly extra: JsonObject
}

/**
 * Extra fields that ask for what happens anyway, so that leaving them out loses nothing. Readers keep them in `extra`
 * all the same; writers of other dialects declare only what this does not name.
 */
export function asksNothing(field: string, value: JsonValue | undefined): boolean {
  if (value === null || value === undefined) return true
  if (Array.isArray(value) && value.length === 0) return true
  const usual = USUAL.get(field)
  return usual !== undefined && usual.some((one) => JSON.stringify(one) === JSON.stringify(value))
}

const USUAL: ReadonlyMap<string, readonly JsonValue[]> = new Map<string, readonly JsonValue[]>([
  ["modalities", [["text"]]],
  ["truncation", ["disabled"]],
  ["stream_options", [{}, { include_obfuscation: false }]],
  ["service_tier", ["auto", "default", "standard_only", "standard"]],
  ["logprobs", [false]],
  ["top_logprobs", [0]],
  ["store", [false]],
  ["background", [false]],
  ["metadata", [{}]],
])

/** The losses of a target that takes no cache key. */
export function declareCacheKey(identity: Identity, losses: Losses): void {
  for (const name of ["promptCacheKey", "promptCacheRetention", "promptCacheOptions"] as const)
    if (identity[name] !== undefined) losses.add("cache-key", `identity.${name}`)
}
