/** What a list of models means for a catalogue: new entries, facts that are missing, prices that changed. Pure. */
import { isDeepStrictEqual } from "node:util"
import { parse } from "yaml"
import type { Edit } from "../config/edit/edit.ts"
import type { MapEntry } from "../config/edit/entries.ts"
import { yamlText, type ListEntry } from "../config/edit/nodes.ts"
import { asObject, type Loose } from "../dialects/loose.ts"
import { factLines, priceLines, type DialectWords, type PriceSource } from "./entry-lines.ts"
import { joinFacts, type ModelFacts } from "./model-facts.ts"
import type { ListedModel } from "./model-list.ts"

export interface Known {
  /** The name of the provider's entry. */
  readonly provider: string
  /** Its catalogue, as the file has it. */
  readonly entries: Readonly<Record<string, Loose>>
  readonly words: DialectWords
  /** What a price list says of an id; null: there is none, or it has none. "other": the model makes no text. */
  readonly pricedAs: (id: string) => ModelFacts | "other" | null
  /** Of prices that come from the price list, and of those that the upstream's own list says. */
  readonly sources: { readonly priceList: PriceSource; readonly upstream: PriceSource }
}

export interface Proposal {
  readonly added: readonly MapEntry[]
  /** Facts that an entry lacks, and prices that changed. */
  readonly changed: readonly { readonly ref: string; readonly pairs: ListEntry }[]
  /** What lists say otherwise than an entry, and the entry keeps. */
  readonly differing: readonly { readonly ref: string; readonly key: string; readonly listed: string }[]
  /** Of other models than those that answer in text. */
  readonly otherModels: number
  /** The names of entries by the ids of their models, old and new. */
  readonly refs: ReadonlyMap<string, string>
  readonly edits: readonly Edit[]
}

export function propose(models: readonly ListedModel[], known: Known): Proposal {
  const refs = new Map(Object.entries(known.entries).map(([ref, { model }]) => [String(model), ref]))
  const taken = new Set(Object.keys(known.entries))
  const added: MapEntry[] = []
  const changed: { ref: string; pairs: ListEntry }[] = []
  const differing: { ref: string; key: string; listed: string }[] = []
  let otherModels = 0
  for (const { id, owner: _, ...facts } of models) {
    const priced = known.pricedAs(id)
    if (priced === "other" && !refs.has(id)) {
      otherModels += 1
      continue
    }
    const pairs = pairsOf(facts, priced === "other" ? null : priced, known)
    const ref = refs.get(id)
    const entry = ref === undefined ? undefined : known.entries[ref]
    if (ref === undefined || entry === undefined) {
      const name = freeRef(id, taken)
      taken.add(name)
      refs.set(id, name)
      added.push([name, [["model", yamlText(id)], ...pairs]])
      continue
    }
    const compared = pairs.filter(([key, yaml]) => !agrees(said(entry, key), parse(yaml)))
    const isPriceNew = compared.some(([key]) => isPrice(key))
    const takes = ([key]: ListEntry[number]): boolean =>
      said(entry, key) === undefined || isPrice(key) || (isPriceNew && key.startsWith("pricing_"))
    const news = compared.filter((pair) => takes(pair) && (isPriceNew || !pair[0].startsWith("pricing_")))
    if (news.length > 0) changed.push({ ref, pairs: news })
    const kept = compared.filter((pair) => !takes(pair) && !pair[0].startsWith("pricing_"))
    differing.push(...kept.map(([key, listed]) => ({ ref, key, listed })))
  }
  return { added, changed, differing, otherModels, refs, edits: editsOf(known.provider, added, changed) }
}

function pairsOf(facts: ModelFacts, priced: ModelFacts | null, { words, sources }: Known): ListEntry {
  const joined = joinFacts({ ...facts, prices: null }, priced)
  const prices = priced?.prices ?? null
  return [
    ...factLines(joined, words),
    ...(prices === null ? priceLines(facts.prices, sources.upstream) : priceLines(prices, sources.priceList)),
  ]
}

function said(entry: Loose, key: string): unknown {
  return entry[key] ?? undefined
}

/** Of a block the list tells a part. */
function agrees(written: unknown, listed: unknown): boolean {
  const [whole, part] = [asObject(written), asObject(listed)]
  if (whole === null || part === null) return isDeepStrictEqual(written, listed)
  return Object.entries(part).every(([key, value]) => isDeepStrictEqual(whole[key], value))
}

/** Such a key says what something costs. */
function isPrice(key: string): boolean {
  return key.endsWith("_usd") || key === "price_tiers"
}

function editsOf(
  provider: string,
  added: readonly MapEntry[],
  changed: readonly { readonly ref: string; readonly pairs: ListEntry }[],
): readonly Edit[] {
  return [
    ...changed.flatMap(({ ref, pairs }) =>
      pairs.map(([key, yaml]): Edit => ({ path: ["providers", provider, "models", ref], key, yaml })),
    ),
    ...(added.length === 0 ? [] : [{ path: ["providers", provider, "models"], entries: added } as const]),
  ]
}

/** The last part of the id, else the whole of it, else with a number. */
function freeRef(id: string, taken: ReadonlySet<string>): string {
  const [part, whole] = [cleanName(id.split("/").at(-1) ?? id), cleanName(id)]
  for (const name of [part, whole]) if (name !== "" && !taken.has(name)) return name
  for (let number = 2; ; number += 1) if (!taken.has(`${whole}-${number}`)) return `${whole}-${number}`
}

function cleanName(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, "-").slice(0, LONGEST_REF)
}

const LONGEST_REF = 120

/** Does a pattern with `*` fit an id? */
export function fits(pattern: string, id: string): boolean {
  const parts = pattern.split("*")
  const [first = "", ...others] = parts
  const last = others.pop()
  if (last === undefined) return id === pattern
  if (!id.startsWith(first) || id.length < first.length + last.length || !id.endsWith(last)) return false
  let rest = id.slice(first.length, id.length - last.length)
  for (const part of others) {
    const at = rest.indexOf(part)
    if (at < 0) return false
    rest = rest.slice(at + part.length)
  }
  return true
}
