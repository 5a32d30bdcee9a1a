/** What translation must know about a target, worked out once from the catalogue. */
import { AS_WRITTEN } from "../../canonical/id-map.ts"
import type { Dialect, Issuer } from "../../canonical/origin.ts"
import { defaultFacts, type ReasoningFacts, type TargetFacts } from "../../canonical/target.ts"
import type { DialectName } from "../../dialects/dialect.ts"
import { betaPolicy } from "./betas.ts"
import { bodyEdits } from "./body-edits.ts"
import type { Accepts, ModelConfig, ProviderConfig, ReasoningSupport, TargetConfig, ToolSupport } from "../config.ts"
import { knowledgeOf, type Knowledge } from "./known-targets.ts"
import type { Capabilities, Target } from "../snapshot.ts"
import { limitsOf } from "./target-limits.ts"

const CANONICAL_NAMES: Readonly<Record<DialectName, Dialect>> = {
  "openai-chat": "chat",
  "openai-responses": "responses",
  anthropic: "messages",
}

/** Labels of issuers as clients may see them. */
export interface IssuerMarks {
  of(label: string): string
  /** A hash for a text of which there are many; null: the secret is not known yet. */
  pseudonymOf(text: string): string | null
}

/** Where the facts come from; what the target says wins over the catalogue's entry. */
export interface FactSources {
  readonly dialect: DialectName
  readonly model: string
  readonly providerName: string
  readonly provider: ProviderConfig
  readonly catalogue: ModelConfig | undefined
  readonly target: TargetConfig
  /** `server.unknown_capabilities: refuse`. */
  readonly refuseUnknown: boolean
  readonly marks: IssuerMarks | undefined
}

export function targetFacts(
  sources: FactSources,
): Pick<Target, "skin" | "facts" | "homeFacts" | "capabilities" | "limits" | "betas" | "edits"> {
  const { dialect, model, provider, catalogue, target } = sources
  const known = knowledgeOf({
    dialect,
    model,
    hostname: new URL(provider.base_url).hostname,
    engine: provider.engine ?? provider.engine_metrics?.engine,
  })
  const support = toolsOf(dialect, { ...catalogue?.tool_support, ...target.tool_support })
  const modalities = target.input_modalities ?? catalogue?.input_modalities
  const reasoning = target.reasoning ?? catalogue?.reasoning
  const base = defaultFacts(issuerOf(sources), model)
  const accepts = merged<Accepts>(known.accepts, provider.accepts, catalogue?.accepts, target.accepts)
  const facts: TargetFacts = {
    ...base,
    ...acceptedFacts(base, accepts),
    ...outputFacts(base, sources, known),
    outputTokenField: capField(sources, reasoning, known),
    reasoning: reasoningFacts(base.reasoning, reasoning, known.reasoning),
    structuredOutput: support?.structuredOutput ?? base.structuredOutput,
    images: modalities === undefined ? base.images : modalities.includes("image"),
    temperature: {
      ...base.temperature,
      supported: reasoning?.rejects_temperature !== true && accepts.sampling !== false,
    },
    topP: reasoning?.rejects_top_p !== true && accepts.sampling !== false,
  }
  return {
    skin: digest([new URL(provider.base_url).host, provider.api_key ?? null, model]),
    facts,
    homeFacts: homeFacts(facts),
    capabilities: capabilitiesOf(sources),
    limits: limitsOf(sources),
    betas: betaPolicy(target.beta_headers ?? provider.beta_headers),
    edits: bodyEdits([provider.request, catalogue?.request, target.request]),
  }
}

/** Each key by the last that says it. */
function merged<Block extends object>(...blocks: readonly (Block | undefined)[]): Block {
  const entries = blocks.flatMap((block) => Object.entries(block ?? {}).filter(([, value]) => value !== undefined))
  return Object.fromEntries(entries) as Block
}

