/** One entry of LiteLLM's `model_list` as provider and target. */
import { WIRES } from "../../dialects/wires.ts"
import type { Block } from "./block.ts"
import { inferredPrefix, KNOWN_PROVIDERS, type KnownProvider } from "./litellm-providers.ts"
import type { Secrets } from "./secrets.ts"

export type Json = Readonly<Record<string, unknown>>

export interface Deployment {
  readonly group: string
  /** What the provider entry would be called if it were alone. */
  readonly prefix: string
  readonly provider: Json
  /** Without `provider` and `weight`. */
  readonly target: Json
  /** `weight`, `rpm` and `tpm`, as far as they are there: the first decides the shares. */
  readonly shares: Readonly<Partial<Record<"weight" | "rpm" | "tpm", number>>>
  /** Lower ones are tried first. */
  readonly order: number | undefined
}

const CHAT_MODES: readonly string[] = ["chat", "completion", "responses"]
const GROUP_NAME = /^[^\s\p{C}]{1,128}$/u

/** Null: it cannot be carried, and why was reported. `defaults`: values of the credential that the entry names. */
export function readDeployment(
  entry: Block,
  secrets: Secrets,
  credentials: ReadonlyMap<string, Json>,
): Deployment | null {
  const group = entry.text("model_name")
  const params = entry.block("litellm_params")
  const info = entry.block("model_info")
  const model = params.text("model")
  const refusal = whyNot(group, model, info)
  if (refusal !== null || group === undefined || model === undefined) {
    entry.leave("model_name", refusal ?? "`model_name` or `litellm_params.model` is missing.")
    return null
  }
  const named = splitModel(model, params.text("custom_llm_provider"))
  const known = Object.hasOwn(KNOWN_PROVIDERS, named.prefix) ? KNOWN_PROVIDERS[named.prefix] : undefined
  if (known === undefined) {
    params.leave(
      "model",
      `This router does not speak the API of ${JSON.stringify(named.prefix)}. Where the provider has an OpenAI-compatible API, add it as a provider of the dialect openai-chat.`,
    )
    return null
  }
  if (known.note !== undefined) params.change("model", known.note)
  const credential = credentials.get(params.text("litellm_credential_name") ?? "") ?? {}
  const provider = readProvider(named, known, params, credential, secrets)
  if (provider === null) return null
  const shares = sharesOf(params)
  const target = {
    ...readTarget(named, params),
    ...pricesOf(params),
    ...factsOf(info, dialectOf(named, known)),
    ...pricesOf(info),
  }
  const order = params.number("order")
  params.leaveRest(PARAMS_ADVICE)
  info.leaveRest(INFO_ADVICE)
  entry.leaveRest({})
  return { group, prefix: named.prefix, provider, target, shares, order }
}

interface Named {
  readonly prefix: string
  readonly model: string
}

function whyNot(group: string | undefined, model: string | undefined, info: Block): string | null {
  if (group?.includes("*") === true || model?.includes("*") === true)
    return "Names with a wildcard are not carried: name each model as a group of its own."
  if (group !== undefined && !GROUP_NAME.test(group))
    return "A group's name has no spaces here, and at most 128 characters."
  const mode = info.text("mode") ?? "chat"
  return CHAT_MODES.includes(mode) ? null : `This router serves conversations, not the mode ${JSON.stringify(mode)}.`
}

function splitModel(model: string, provider: string | undefined): Named {
  const slash = model.indexOf("/")
  const before = model.slice(0, Math.max(slash, 0))
  if (provider !== undefined) return { prefix: provider, model: before === provider ? model.slice(slash + 1) : model }
  if (slash > 0) return { prefix: before, model: model.slice(slash + 1) }
  return { prefix: inferredPrefix(model) ?? model, model }
}

function dialectOf({ model }: Named, { dialect }: KnownProvider): KnownProvider["dialect"] {
  return WIRES[dialect].hasChoices && model.startsWith("responses/") ? "openai-responses" : dialect
}

function readProvider(
  named: Named,
  known: KnownProvider,
  params: Block,
  credential: Json,
  secrets: Secrets,
): Json | null {
  const fallback = (key: string): string | undefined =>
    typeof credential[key] === "string" ? credential[key] : undefined
  const address = params.text("api_base") ?? params.text("base_url") ?? fallback("api_base") ?? known.baseUrl
  params.take("base_url")
  if (address === undefined) {
    params.leave("model", "`api_base` is missing, so the provider's address is not known.")
    return null
  }
  const key = params.text("api_key") ?? fallback("api_key")
  const variable = known.variable ?? `${named.prefix.toUpperCase().replaceAll(/[^A-Z0-9]/gu, "_")}_API_KEY`
  const organization = params.text("organization")
  const headers = {
    ...headersOf(params, secrets),
    ...(organization === undefined ? {} : { "OpenAI-Organization": secrets.plain(organization) }),
  }
  const dialect = dialectOf(named, known)
  const base = secrets.plain(address).replace(/\/+$/u, "")
  const version = params.text("api_version") ?? fallback("api_version")
  return {
    ...addressOf(named, base, version === undefined ? undefined : secrets.plain(version), params),
    dialect,
    ...(key === undefined && known.variable === undefined
      ? { auth_scheme: "none" }
      : { api_key: key === undefined ? `\${${variable}}` : secrets.secret(key, variable) }),
    ...(named.prefix === "azure" ? { auth_scheme: "header:api-key" } : {}),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
  }
}

