/**
 * Tool arguments between the dialects that carry them as text (Chat, Responses) and the one that carries an object
 * (Messages), and free text of a custom tool inside the JSON of a function that stands for it.
 */

import { isObject, parseExact, type JsonObject, type JsonValue } from "./json.ts"

/** Holds argument text that is not a JSON object, so that it survives where only objects are allowed. */
export const RAW_ARGUMENTS_KEY = "router_raw_arguments"

/**
 * Argument text as an object: "" is `{}`; text that is no JSON object (cut off, a list, a scalar) stands under
 * `RAW_ARGUMENTS_KEY`, and `wrapped` is true (loss `tool-arguments-wrapped`). Numbers keep their spelling.
 */
export function argumentsObject(text: string): { readonly object: JsonObject; readonly wrapped: boolean } {
  if (text.trim() === "") return { object: {}, wrapped: false }
  const value = parsed(text)
  if (isObject(value)) return { object: value, wrapped: false }
  return { object: { [RAW_ARGUMENTS_KEY]: text }, wrapped: true }
}

/** The text of an object that came from the wire; what `argumentsObject` wrapped is unwrapped. */
export function argumentsText(object: JsonValue | undefined): string {
  if (!isObject(object)) return object === undefined || object === null ? "{}" : JSON.stringify(object)
  const raw = object[RAW_ARGUMENTS_KEY]
  return typeof raw === "string" && Object.keys(object).length === 1 ? raw : JSON.stringify(object)
}

/** Arguments of the function that stands for a custom tool: `{"input": text}`. */
export function wrapInput(text: string): string {
  return JSON.stringify({ input: text })
}

/** The schema of the function that stands for a custom tool. */
export const INPUT_SCHEMA: JsonObject = {
  type: "object",
  properties: { input: { type: "string" } },
  required: ["input"],
  additionalProperties: false,
}

/** The free text in arguments of that function; arguments of any other shape are the text themselves. */
export function unwrapInput(text: string): string {
  const reader = new InputReader()
  return reader.push(text) + reader.end()
}

const HEAD = '{"input":"'
const KEY_STARTS = 2
const KEY_ENDS = 8
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" }

/**
 * `unwrapInput`, piece by piece: the pieces may be cut anywhere, escapes included. What cannot be `{"input":"…` is
 * given out as it is, from its first character on. Text after the closing quote is ignored.
 */
export class InputReader {
  #state: "head" | "string" | "escape" | "done" | "raw" = "head"
  #matched = 0
  #held = ""

  /** The free text that this piece adds; often "". */
  push(piece: string): string {
    let from = 0
    if (this.#state === "head") {
      from = this.#readHead(piece)
      if (this.#state === "head") return ""
      if (this.#state === "raw") return this.#release(piece.slice(from))
    }
    return this.#state === "raw" ? piece : this.#readString(piece, from)
  }

  /** What was still held back: a head that never became one. An escape that was cut off is dropped. */
  end(): string {
    return this.#state === "head" ? this.#release("") : ""
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
      else if (!isBetweenTokens || !" \t\r\n".includes(char)) this.#state = "raw"
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

function parsed(text: string): JsonValue | undefined {
  try {
    return parseExact(text)
  } catch {
    return undefined
  }
}
