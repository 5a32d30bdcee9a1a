/** Puts originals back in place of their placeholders, in a text that is whole or comes in pieces. */
import { PLACEHOLDER } from "./placeholders.ts"

/** Originals by their placeholders, as plain values. */
export type Originals = ReadonlyMap<string, string>

/** How an original is written: `json`: inside of a string of JSON that the text holds, as arguments of tools do. */
export type TextForm = "text" | "json"

/** Placeholders of other requests stay. */
export function restoreText(text: string, form: TextForm, originals: Originals): string {
  if (!text.includes("[")) return text
  return text.replaceAll(PLACEHOLDER, (placeholder) => {
    const original = originals.get(placeholder)
    return original === undefined ? placeholder : written(original, form)
  })
}

function written(original: string, form: TextForm): string {
  return form === "json" ? JSON.stringify(original).slice(1, -1) : original
}

/** What may become a placeholder, found in a time that hardly grows with the number of placeholders. */
export class Beginnings {
  readonly #originals: Originals
  /** Null: none was asked for yet. */
  #sorted: readonly string[] | null = null

  constructor(originals: Originals) {
    this.#originals = originals
  }

  /** What of a text may be the beginning of a placeholder, and so waits for more: where it begins; the text's length: nothing. */
  heldFrom(text: string): number {
    const begin = text.lastIndexOf("[")
    if (begin < 0) return text.length
    const rest = text.slice(begin)
    return !rest.endsWith("]") && this.#begins(rest) ? begin : text.length
  }

  #begins(rest: string): boolean {
    const sorted = (this.#sorted ??= [...this.#originals.keys()].toSorted())
    let [from, to] = [0, sorted.length]
    while (from < to) {
      const middle = (from + to) >>> 1
      if ((sorted[middle] ?? "") < rest) from = middle + 1
      else to = middle
    }
    return sorted[from]?.startsWith(rest) === true
  }
}