function acceptedFacts(base: TargetFacts, accepts: Accepts): Partial<TargetFacts> {
  const { tool_ids: ids, reasoning_history: history, reasoning_beside_calls: besideCalls } = accepts
  return {
    midSystem: accepts.system === undefined ? base.midSystem : accepts.system === "anywhere",
    roles: accepts.roles ?? base.roles,
    developerRole: accepts.developer_role ?? base.developerRole,
    reasoningHistory: history === undefined ? base.reasoningHistory : orNull(history),
    reasoningBesideCalls: besideCalls === undefined ? base.reasoningBesideCalls : orNull(besideCalls),
    streamUsage: accepts.stream_usage ?? base.streamUsage,
    cacheKey: accepts.cache_key ?? base.cacheKey,
    automaticCache: accepts.automatic_cache ?? base.automaticCache,
    verbosity: accepts.verbosity ?? base.verbosity,
    topK: base.topK && accepts.sampling !== false,
    prefill: accepts.prefill ?? base.prefill,
    forcedToolChoice: accepts.forced_tool_choice ?? base.forcedToolChoice,
    documents: accepts.documents ?? base.documents,
    textParts: accepts.text_parts ?? base.textParts,
    idRules:
      ids === undefined ? base.idRules : { alphabet: ids.alphabet, minChars: ids.min_chars, maxChars: ids.max_chars },
  }
}

function orNull<Word extends string>(word: Word | "none"): Word | null {
  return word === "none" ? null : word
}

/** Nothing is sent by default that the window has no room for, or that the model is known to refuse. */
function outputFacts(
  base: TargetFacts,
  { catalogue, target }: FactSources,
  known: Knowledge,
): Pick<TargetFacts, "maxOutputTokens" | "defaultOutputTokens"> {
  const maxOutputTokens = target.max_output_tokens ?? catalogue?.max_output_tokens ?? null
  const wished = target.default_output_tokens ?? catalogue?.default_output_tokens
  const usual = wished ?? maxOutputTokens ?? known.defaultOutputTokens ?? base.defaultOutputTokens
  return { maxOutputTokens, defaultOutputTokens: Math.min(usual, maxOutputTokens ?? usual) }
}

export function capabilitiesOf({
  dialect,
  catalogue,
  target,
  refuseUnknown,
}: Pick<FactSources, "dialect" | "catalogue" | "target" | "refuseUnknown">): Capabilities {
  const support = toolsOf(dialect, { ...catalogue?.tool_support, ...target.tool_support })
  const unsaid = refuseUnknown ? false : null
  return {
    tools: support?.tools ?? unsaid,
    toolChoice: support?.toolChoice ?? unsaid,
    structuredOutput: support?.structuredOutput ?? unsaid,
    images: (target.input_modalities ?? catalogue?.input_modalities)?.includes("image") ?? unsaid,
    reasoning: (target.reasoning ?? catalogue?.reasoning)?.supported ?? unsaid,
  }
}

/** For a client of the target's own dialect: it knows its vendor, so nothing that it said is bent or left out. */
function homeFacts(facts: TargetFacts): TargetFacts {
  return {
    ...facts,
    maxOutputTokens: null,
    minOutputTokens: 0,
    reasoning: {
      ...facts.reasoning,
      efforts: null,
      minBudgetTokens: 0,
      budgetMustBeLessThanMaxTokens: false,
      alwaysOn: false,
    },
    reasoningHistory: "issued",
    cacheKey: true,
    verbosity: true,
    stripAttribution: false,
    repairToolResults: false,
    nameRules: { alphabet: "any", maxChars: Number.MAX_SAFE_INTEGER, namespaces: true },
    idRules: AS_WRITTEN,
    developerRole: true,
    midSystem: true,
    roles: "free",
    forcedToolChoice: true,
    prefill: true,
    customTools: true,
    strictTools: true,
    parallelToolControl: true,
    structuredOutput: true,
    jsonMode: true,
    textParts: true,
    toolResultMedia: true,
    images: true,
    imageUrls: true,
    documents: true,
    temperature: { supported: true, max: Number.MAX_SAFE_INTEGER },
    topP: true,
    topK: true,
    maxStopSequences: Number.MAX_SAFE_INTEGER,
    serviceTier: true,
  }
}