/** LiteLLM adds the path of the endpoint to some addresses and not to others. */
function addressOf({ prefix, model }: Named, base: string, version: string | undefined, params: Block): Json {
  if (prefix === "azure") {
    const host = base.replace(/\/openai(?:\/.*)?$/u, "")
    if (version === undefined || /^(?:v1|latest|preview)$/u.test(version)) return { base_url: `${host}/openai/v1` }
    return { base_url: `${host}/openai/deployments/${model}`, query: { "api-version": version } }
  }
  if (version !== undefined) params.leave("api_version", "Only Azure's addresses carry a version.")
  if (prefix.startsWith("ollama")) return { base_url: base.endsWith("/v1") ? base : `${base}/v1`, engine: "ollama" }
  const engine = ENGINES[prefix]
  const plain = base.replace(/\/(?:chat\/completions|v1\/messages|responses)$/u, "")
  return { base_url: plain, ...(engine === undefined ? {} : { engine }) }
}

const ENGINES: Readonly<Record<string, string>> = {
  hosted_vllm: "vllm",
  lm_studio: "lm-studio",
  llamafile: "llama.cpp",
}

function headersOf(params: Block, secrets: Secrets): Record<string, string> {
  const found: Record<string, string> = {}
  for (const key of ["headers", "extra_headers"]) {
    const block = params.block(key)
    for (const name of block.keys) {
      const value = block.text(name)
      if (value !== undefined) found[name] = secrets.plain(value)
    }
  }
  return found
}

const MS = 1000

function readTarget({ model }: Named, params: Block): Json {
  const timeout = params.number("timeout")
  const region = params.text("region_name")
  const tags = params.list("tags").filter((tag) => typeof tag === "string" && GROUP_NAME.test(tag))
  return {
    model: model.replace(/^responses\//u, ""),
    ...(timeout === undefined ? {} : { timeout_ms: Math.round(timeout * MS) }),
    ...(region === undefined ? {} : { region }),
    ...(tags.length === 0 ? {} : { tags }),
  }
}

function sharesOf(params: Block): Deployment["shares"] {
  const found: Partial<Record<"weight" | "rpm" | "tpm", number>> = {}
  for (const key of ["weight", "rpm", "tpm"] as const) {
    const value = params.number(key)
    if (value !== undefined) found[key] = value
  }
  if (found.weight === undefined)
    for (const key of ["rpm", "tpm"])
      params.change(
        key,
        "It sets the target's share of the calls, as in LiteLLM's simple-shuffle. For a limit, set `traffic_shape` on the target.",
      )
  return found
}

const PRICES: Readonly<Record<string, string>> = {
  input_cost_per_token: "input_price_per_million_usd",
  output_cost_per_token: "output_price_per_million_usd",
  cache_read_input_token_cost: "cached_input_price_per_million_usd",
  cache_creation_input_token_cost: "cache_write_price_per_million_usd",
}

function pricesOf(block: Block): Json {
  const found: Record<string, number> = {}
  for (const [theirs, ours] of Object.entries(PRICES)) {
    const value = block.number(theirs)
    if (value !== undefined) found[ours] = Number((value * 1e6).toPrecision(12))
  }
  return found
}

const TOOL_KEYS = {
  "openai-chat": "openai_chat",
  "openai-responses": "openai_responses",
  anthropic: "anthropic_messages",
}
const TOOL_WORDS: Readonly<Record<KnownProvider["dialect"], readonly string[]>> = {
  "openai-chat": ["tools", "tool_choice"],
  "openai-responses": ["function"],
  anthropic: ["client_tools"],
}

function factsOf(info: Block, dialect: KnownProvider["dialect"]): Json {
  const context = info.number("max_input_tokens")
  const output = info.number("max_output_tokens")
  const vision = info.flag("supports_vision")
  const tools = info.flag("supports_function_calling")
  const schemas = info.flag("supports_response_schema")
  const reasoning = info.flag("supports_reasoning")
  const words = [...(tools === true ? TOOL_WORDS[dialect] : []), ...(schemas === true ? ["structured_outputs"] : [])]
  return {
    ...(context === undefined || context < 1 ? {} : { context_tokens: context }),
    ...(output === undefined || output < 1 ? {} : { max_output_tokens: output }),
    ...(vision === undefined ? {} : { input_modalities: vision ? ["text", "image"] : ["text"] }),
    ...(tools === undefined ? {} : { tool_support: { [TOOL_KEYS[dialect]]: words } }),
    ...(reasoning === undefined ? {} : { reasoning: { supported: reasoning } }),
  }
}

const PARAMS_ADVICE: Readonly<Record<string, string>> = {
  max_retries: "The router tries each target of a group once, then the next.",
  num_retries: "The router tries each target of a group once, then the next.",
  stream_timeout:
    "`timeout` counts for streams until their first content, and `silence_timeout_ms` of the target behind it.",
  max_parallel_requests: "Limits of calls at once belong to callers: `rate.concurrent`.",
  max_budget: "Budgets belong to callers and projects: `spend`.",
  budget_duration: "Budgets belong to callers and projects: `spend`.",
  cooldown_time: "One `server.breaker` counts for all targets.",
  drop_params: "The group's `translation` decides what happens to parts that a target cannot take.",
  additional_drop_params: "Name the fields in `request: { drop: […] }` of the target.",
  max_tokens:
    "Defaults of requests stay with the client. `request: { set: … }` of the target sets a field in every call.",
  temperature:
    "Defaults of requests stay with the client. `request: { set: … }` of the target sets a field in every call.",
  azure_ad_token: "The router signs in at Azure with a key.",
  tag_regex: "Routing by tags is a script's work: `strategy: script`.",
  mock_response: "`smart-router demo` has a provider that answers by itself.",
}

const INFO_ADVICE: Readonly<Record<string, string>> = {
  id: "Targets have no ids of their own: provider and model name them.",
  base_model: "Prices stand at the target itself.",
  access_groups: "`callers[].allow` lists the groups of each caller.",
  max_tokens: "Say `max_output_tokens` and `context_tokens` at the target.",
}
