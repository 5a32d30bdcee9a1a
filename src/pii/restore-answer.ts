/** Restores whole answers. Reasoning stays as it is: its signature would no longer fit. */
import { OPEN_BRACE } from "../json/bytes.ts"
import type { DialectName } from "../dialects/name.ts"
import { searchable, skipSpace } from "../json/search.ts"
import { stringAt } from "../json/walk.ts"
import { answerPlaces } from "./request-places.ts"
import { restoreText, type Originals } from "./restore.ts"

/** `bytes`: JSON that is known to be valid. The same bytes where nothing is to be restored. */
export function restoreAnswer(bytes: Uint8Array, dialect: DialectName, originals: Originals): Uint8Array {
  const json = searchable(bytes)
  const start = skipSpace(json, 0)
  if (json[start] !== OPEN_BRACE || !holdsAny(json, originals)) return bytes
  const pieces: Uint8Array[] = []
  let at = 0
  answerPlaces(json, start, dialect, ({ start: from, end, kind, reasoning }) => {
    if (reasoning !== "none" || (kind !== "text" && kind !== "json")) return
    const text = stringAt(json, from, end)
    const restored = restoreText(text, kind, originals)
    if (restored === text) return
    pieces.push(json.subarray(at, from), Buffer.from(JSON.stringify(restored)))
    at = end
  })
  return pieces.length === 0 ? bytes : Buffer.concat([...pieces, json.subarray(at)])
}

/** Placeholders are the same letters in every string of JSON. */
function holdsAny(json: Buffer, originals: Originals): boolean {
  const heads = new Set([...originals.keys()].map((placeholder) => placeholder.slice(0, placeholder.lastIndexOf("_"))))
  return [...heads].some((head) => json.includes(head))
}
