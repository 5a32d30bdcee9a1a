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

/** What of a text may be the beginning of a placeholder, and so waits for more: where it begins; the text's length: nothing. */
export function heldFrom(text: string, originals: Originals): number {
  const begin = text.lastIndexOf("[")
  if (begin < 0) return text.length
  const rest = text.slice(begin)
  if (rest.endsWith("]")) return text.length
  for (const placeholder of originals.keys()) if (placeholder.startsWith(rest)) return begin
  return text.length
}
