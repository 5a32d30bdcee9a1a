/** What is wrong with a JSON text, and where. */
/** Why the bytes are not a JSON object. `offset` counts bytes. */
export class JsonFault extends Error {
  readonly offset: number
  /** The value is well-formed JSON so far but is no object, is nested too deeply, or has too many parts. */
  readonly kind: "syntax" | "depth" | "not-an-object" | "too-many"
  /** The top-level member; null: it can be found by the offset. */
  readonly key: string | null

  constructor(kind: JsonFault["kind"], offset: number, message: string, key: string | null = null) {
    super(message)
    this.key = key
    this.name = "JsonFault"
    this.kind = kind
    this.offset = offset
  }
}

/** The fault at an offset where scanning stopped. Only run when there is a fault. */
export function faultAt(bytes: Uint8Array, offset: number): JsonFault {
  const byte = bytes[offset]
  if (byte === undefined) return new JsonFault("syntax", offset, "unexpected end")
  const shown = byte > 32 && byte < 127 ? `unexpected "${String.fromCharCode(byte)}"` : "unexpected character"
  return new JsonFault("syntax", offset, shown)
}

const DEEPEST = 8
const LONGEST_KEY = 64
/** A fault further in than this gets no path: finding it would cost more than it helps. */
const FURTHEST_BYTES = 1 << 18

interface Level {
  readonly array: boolean
  key: string
  index: number
}

/** The path of the value around `offset`, such as `messages[2].content`; undefined at the top level. Deep paths are cut with `…`. */
export function faultPath(bytes: Uint8Array, offset: number): string | undefined {
  if (offset > FURTHEST_BYTES) return undefined
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(offset, bytes.length)).toString("utf8")
  const levels = levelsBefore(text)
  const path = levels
    .slice(0, DEEPEST)
    .map((level) => (level.array ? `[${level.index}]` : level.key === "" ? "" : `.${level.key.slice(0, LONGEST_KEY)}`))
    .join("")
    .replace(/^\./, "")
  if (path === "") return undefined
  return levels.length > DEEPEST ? `${path}…` : path
}

/** Everything before the fault is well formed, so the tokens that matter can be picked out by a pattern. */
function levelsBefore(text: string): Level[] {
  const levels: Level[] = []
  let last = ""
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:,]/g)) {
    const level = levels.at(-1)
    if (token === "{" || token === "[") levels.push({ array: token === "[", key: "", index: 0 })
    else if (token === "}" || token === "]") levels.pop()
    else if (token === ":" && level !== undefined) level.key = keyText(last)
    else if (token === "," && level !== undefined) {
      level.index++
      level.key = ""
    }
    last = token
  }
  return levels
}

function keyText(token: string): string {
  try {
    return String(JSON.parse(token))
  } catch {
    return "?"
  }
}
