/** What is wrong with a JSON text, and where. */
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./bytes.ts"

/** Why the bytes are not a JSON object. `offset` counts bytes. */
export class JsonFault extends Error {
  readonly offset: number
  /** The value is well-formed JSON so far but is no object, or is nested too deeply. */
  readonly kind: "syntax" | "depth" | "not-an-object"

  constructor(kind: JsonFault["kind"], offset: number, message: string) {
    super(message)
    this.name = "JsonFault"
    this.kind = kind
    this.offset = offset
  }
}

/** The fault at an offset where scanning stopped. Only run when there is a fault. */
export function faultAt(bytes: Uint8Array, offset: number, maxDepth: number): JsonFault {
  const byte = bytes[offset]
  if (byte === undefined) return new JsonFault("syntax", offset, "unexpected end")
  if ((byte === OPEN_BRACE || byte === OPEN_BRACKET) && depthBefore(bytes, offset) >= maxDepth)
    return new JsonFault("depth", offset, "nested too deeply")
  const shown = byte > 32 && byte < 127 ? `unexpected "${String.fromCharCode(byte)}"` : "unexpected character"
  return new JsonFault("syntax", offset, shown)
}

/** How many containers are open; what stands before `offset` is well formed. */
function depthBefore(bytes: Uint8Array, offset: number): number {
  let depth = 0
  let inString = false
  for (let at = 0; at < offset; at++) {
    const byte = bytes[at]
    if (inString && byte === BACKSLASH) at++
    else if (byte === QUOTE) inString = !inString
    else if (!inString && (byte === OPEN_BRACE || byte === OPEN_BRACKET)) depth++
    else if (!inString && (byte === CLOSE_BRACE || byte === CLOSE_BRACKET)) depth--
  }
  return depth
}

const DEEPEST = 8
const LONGEST_KEY = 64
/** A fault further in than this gets no path: finding it would cost more than it helps. */
const FURTHEST_BYTES = 1 << 20

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
