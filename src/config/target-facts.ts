/** What translation must know about a target, worked out once from the catalogue. */
import { AS_WRITTEN } from "../canonical/id-map.ts"
import type { Dialect, Issuer } from "../canonical/origin.ts"
import { defaultFacts, type ReasoningFacts, type TargetFacts } from "../canonical/target.ts"
import type { DialectName } from "../dialects/dialect.ts"
import { betaPolicy } from "./betas.ts"
import type {
  ModelConfig,
  ProviderConfig,
  ReasoningSupport,
  RequestShapeSupport,
  TargetConfig,
  ToolSupport,
} from "./config.ts"
import type { Capabilities, Target } from "./snapshot.ts"
import type { RequestLimits, TargetLimits } from "./target-limits.ts"

const CANONICAL_NAMES: Readonly<Record<DialectName, Dialect>> = {
  "openai-chat": "chat",
  "openai-responses": "responses",
  anthropic: "messages",
}

/** Labels of issuers as clients may see them. */
export interface IssuerMarks {
  of(label: string): string
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
): Pick<Target, "skin" | "facts" | "homeFacts" | "capabilities" | "limits" | "betas"> {
  const { dialect, model, provider, catalogue, target } = sources
  const support = toolsOf(dialect, { ...catalogue?.tool_support, ...target.tool_support })
  const modalities = target.input_modalities ?? catalogue?.input_modalities
  const reasoning = target.reasoning ?? catalogue?.reasoning
  const base = defaultFacts(issuerOf(sources), model)
  const maxOutputTokens = target.max_output_tokens ?? catalogue?.max_output_tokens ?? null
  const facts: TargetFacts = {
    ...base,
    maxOutputTokens,
    defaultOutputTokens: maxOutputTokens ?? base.defaultOutputTokens,
    outputTokenField: capField(sources, reasoning),
    reasoning: reasoningFacts(base.reasoning, reasoning),
    structuredOutput: support?.structuredOutput ?? base.structuredOutput,
    images: modalities === undefined ? base.images : modalities.includes("image"),
    temperature: { ...base.temperature, supported: reasoning?.rejects_temperature !== true },
    topP: reasoning?.rejects_top_p !== true,
  }
  return {
    skin: digest([new URL(provider.base_url).host, provider.api_key ?? null, model]),
    facts,
    homeFacts: homeFacts(facts),
    capabilities: capabilitiesOf(sources),
    limits: limitsOf(dialect, catalogue, target),
    betas: betaPolicy(target.beta_headers ?? provider.beta_headers),
  }
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

function limitsOf(dialect: DialectName, catalogue: ModelConfig | undefined, target: TargetConfig): TargetLimits {
  const reasoning = target.reasoning ?? catalogue?.reasoning
  return {
    closedTo: closedTo(dialect, catalogue, target),
    neverStores: dialect !== "anthropic" && (target.force_store_false ?? catalogue?.force_store_false) === true,
    toolOnly: target.tool_only,
    honorsMaxTokens: (target.honors_max_tokens ?? catalogue?.honors_max_tokens) !== false,
    contextTokens: target.context_tokens ?? catalogue?.context_tokens ?? null,
    reasoningControl: reasoning?.control ?? null,
    alwaysReasons: reasoning?.supported === true && reasoning.mode === "always_on",
    minBudgetTokens: reasoning?.min_budget_tokens ?? 0,
    maxBudgetTokens: reasoning?.max_budget_tokens ?? Infinity,
    request: requestLimits({ ...catalogue?.request_shape_support, ...target.request_shape_support }),
  }
}

/** Of a bridge that nothing is said about the group's `translation` decides. */
function closedTo(
  dialect: DialectName,
  catalogue: ModelConfig | undefined,
  target: TargetConfig,
): TargetLimits["closedTo"] {
  const bridges = { ...catalogue?.bridges, ...target.bridges }
  const toChat = target.responses_to_chat ?? bridges.responses_to_chat
  if (dialect === "openai-chat" && toChat?.enabled === false) return ["openai-responses"]
  if (dialect === "openai-responses" && bridges.chat_to_responses?.enabled === false) return ["openai-chat"]
  return []
}

function requestLimits(said: RequestShapeSupport): RequestLimits | null {
  if (Object.keys(said).length === 0) return null
  return {
    requiredModalities: said.required_input_modalities ?? [],
    maxBytes: limit(said.max_request_bytes),
    maxInputTokens: limit(said.max_estimated_input_tokens),
    minOutputTokens: said.min_requested_output_tokens ?? 0,
    maxOutputTokens: limit(said.max_requested_output_tokens),
    maxToolSchemaBytes: limit(said.max_tool_schema_bytes),
    largeAgentPayloads: said.supports_large_coding_agent_payloads !== false,
    inboundDialects: said.supported_inbound_dialects === undefined ? null : new Set(said.supported_inbound_dialects),
    unsupportedFeatures: said.unsupported_request_features ?? [],
  }
}

/** `0` means no limit. */
function limit(said: number | undefined): number {
  return said === undefined || said === 0 ? Infinity : said
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
    reasoningHistoryField: "reasoning_content",
    stripAttribution: false,
    repairToolResults: false,
    nameRules: { alphabet: "any", maxChars: Number.MAX_SAFE_INTEGER, namespaces: true },
    idRules: AS_WRITTEN,
    developerRole: true,
    midSystem: true,
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
  return marks === undefined ? issuer : { ...issuer, mark: () => marks.of(label) }
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

function capField(sources: FactSources, reasoning: ReasoningSupport | undefined): TargetFacts["outputTokenField"] {
  if (reasoning?.rejects_max_tokens === true) return "max_completion_tokens"
  const said = sources.target.output_token_field ?? sources.catalogue?.output_token_field
  return said ?? (isOpenAi(sources.provider) ? "max_completion_tokens" : "max_tokens")
}

function isOpenAi({ base_url }: ProviderConfig): boolean {
  return new URL(base_url).hostname === "api.openai.com"
}

/** Of the client's fields those that this server takes for an output cap. OpenAI obeys either name, or refuses the older one. */
export function capFieldsOf({ outputTokenField }: TargetFacts, provider: ProviderConfig): readonly string[] {
  return isOpenAi(provider) ? ["max_tokens", "max_completion_tokens"] : [outputTokenField]
}

function reasoningFacts(base: ReasoningFacts, said: ReasoningSupport | undefined): ReasoningFacts {
  // nobody may ask an unknown model to reason, and many refuse even the wish to have it sealed
  if (said?.supported !== true) return { ...base, control: null }
  return {
    ...base,
    control: said.control ?? base.control,
    minBudgetTokens: said.min_budget_tokens ?? base.minBudgetTokens,
    maxBudgetTokens: said.max_budget_tokens ?? base.maxBudgetTokens,
    budgetMustBeLessThanMaxTokens: said.budget_must_be_less_than_max_tokens ?? base.budgetMustBeLessThanMaxTokens,
    summaries: said.supports_summaries ?? base.summaries,
    alwaysOn: said.mode === "always_on",
  }
}
