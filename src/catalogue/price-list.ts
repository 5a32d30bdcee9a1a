/**
 * Reads a local copy of a public list of prices and limits, in each form that is known:
 * - LiteLLM: https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json
 * - models.dev: https://models.dev/api.json
 * - OpenRouter: https://openrouter.ai/api/v1/models
 */
import { asArray, asObject, asString, type Loose } from "../dialects/loose.ts"
import {
  definedPrices,
  flagOf,
  joinFacts,
  modalitiesOf,
  type ModelFacts,
  type PriceKey,
  pricesOf,
  type PriceTier,
  tokensOf,
  usdPerMillion,
} from "./model-facts.ts"
import { readModelList } from "./model-list.ts"

export interface PriceList {
  readonly form: "LiteLLM" | "models.dev" | "OpenRouter"
  /** The vendors of which it has models, by name. */
  readonly vendors: readonly string[]
  /** Of a vendor's model, by the vendor's own id. "other": the model makes no text. Null: it has none. */
  readonly factsOf: (vendor: string, id: string) => ModelFacts | "other" | null
}

/** Null: it is of no form that is known. */
export function readPriceList(json: unknown): PriceList | null {
  const root = asObject(json)
  if (root === null) return null
  if (Array.isArray(root["data"])) return openRouter(root)
  const values = Object.values(root).map(asObject)
  if (values.some((value) => asString(value?.["litellm_provider"]) !== null)) return liteLlm(root)
  if (values.some((value) => asObject(value?.["models"]) !== null)) return modelsDev(root)
  return null
}

/** Modes of models that answer in text. */
const TEXT_MODES = ["chat", "completion", "responses"]
/** An example of the form, with words in place of numbers. */
const EXAMPLE = "sample_spec"

function liteLlm(root: Loose): PriceList {
  const entries = Object.entries(root)
    .filter(([name]) => name !== EXAMPLE)
    .flatMap(([name, value]) => {
      const entry = asObject(value)
      const vendor = asString(entry?.["litellm_provider"])
      return entry === null || vendor === null ? [] : [{ name, vendor, entry }]
    })
  // a vendor's models are listed with its name before them, without it, or both
  const byName = new Map(entries.map((one) => [`${one.vendor} ${one.name}`, one.entry]))
  return {
    form: "LiteLLM",
    vendors: sortedSet(entries.map(({ vendor }) => vendor)),
    factsOf: (vendor, id) => {
      const entry = byName.get(`${vendor} ${id}`) ?? byName.get(`${vendor} ${vendor}/${id}`)
      return entry === undefined ? null : liteLlmFacts(entry)
    },
  }
}

function liteLlmFacts(entry: Loose): ModelFacts | "other" {
  const mode = asString(entry["mode"])
  if (mode !== null && !TEXT_MODES.includes(mode)) return "other"
  const vision = flagOf(entry["supports_vision"])
  return {
    // absent is not said; `false` is
    contextTokens: tokensOf(entry["max_input_tokens"]) ?? tokensOf(entry["max_tokens"]),
    maxOutputTokens: tokensOf(entry["max_output_tokens"]),
    inputModalities: vision === null ? null : vision ? ["text", "image"] : ["text"],
    tools: flagOf(entry["supports_function_calling"]),
    toolChoice: flagOf(entry["supports_tool_choice"]),
    structuredOutputs: flagOf(entry["supports_response_schema"]),
    reasoning: flagOf(entry["supports_reasoning"]),
    prices: pricesOf((key) => usdPerMillion(entry[LITELLM_PRICES[key]], 1e6), liteLlmTiers(entry)),
  }
}

const LITELLM_PRICES: Readonly<Record<PriceKey, string>> = {
  input_price_per_million_usd: "input_cost_per_token",
  cached_input_price_per_million_usd: "cache_read_input_token_cost",
  cache_write_price_per_million_usd: "cache_creation_input_token_cost",
  cache_write_1h_price_per_million_usd: "cache_creation_input_token_cost_above_1hr",
  output_price_per_million_usd: "output_cost_per_token",
  image_input_price_per_million_tokens_usd: "input_cost_per_image_token",
  audio_input_price_per_million_tokens_usd: "input_cost_per_audio_token",
  audio_output_price_per_million_tokens_usd: "output_cost_per_audio_token",
}

/** The prices that a tier of a catalogue can name. */
const TIER_KEYS: readonly PriceKey[] = [
  "input_price_per_million_usd",
  "cached_input_price_per_million_usd",
  "cache_write_price_per_million_usd",
  "cache_write_1h_price_per_million_usd",
  "output_price_per_million_usd",
]

/** `input_cost_per_token_above_200k_tokens`. */
function liteLlmTiers(entry: Loose): readonly PriceTier[] {
  const bounds = Object.keys(entry).flatMap(
    (key) => /^input_cost_per_token_above_(\d{1,5})k_tokens$/.exec(key)?.[1] ?? [],
  )
  return bounds
    .map((thousands) => ({
      aboveInputTokens: Number(thousands) * 1000,
      usdPerMillion: definedPrices((key) =>
        TIER_KEYS.includes(key) ? usdPerMillion(entry[`${LITELLM_PRICES[key]}_above_${thousands}k_tokens`], 1e6) : null,
      ),
    }))
    .toSorted((left, right) => left.aboveInputTokens - right.aboveInputTokens)
}

