/** Walks the elements of an array that is known to be valid, as far as somebody wants to see them. */
import { CLOSE_BRACKET, COMMA, OPEN_BRACKET } from "./bytes.ts"
import { skipValue } from "./scan.ts"
import { skipSpace } from "./search.ts"

/** Calls `visit` with each element's bytes until it says false. Nothing where `json` is no array. */
export function eachElement(json: Buffer, visit: (element: Buffer) => boolean): void {
  if (json[0] !== OPEN_BRACKET) return
  const view = new DataView(json.buffer, json.byteOffset, json.length)
  const stack: number[] = []
  let at = skipSpace(json, 1)
  while (at < json.length && json[at] !== CLOSE_BRACKET) {
    const end = skipValue(json, view, at, Infinity, stack)
    if (end < 0 || !visit(json.subarray(at, end))) return
    at = skipSpace(json, end)
    if (json[at] === COMMA) at = skipSpace(json, at + 1)
  }
}
