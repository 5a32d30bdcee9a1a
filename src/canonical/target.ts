/** What a request writer must know about the target. The router fills it from configuration and its table of quirks. */

import type { IdRules } from "./id-map.ts"
import { COMMON_NAME_RULES, type NameRules } from "./name-map.ts"
import type { Dialect, Issuer } from "./origin.ts"

export interface TargetFacts {
  /** The upstream's id of the model. */
  readonly model: string
  /** Dialect and opaque label of provider and credential; who will have issued the reasoning of the answer. */
  readonly issuer: Issuer
  /** null: unknown. A client's cap above it is lowered (loss `output-cap`). */
  readonly maxOutputTokens: number | null
  /** What a Messages writer sends when the client gave no cap; the other writers send none. */
  readonly defaultOutputTokens: number
  /** The lowest cap that the target takes (Responses: 16). */
  readonly minOutputTokens: number
  /** Chat only. */
  readonly outputTokenField: "max_tokens" | "max_completion_tokens"
  readonly reasoning: ReasoningFacts
  /** Chat: how earlier reasoning without a payload goes back to the target that issued it. */
  readonly reasoningHistory: ReasoningHistory
  /** Chat: the field that an assistant message with tool calls must hold, empty where nothing is left (DeepSeek); null: none. */
  readonly reasoningBesideCalls: "reasoning_content" | "reasoning" | null
  /** Drop system blocks that a client adds for billing and that change every conversation's prefix. */
  readonly stripAttribution: boolean
  /** Takes `prompt_cache_key` and what belongs to it. */
  readonly cacheKey: boolean
  /** Messages: places a cache mark by itself (`cache_control` at the top level), where the client could not ask for one. */
  readonly automaticCache: boolean
  /** Chat: a stream is asked for its usage (`stream_options`). */
  readonly streamUsage: boolean
  /** Takes the wish about verbosity. */
  readonly verbosity: boolean
  /** Give calls without a result an error result that says so, instead of letting the upstream refuse. */
  readonly repairToolResults: boolean
  readonly idRules: IdRules
  readonly nameRules: NameRules
  /** False: `developer` is written as `system` (old Chat servers). */
  readonly developerRole: boolean
  /** Takes system messages inside of the conversation, and several of them; otherwise there is one, and it stands first. */
  readonly midSystem: boolean
  /**
   * Chat: `joined`: neighbours of one role become one message. `alternating`: further, a user begins, and no user message stands
   * behind tool results.
   */
  readonly roles: "free" | "joined" | "alternating"
  /** Can continue an assistant message that stands last. */
  readonly prefill: boolean
  /** Takes free-text tools as they are; otherwise they go as functions of one string. */
  readonly customTools: boolean
  readonly strictTools: boolean
  readonly parallelToolControl: boolean
  /** Takes a choice that forces a tool call. */
  readonly forcedToolChoice: boolean
  readonly structuredOutput: boolean
  /** Takes `json_object`. */
  readonly jsonMode: boolean
  /** Takes text content as a list of parts; otherwise texts of one message are joined by a blank line (Chat only). */
  readonly textParts: boolean
  /** Takes images and documents inside of tool results; otherwise they are lifted into a user message. */
  readonly toolResultMedia: boolean
  readonly images: boolean
  readonly imageUrls: boolean
  readonly documents: boolean
  readonly temperature: { readonly supported: boolean; readonly max: number }
  readonly topP: boolean
  readonly topK: boolean
  readonly maxStopSequences: number
  readonly serviceTier: boolean
}

/**
 * `issued`: under the field in which it came (its seal names it), `reasoning_content` or `reasoning`: always under this one,
 * null: never.
 */
export type ReasoningHistory = "issued" | "reasoning_content" | "reasoning" | null

export interface ReasoningFacts {
  /** null: the target does not reason on request. */
  readonly control: "effort_enum" | "token_budget" | "adaptive" | null
  /** The words that the target knows; null: unknown. */
  readonly efforts: readonly string[] | null
  readonly minBudgetTokens: number
  /** null: unknown. */
  readonly maxBudgetTokens: number | null
  readonly budgetMustBeLessThanMaxTokens: boolean
  readonly summaries: boolean
  /** It cannot be switched off. */
  readonly alwaysOn: boolean
  /** Messages: the kind of thinking that a model has in place of none. */
  readonly off: "disabled" | "between_tools"
}

const OPENAI_ID_CHARS = 64

/** What a target of a dialect can do when nothing else is known. */
export function defaultFacts(issuer: Issuer, model: string): TargetFacts {
  return { ...COMMON, ...OWN[issuer.dialect], issuer, model }
}

const COMMON: Omit<TargetFacts, "issuer" | "model"> = {
  maxOutputTokens: null,
  defaultOutputTokens: 8192,
  minOutputTokens: 1,
  outputTokenField: "max_tokens",
  reasoning: {
    control: "effort_enum",
    efforts: null,
    minBudgetTokens: 1024,
    maxBudgetTokens: null,
    budgetMustBeLessThanMaxTokens: true,
    summaries: false,
    alwaysOn: false,
    off: "disabled",
  },
  reasoningHistory: null,
  reasoningBesideCalls: null,
  stripAttribution: true,
  cacheKey: true,
  automaticCache: false,
  streamUsage: true,
  verbosity: true,
  repairToolResults: true,
  idRules: { alphabet: "any", maxChars: OPENAI_ID_CHARS },
  nameRules: COMMON_NAME_RULES,
  developerRole: false,
  midSystem: true,
  roles: "free",
  prefill: true,
  customTools: false,
  strictTools: true,
  parallelToolControl: true,
  forcedToolChoice: true,
  structuredOutput: true,
  jsonMode: true,
  textParts: true,
  toolResultMedia: false,
  images: true,
  imageUrls: true,
  documents: true,
  temperature: { supported: true, max: 2 },
  topP: true,
  topK: false,
  maxStopSequences: 4,
  serviceTier: false,
}

const OWN: Readonly<Record<Dialect, Partial<TargetFacts>>> = {
  chat: {},
  responses: {
    minOutputTokens: 16,
    reasoning: { ...COMMON.reasoning, summaries: true },
    nameRules: { ...COMMON_NAME_RULES, namespaces: true },
    developerRole: true,
    customTools: true,
    toolResultMedia: true,
    maxStopSequences: 0,
  },
  messages: {
    reasoning: { ...COMMON.reasoning, control: "token_budget" },
    stripAttribution: false,
    idRules: { alphabet: "word", maxChars: Number.MAX_SAFE_INTEGER },
    midSystem: false,
    jsonMode: false,
    toolResultMedia: true,
    temperature: { supported: true, max: 1 },
    topK: true,
    maxStopSequences: Number.MAX_SAFE_INTEGER,
  },
}