function modelsDev(root: Loose): PriceList {
  const models = (vendor: string): Loose => asObject(asObject(root[vendor])?.["models"]) ?? {}
  return {
    form: "models.dev",
    vendors: sortedSet(Object.keys(root)),
    factsOf: (vendor, id) => {
      const entry = Object.hasOwn(root, vendor) && Object.hasOwn(models(vendor), id) ? models(vendor)[id] : null
      const model = asObject(entry)
      return model === null ? null : modelsDevFacts(model)
    },
  }
}

function modelsDevFacts(model: Loose): ModelFacts | "other" {
  const modalities = asObject(model["modalities"])
  if (Array.isArray(modalities?.["output"]) && !modalities["output"].includes("text")) return "other"
  const limit = asObject(model["limit"])
  const tools = model["tool_call"]
  return {
    contextTokens: tokensOf(limit?.["context"]),
    maxOutputTokens: tokensOf(limit?.["output"]),
    inputModalities: modalitiesOf(asArray(modalities?.["input"])),
    tools: flagOf(tools) ?? flagOf(asObject(tools)?.["supported"]),
    toolChoice: null,
    structuredOutputs: flagOf(model["structured_output"]),
    reasoning: flagOf(model["reasoning"]),
    prices: modelsDevPrices(asObject(model["cost"]) ?? {}),
  }
}

const MODELS_DEV_PRICES: Readonly<Partial<Record<PriceKey, string>>> = {
  input_price_per_million_usd: "input",
  cached_input_price_per_million_usd: "cache_read",
  cache_write_price_per_million_usd: "cache_write",
  output_price_per_million_usd: "output",
  audio_input_price_per_million_tokens_usd: "input_audio",
  audio_output_price_per_million_tokens_usd: "output_audio",
}

function modelsDevPrice(said: Loose, key: PriceKey): number | null {
  return usdPerMillion(said[MODELS_DEV_PRICES[key] ?? ""], 1)
}

function modelsDevTier(said: Loose, aboveInputTokens: number): PriceTier {
  const of = (key: PriceKey): number | null => (TIER_KEYS.includes(key) ? modelsDevPrice(said, key) : null)
  return { aboveInputTokens, usdPerMillion: definedPrices(of) }
}

function modelsDevPrices(cost: Loose): ModelFacts["prices"] {
  const tiers = asArray(cost["tiers"]).flatMap((one) => {
    const said = asObject(one)
    const about = asObject(said?.["tier"])
    const size = tokensOf(about?.["size"])
    return said === null || about?.["type"] !== "context" || size === null ? [] : [modelsDevTier(said, size)]
  })
  const older = asObject(cost["context_over_200k"])
  return pricesOf(
    (key) => modelsDevPrice(cost, key),
    tiers.length > 0 || older === null ? tiers : [modelsDevTier(older, 200_000)],
  )
}

/** Ids are `vendor/model`, and those of OpenRouter itself are whole. */
function openRouter(root: Loose): PriceList | null {
  const list = readModelList(root)
  if (list === null || !list.models.some(({ prices }) => prices !== null)) return null
  const byId = new Map(list.models.map((model) => [model.id, model]))
  const vendors = list.models.map(({ id }) => id.split("/")[0] ?? "")
  return {
    form: "OpenRouter",
    vendors: sortedSet(["openrouter", ...vendors]),
    factsOf: (vendor, id) => {
      const found = byId.get(vendor === "openrouter" ? id : `${vendor}/${id}`)
      return found === undefined ? null : joinFacts(found, null)
    },
  }
}

function sortedSet(names: readonly string[]): readonly string[] {
  return [...new Set(names)].toSorted()
}

/** The vendor behind a host, as lists name it: prices of one vendor say nothing of another's. */
const VENDORS: readonly (readonly [host: string, names: Readonly<Record<PriceList["form"], string>>])[] = [
  vendorAt("api.openai.com", "openai"),
  vendorAt("api.anthropic.com", "anthropic"),
  vendorAt("api.mistral.ai", "mistral", "mistral", "mistralai"),
  vendorAt("api.groq.com", "groq"),
  vendorAt("api.deepseek.com", "deepseek"),
  vendorAt("api.x.ai", "xai", "xai", "x-ai"),
  vendorAt("api.cerebras.ai", "cerebras"),
  vendorAt("api.moonshot.ai", "moonshot", "moonshotai", "moonshotai"),
  vendorAt("api.fireworks.ai", "fireworks_ai", "fireworks-ai"),
  vendorAt("api.together.xyz", "together_ai", "togetherai"),
  vendorAt("openrouter.ai", "openrouter"),
  vendorAt("generativelanguage.googleapis.com", "gemini", "google", "google"),
]

function vendorAt(host: string, liteLlmName: string, modelsDevName = liteLlmName, openRouterName = modelsDevName) {
  return [host, { LiteLLM: liteLlmName, "models.dev": modelsDevName, OpenRouter: openRouterName }] as const
}

/** Null: the host is of no vendor that is known. */
export function vendorOf(host: string, form: PriceList["form"]): string | null {
  return VENDORS.find(([known]) => host === known)?.[1][form] ?? null
}