/** The label stays the same as long as provider and credential do, in every installation. */
function issuerOf({ dialect, providerName, provider, marks }: FactSources): Issuer {
  const label = digest([providerName, provider.key_id ?? provider.api_key ?? null])
  const issuer = { dialect: CANONICAL_NAMES[dialect], label }
  // a label of the operator's own gives no key away, and is the same for routers with databases of their own
  if (marks === undefined || provider.key_id !== undefined) return issuer
  return { ...issuer, mark: () => marks.of(label) }
}

const DIGEST_CHARS = 16

function digest(facts: unknown): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, DIGEST_CHARS)
}

interface SaidAboutTools {
  readonly tools: boolean
  readonly toolChoice: boolean
  /** Null: nothing is said. */
  readonly structuredOutput: boolean | null
}

/** Null: nothing is said about this dialect. */
function toolsOf(dialect: DialectName, support: ToolSupport): SaidAboutTools | null {
  if (dialect === "openai-chat") {
    const said = support.openai_chat
    if (said === undefined) return null
    return {
      tools: said.includes("tools"),
      toolChoice: said.includes("tool_choice"),
      structuredOutput: said.includes("structured_outputs"),
    }
  }
  if (dialect === "openai-responses") {
    const said = support.openai_responses
    if (said === undefined) return null
    const tools = said.includes("function")
    return { tools, toolChoice: tools, structuredOutput: said.includes("structured_outputs") }
  }
  const said = support.anthropic_messages
  if (said === undefined) return null
  const tools = said.includes("client_tools")
  // lists of the reference product know only client_tools, so one without structured_outputs does not mean no
  const structuredOutput = said.includes("structured_outputs") ? true : said.length === 0 ? false : null
  return { tools, toolChoice: tools, structuredOutput }
}

function capField(
  sources: FactSources,
  reasoning: ReasoningSupport | undefined,
  known: Knowledge,
): TargetFacts["outputTokenField"] {
  if (reasoning?.rejects_max_tokens === true) return "max_completion_tokens"
  const written = sources.target.output_token_field ?? sources.catalogue?.output_token_field
  return written ?? known.outputTokenField ?? "max_tokens"
}

function isOpenAi({ base_url }: ProviderConfig): boolean {
  return new URL(base_url).hostname === "api.openai.com"
}

/** Of the client's fields those that this server takes for an output cap. OpenAI obeys either name, or refuses the older one. */
export function capFieldsOf({ outputTokenField }: TargetFacts, provider: ProviderConfig): readonly string[] {
  return isOpenAi(provider) ? ["max_tokens", "max_completion_tokens"] : [outputTokenField]
}

/** `written` is what the configuration says, `known` what the table adds to it. */
function reasoningFacts(
  base: ReasoningFacts,
  written: ReasoningSupport | undefined,
  known: Partial<ReasoningSupport>,
): ReasoningFacts {
  // nobody may ask an unknown model to reason, and many refuse even the wish to have it sealed
  if (written?.supported !== true) return { ...base, control: null }
  return {
    ...base,
    control: written.control ?? known.control ?? base.control,
    efforts: written.efforts ?? known.efforts ?? base.efforts,
    minBudgetTokens: written.min_budget_tokens ?? base.minBudgetTokens,
    maxBudgetTokens: written.max_budget_tokens ?? base.maxBudgetTokens,
    budgetMustBeLessThanMaxTokens: written.budget_must_be_less_than_max_tokens ?? base.budgetMustBeLessThanMaxTokens,
    summaries: written.supports_summaries ?? known.supports_summaries ?? base.summaries,
    alwaysOn: written.mode === "always_on" || known.mode === "always_on",
    off: written.off ?? known.off ?? base.off,
  }
}
