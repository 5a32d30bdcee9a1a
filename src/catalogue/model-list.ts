/**
 * Reads the list of models that an upstream gives, in each form that is known:
 * - OpenAI and all that follow it: https://platform.openai.com/docs/api-reference/models/list
 * - Anthropic: https://docs.anthropic.com/en/api/models-list
 * - vLLM and SGLang: `max_model_len` in OpenAI's form
 * - llama.cpp: `meta` and `architecture` in OpenAI's form
 * - OpenRouter: windows, prices and parameters in OpenAI's form, https://openrouter.ai/docs/api-reference/list-available-models
 * - Ollama: `models`, https://github.com/ollama/ollama/blob/main/docs/api.md
 */
import { asArray, asObject, asString, type Loose } from "../dialects/loose.ts"
import { nearest } from "../nearest.ts"
import {
  flagOf,
  modalitiesOf,
  type ModelFacts,
  type PriceKey,
  pricesOf,
  tokensOf,
  usdPerMillion,
} from "./model-facts.ts"

export interface ListedModel extends ModelFacts {
  /** Of the alphabet of `isModelId`. */
  readonly id: string
  /** The word of the list for whose model it is; empty: none. */
  readonly owner: string
}

export interface ModelList {
  /** By id, each once. */
  readonly models: readonly ListedModel[]
  /** So many have an id that no catalogue takes. */
  readonly refused: number
  /** So many stand behind the last one that is read. */
  readonly leftOut: number
  /** The upstream has more on a further page. */
  readonly hasMore: boolean
}

export const MOST_MODELS = 2000

/**
 * Letters, digits and `._:/@+~-`, at most 200. No `$`, quotes or spaces: an id is written into a configuration, where
 * `${NAME}` would be replaced by a secret.
 */
const MODEL_ID = /^[A-Za-z0-9@~][A-Za-z0-9._:/@+~-]{0,199}$/

export function isModelId(text: string): boolean {
  return MODEL_ID.test(text)
}

/** Null: this is no list of models. */
export function readModelList(json: unknown): ModelList | null {
  const root = asObject(json)
  const said = Array.isArray(json) ? json : (root?.["data"] ?? root?.["models"])
  if (!Array.isArray(said)) return null
  const named = said.slice(0, MOST_MODELS).map((entry) => listedModel(asObject(entry) ?? {}, root))
  const found = new Map(named.flatMap((model) => (model === null ? [] : [[model.id, model] as const])))
  return {
    models: [...found.values()].toSorted((left, right) => (left.id < right.id ? -1 : 1)),
    refused: named.filter((model) => model === null).length,
    leftOut: Math.max(0, said.length - MOST_MODELS),
    hasMore: root?.["has_more"] === true,
  }
}

function listedModel(entry: Loose, root: Loose | null): ListedModel | null {
  const id = asString(entry["id"]) ?? asString(entry["model"]) ?? asString(entry["name"])
  if (id === null || !isModelId(id)) return null
  const able = asObject(entry["capabilities"])
  return {
    id,
    owner: asString(entry["owned_by"]) ?? "",
    contextTokens: windowOf(entry),
    maxOutputTokens:
      tokensOf(asObject(entry["top_provider"])?.["max_completion_tokens"]) ??
      (entry["type"] === "model" ? tokensOf(entry["max_tokens"]) : null),
    inputModalities: modalitiesIn(entry, able, root),
    tools: parameterOf(entry, "tools"),
    toolChoice: parameterOf(entry, "tool_choice"),
    structuredOutputs: supportOf(able, "structured_outputs") ?? parameterOf(entry, "structured_outputs"),
    reasoning: supportOf(able, "thinking") ?? parameterOf(entry, "reasoning"),
    prices: pricesIn(asObject(entry["pricing"])),
  }
}

/** `meta.n_ctx_train` is what the model was trained for, which the server may serve less of. */
function windowOf(entry: Loose): number | null {
  return (
    tokensOf(entry["max_model_len"]) ??
    tokensOf(asObject(entry["meta"])?.["n_ctx"]) ??
    tokensOf(asObject(entry["top_provider"])?.["context_length"]) ??
    tokensOf(entry["context_length"]) ??
    tokensOf(entry["max_context_length"]) ??
    (entry["type"] === "model" ? tokensOf(entry["max_input_tokens"]) : null)
  )
}

