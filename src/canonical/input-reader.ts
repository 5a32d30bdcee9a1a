/** The free text of a custom tool, out of the arguments of the function that stands for it. */

import { parseJson } from "./arguments.ts"
import { isObject, type JsonValue } from "./json.ts"

/**
 * The free text in arguments of that function. Models also name the member otherwise, add others, or give a JSON string;
 * arguments of any other shape are the text themselves.
 */
export function unwrapInput(text: string): string {
  const reader = new InputReader()
  return reader.push(text) + reader.end()
}

/** Names that models give the member in place of `input`. */
const NAMES = ["input", "patch", "text", "content", "code", "script", "command", "cmd", "diff"]

/** The text in a value of another shape than `{"input":"…"}`; null: there is none. */
function textIn(value: JsonValue | undefined): string | null {
  if (typeof value === "string") {
    const inner = value.startsWith("{") ? textIn(parseJson(value)) : null
    return inner ?? value
  }
  // `["apply_patch", "*** Begin Patch…"]`
  if (Array.isArray(value)) return textIn((value as readonly JsonValue[]).at(-1))
  if (!isObject(value)) return null
  const name = NAMES.find((one) => value[one] !== undefined && value[one] !== null)
  if (name !== undefined) return textIn(value[name])
  const members = Object.values(value)
  return members.length === 1 ? textIn(members[0]) : null
}

const HEAD = '{"input":"'
const KEY_STARTS = 2
const KEY_ENDS = 8
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" }

/**
 * `unwrapInput`, piece by piece: the pieces may be cut anywhere, escapes included. What may be JSON of another shape than
 * `{"input":"…` waits for its end; what cannot be any is given out as it is, from its first character on. Text after the
 * closing quote is ignored.
 */
export class InputReader {
  #state: "head" | "string" | "escape" | "done" | "held" | "raw" = "head"
  #matched = 0
  #held = ""

  /** The text has begun, and its end has not come. */
  get isInside(): boolean {
    return this.#state === "string" || this.#state === "escape"
  }

  get isDone(): boolean {
    return this.#state === "done"
  }

  /** The free text that this piece adds; often "". */
  push(piece: string): string {
    let from = 0
    if (this.#state === "head") {
      from = this.#readHead(piece)
      if (this.#state === "head") return ""
      if (this.#state === "raw") return this.#release(piece.slice(from))
    }
    if (this.#state === "raw") return piece
    if (this.#state !== "held") return this.#readString(piece, from)
    this.#held += piece.slice(from)
    return ""
  }

  /** What was still held back: JSON of another shape, or a head that never became one. An escape that was cut off is dropped. */
  end(): string {
    if (this.#state !== "head" && this.#state !== "held") return ""
    const held = this.#release("")
    this.#state = "done"
    return textIn(parseJson(held)) ?? held
  }

  #release(rest: string): string {
    const all = this.#held + rest
    this.#held = ""
    return all
  }

  /** Index behind the last character that belongs to the head (or that shows that there is none). */
  #readHead(piece: string): number {
    for (let index = 0; index < piece.length; index += 1) {
      const char = piece.charAt(index)
      this.#held += char
      const isBetweenTokens = this.#matched < KEY_STARTS || this.#matched >= KEY_ENDS
      if (char === HEAD[this.#matched]) this.#matched += 1
      else if (!isBetweenTokens || !" \t\r\n".includes(char))
        this.#state = this.#matched > 0 || char === '"' ? "held" : "raw"
      if (this.#matched === HEAD.length) {
        this.#state = "string"
        this.#held = ""
      }
      if (this.#state !== "head") return index + 1
    }
    return piece.length
  }

  #readString(piece: string, from: number): string {
    let text = ""
    let plain = from
    for (let index = from; index < piece.length && this.#state !== "done"; index += 1) {
      const char = piece.charAt(index)
      if (this.#state === "escape") {
        text += this.#readEscape(char)
        plain = index + 1
      } else if (char === "\\" || char === '"') {
        text += piece.slice(plain, index)
        plain = index + 1
        this.#state = char === "\\" ? "escape" : "done"
      }
    }
    return this.#state === "string" ? text + piece.slice(plain) : text
  }

  /** `#held` gathers `uXXXX`. */
  #readEscape(char: string): string {
    this.#held += char
    if (this.#held.startsWith("u") && this.#held.length < "uXXXX".length) return ""
    const escape = this.#release("")
    this.#state = "string"
    if (escape.startsWith("u")) return String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return ESCAPES[escape] ?? escape
  }
}
