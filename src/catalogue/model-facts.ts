/** What lists of models and of prices say about a model, in one form. Null: the list says nothing of it. */

export interface ModelFacts {
  readonly contextTokens: number | null
  readonly maxOutputTokens: number | null
  /** `text` and what else the model takes. */
  readonly inputModalities: readonly Modality[] | null
  readonly tools: boolean | null
  readonly toolChoice: boolean | null
  readonly structuredOutputs: boolean | null
  readonly reasoning: boolean | null
  readonly prices: Prices | null
}

export type Modality = "text" | "image" | "video"

/** Keys of a catalogue's entry with USD per million tokens. At least one is there. */
export interface Prices {
  readonly usdPerMillion: Readonly<Partial<Record<PriceKey, number>>>
  readonly tiers: readonly PriceTier[]
}

export interface PriceTier {
  readonly aboveInputTokens: number
  readonly usdPerMillion: Readonly<Partial<Record<PriceKey, number>>>
}

/** In the order in which a catalogue names them. */
export const PRICE_KEYS = [
  "input_price_per_million_usd",
  "cached_input_price_per_million_usd",
  "cache_write_price_per_million_usd",
  "cache_write_1h_price_per_million_usd",
  "output_price_per_million_usd",
  "image_input_price_per_million_tokens_usd",
  "audio_input_price_per_million_tokens_usd",
  "audio_output_price_per_million_tokens_usd",
] as const

export type PriceKey = (typeof PRICE_KEYS)[number]

export const NO_FACTS: ModelFacts = {
  contextTokens: null,
  maxOutputTokens: null,
  inputModalities: null,
  tools: null,
  toolChoice: null,
  structuredOutputs: null,
  reasoning: null,
  prices: null,
}

const LARGEST_WINDOW = 1_000_000_000

/** A whole number of tokens from 1 on, also where a list writes it as a text. */
export function tokensOf(value: unknown): number | null {
  const number = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value
  return typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= LARGEST_WINDOW
    ? number
    : null
}

export function flagOf(value: unknown): boolean | null {
  return typeof value === "boolean" ? value : null
}

/** Null: the list has no words for them. Sound and documents are no modalities of a catalogue. */
export function modalitiesOf(words: readonly unknown[]): readonly Modality[] | null {
  if (words.length === 0) return null
  const known: readonly Modality[] = ["text", "image", "video"]
  return known.filter((word) => word === "text" || words.includes(word))
}

/** Nothing on the market is near this. */
const LARGEST_PRICE_USD = 100_000
/** Money is counted in whole billionths. */
const DIGITS = 9

/**
 * A price as USD per million tokens with at most nine digits behind the point; null: none, or one that cannot be.
 * @param times 1 for prices of a million tokens, 1e6 for those of one
 */
export function usdPerMillion(value: unknown, times: 1 | 1e6): number | null {
  const number = typeof value === "string" && /^[\d.e+-]{1,32}$/i.test(value) ? Number(value) : value
  if (typeof number !== "number" || !(number >= 0)) return null
  // the price of one token is written in binary: its last digits are none of the list's
  const scaled = Number((number * times).toPrecision(12))
  const exact = Number(scaled.toFixed(DIGITS))
  if (exact > LARGEST_PRICE_USD || (exact === 0 && number > 0)) return null
  return exact
}

/** Null: there is no price, or all are 0, by which lists say that they know none. */
export function pricesOf(of: (key: PriceKey) => number | null, tiers: readonly PriceTier[] = []): Prices | null {
  const base = definedPrices(of)
  const isKnown = Object.values(base).some((price) => price > 0)
  return isKnown ? { usdPerMillion: base, tiers } : null
}

export function definedPrices(of: (key: PriceKey) => number | null): Partial<Record<PriceKey, number>> {
  const all = PRICE_KEYS.map((key) => [key, of(key)] as const)
  return Object.fromEntries(all.filter(([, price]) => price !== null))
}

/** What the first says counts; the second fills what it leaves open. */
export function joinFacts(first: ModelFacts, second: ModelFacts | null): ModelFacts {
  return {
    contextTokens: first.contextTokens ?? second?.contextTokens ?? null,
    maxOutputTokens: first.maxOutputTokens ?? second?.maxOutputTokens ?? null,
    inputModalities: first.inputModalities ?? second?.inputModalities ?? null,
    tools: first.tools ?? second?.tools ?? null,
    toolChoice: first.toolChoice ?? second?.toolChoice ?? null,
    structuredOutputs: first.structuredOutputs ?? second?.structuredOutputs ?? null,
    reasoning: first.reasoning ?? second?.reasoning ?? null,
    prices: first.prices ?? second?.prices ?? null,
  }
}
