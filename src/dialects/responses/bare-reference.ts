/** Finds `{"id": "…"}` in bytes: a reference to a stored item that says no type. */

const ID = Buffer.from('"id"')
const QUOTE = 34
const COMMA = 44
const COLON = 58
const OPEN = 123
const CLOSE = 125
const BACKSLASH = 92

/** Says yes too often (any object that begins or ends like one), never too rarely. */
export function holdsBareReference(bytes: Uint8Array): boolean {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = view.indexOf(ID); at >= 0; at = view.indexOf(ID, at + ID.length)) if (standsAlone(view, at)) return true
  return false
}

/** The pair is the object's only one, or the others say null: `{"type":null,"id":"…"}`. */
function standsAlone(view: Buffer, at: number): boolean {
  const before = spaceBefore(view, at)
  if (view[before] !== OPEN && !isBehindNull(view, before)) return false
  let end = space(view, at + ID.length)
  if (view[end] !== COLON) return false
  end = space(view, end + 1)
  if (view[end] !== QUOTE) return false
  end = view.indexOf(QUOTE, end + 1)
  // an escape inside of an id is nobody's habit
  if (end < 0 || view[end - 1] === BACKSLASH) return end > 0
  const next = space(view, end + 1)
  return view[next] === CLOSE || (view[next] === COMMA && isNullPair(view, next + 1))
}

function isBehindNull(view: Buffer, comma: number): boolean {
  if (view[comma] !== COMMA) return false
  const last = spaceBefore(view, comma)
  return view.toString("latin1", last - 3, last + 1) === "null"
}

function isNullPair(view: Buffer, from: number): boolean {
  return /^\s*"type"\s*:\s*null/.test(view.toString("latin1", from, from + 64))
}

function space(view: Buffer, from: number): number {
  let at = from
  while (isSpace(view[at])) at++
  return at
}

/** The last byte before `from` that is no white space. */
function spaceBefore(view: Buffer, from: number): number {
  let at = from - 1
  while (isSpace(view[at])) at--
  return at
}

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9
}
