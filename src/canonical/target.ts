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
  /** Chat: under which field unsealed earlier reasoning goes back (DeepSeek demands it); null: it is left out. */
  readonly reasoningHistoryField: "reasoning_content" | "reasoning" | null
  /** Drop system blocks that a client adds for billing and that change every conversation's prefix. */
  readonly stripAttribution: boolean
  /** An opaque key for `prompt_cache_key` where the client gave none; null: none is sent. */
  readonly cacheKey: string | null
  /** Give calls without a result an error result that says so, instead of letting the upstream refuse. */
  readonly repairToolResults: boolean
  readonly idRules: IdRules
  readonly nameRules: NameRules
  /** False: `developer` is written as `system` (old Chat servers). */
  readonly developerRole: boolean
  /** Takes system messages inside of the conversation. */
  readonly midSystem: boolean
  /** Can continue an assistant message that stands last. */
  readonly prefill: boolean
  /** Takes free-text tools as they are; otherwise they go as functions of one string. */
  readonly customTools: boolean
  readonly strictTools: boolean
  readonly parallelToolControl: boolean
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
  },
  reasoningHistoryField: null,
  stripAttribution: true,
  cacheKey: null,
  repairToolResults: true,
  idRules: { alphabet: "any", maxChars: OPENAI_ID_CHARS },
  nameRules: COMMON_NAME_RULES,
  developerRole: false,
  midSystem: true,
  prefill: true,
  customTools: false,
  strictTools: true,
  parallelToolControl: true,
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