function modalitiesIn(entry: Loose, able: Loose | null, root: Loose | null): ModelFacts["inputModalities"] {
  const images = supportOf(able, "image_input")
  if (images !== null) return images ? ["text", "image"] : ["text"]
  const listed = modalitiesOf(asArray(asObject(entry["architecture"])?.["input_modalities"]))
  if (listed !== null) return listed
  // llama.cpp says it of each model in a second list
  const beside = asArray(root?.["data"] === undefined ? null : root["models"])
    .map(asObject)
    .find((other) => other?.["model"] === entry["id"])
  const words = asArray(beside?.["capabilities"])
  return words.includes("multimodal") ? ["text", "image"] : null
}

/** Anthropic's form. */
function supportOf(able: Loose | null, name: string): boolean | null {
  return flagOf(asObject(able?.[name])?.["supported"])
}

/** OpenRouter lists the parameters that a model takes. */
function parameterOf(entry: Loose, name: string): boolean | null {
  const words = entry["supported_parameters"]
  return Array.isArray(words) ? words.includes(name) : null
}

const OPENROUTER_PRICES: Readonly<Partial<Record<PriceKey, string>>> = {
  input_price_per_million_usd: "prompt",
  cached_input_price_per_million_usd: "input_cache_read",
  cache_write_price_per_million_usd: "input_cache_write",
  output_price_per_million_usd: "completion",
}

/** OpenRouter writes prices of a token, as texts; others have other units under the same names, as numbers. */
function pricesIn(pricing: Loose | null): ModelFacts["prices"] {
  if (asString(pricing?.["prompt"]) === null) return null
  return pricesOf((key) => usdPerMillion(asString(pricing?.[OPENROUTER_PRICES[key] ?? ""]), 1e6))
}

/** What Ollama says of one model (`POST /api/show`). */
export function ollamaFacts(json: unknown): Partial<ModelFacts> {
  const shown = asObject(json)
  const words = asArray(shown?.["capabilities"])
  // without `num_ctx` the server cuts long inputs in silence, whatever the model could take
  const window = /^num_ctx\s+(\d{1,10})\s*$/m.exec(asString(shown?.["parameters"]) ?? "")?.[1]
  if (words.length === 0) return { contextTokens: tokensOf(window) }
  return {
    contextTokens: tokensOf(window),
    inputModalities: words.includes("vision") ? ["text", "image"] : ["text"],
    tools: words.includes("tools"),
    reasoning: words.includes("thinking"),
  }
}

/** What llama.cpp says of itself (`GET /props`): `n_ctx` is the window of one call. */
export function llamaFacts(json: unknown): Partial<ModelFacts> {
  const said = asObject(json)
  const vision = flagOf(asObject(said?.["modalities"])?.["vision"])
  return {
    contextTokens: tokensOf(asObject(said?.["default_generation_settings"])?.["n_ctx"]),
    inputModalities: vision === null ? null : vision ? ["text", "image"] : ["text"],
  }
}

/** Whatever their alphabet; null: this is no list of models, or an empty one. */
export function listedIds(json: unknown): readonly string[] | null {
  const ids = asArray(asObject(json)?.["data"])
    .slice(0, MOST_MODELS)
    .flatMap((model) => asString(asObject(model)?.["id"]) ?? [])
  return ids.length === 0 ? null : ids
}

/** The id in a list that someone who wrote `model` most likely meant; undefined: none is near. */
export function nearestModel(model: string, ids: readonly string[]): string | undefined {
  const known = ids.filter(isModelId)
  const short = lastPart(model)
  return known.find((id) => lastPart(id) === short) ?? nearest(model, known) ?? known.find((id) => id.startsWith(model))
}

function lastPart(id: string): string {
  return (id.split("/").at(-1) ?? id).toLowerCase()
}
