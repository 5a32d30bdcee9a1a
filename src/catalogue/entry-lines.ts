/** Facts of a model as keys of a catalogue's entry, with their values as YAML. */
import type { ToolWords } from "../dialects/wire-facts.ts"
import type { ListEntry } from "../config/edit/nodes.ts"
import { PRICE_KEYS, type ModelFacts, type Prices } from "./model-facts.ts"

/** What the dialect of the provider calls tools. */
export interface DialectWords {
  readonly apiShape: string
  readonly toolSupport: ToolWords
}

/** Where prices come from, for auditors. */
export interface PriceSource {
  readonly name: string
  /** `2026-06-25`. */
  readonly date: string
}

/** Limits and what the model takes, without what the list says nothing of. */
export function factLines(facts: ModelFacts, words: DialectWords): ListEntry {
  const { contextTokens, maxOutputTokens, inputModalities, reasoning } = facts
  const tools = toolWordsOf(facts, words.toolSupport)
  return [
    ...(contextTokens === null ? [] : [["context_tokens", String(contextTokens)] as const]),
    ...(maxOutputTokens === null ? [] : [["max_output_tokens", String(maxOutputTokens)] as const]),
    ...(inputModalities === null ? [] : [["input_modalities", `[${inputModalities.join(", ")}]`] as const]),
    ...(tools === null ? [] : [["tool_support", `{ ${words.apiShape}: [${tools.join(", ")}] }`] as const]),
    ...(reasoning === null ? [] : [["reasoning", `{ supported: ${reasoning} }`] as const]),
  ]
}

/** Null where the list does not tell all: a word that is left out of `tool_support` is a no, which nobody said. */
export function toolWordsOf(
  { tools, toolChoice, structuredOutputs }: Pick<ModelFacts, "tools" | "toolChoice" | "structuredOutputs">,
  { tools: toolWord, choice, isComplete }: ToolWords,
): readonly string[] | null {
  const isOneWord = choice === toolWord
  if (tools === null || (!isOneWord && tools && toolChoice === null)) return null
  if (structuredOutputs === null && (isComplete || !tools)) return null
  return [
    ...(tools ? [toolWord] : []),
    ...(tools && !isOneWord && toolChoice === true ? [choice] : []),
    ...(structuredOutputs === true ? ["structured_outputs"] : []),
  ]
}

/** Prices with where they come from; empty: there are none. */
export function priceLines(prices: Prices | null, source: PriceSource): ListEntry {
  if (prices === null) return []
  const { usdPerMillion, tiers } = prices
  const said = PRICE_KEYS.flatMap((key) => {
    const price = usdPerMillion[key]
    return price === undefined ? [] : [[key, decimal(price)] as const]
  })
  const parts = tiers.map(({ aboveInputTokens, usdPerMillion: prices_ }) => {
    const pairs = Object.entries(prices_).map(([key, price]) => `, ${key}: ${decimal(price)}`)
    return `{ above_input_tokens: ${aboveInputTokens}${pairs.join("")} }`
  })
  return [
    ...said,
    ...(parts.length === 0 ? [] : [["price_tiers", `[${parts.join(", ")}]`] as const]),
    ["pricing_source", JSON.stringify(source.name)],
    ["pricing_updated_at", JSON.stringify(source.date)],
  ]
}

/** Without an exponent: at most nine digits behind the point. */
function decimal(price: number): string {
  return price.toFixed(9).replace(/\.?0+$/, "")
}
