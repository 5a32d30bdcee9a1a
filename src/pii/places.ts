/**
 * Where texts stand in JSON that a model reads. Whatever stands in a conversation is a text, but for what is listed here:
 * ids, schemas, images, sealed reasoning. A field that nobody has heard of is a text.
 */
import { OPEN_BRACE, OPEN_BRACKET, QUOTE } from "../json/bytes.ts"
import { eachItem, eachMember, endOf, stringAt } from "../json/walk.ts"
import { utf8 } from "../text.ts"
import type { PiiPart } from "./filter.ts"

/**
 * `text`: a string. `json`: a string that holds JSON, as arguments of tools do. `number`: a number in the caller's own JSON.
 * `file`: a string that is a file in base64. `url`: the address of an image or of a file. `seal`: sealed reasoning.
 */
export type PlaceKind = "text" | "json" | "number" | "file" | "url" | "seal"

/** `open`: reasoning that nothing seals. `sealed`: a change would break its signature. */
export type Reasoning = "none" | "open" | "sealed"

export interface Place {
  /** The token: a string with its quotes, or a number. */
  readonly start: number
  readonly end: number
  readonly kind: PlaceKind
  readonly part: PiiPart
  readonly reasoning: Reasoning
}

export type Visit = (place: Place) => void

/** Deeper than any part of a conversation: there, all that looks like JSON is the caller's own. */
const DEEPEST = 12

const LEFT: ReadonlySet<string> = new Set([
  "id",
  "type",
  "role",
  "name",
  "status",
  "phase",
  "object",
  "model",
  "namespace",
  "caller",
  "execution",
  "encrypted_index",
  "cache_control",
  "media_type",
  "mime_type",
  "format",
  "detail",
  "logprobs",
  "finish_reason",
  "stop_reason",
  "input_audio",
  "audio",
  "video",
  "extra_content",
  "parameters",
  "input_schema",
  "schema",
])
const SEALS: ReadonlySet<string> = new Set(["signature", "thought_signature", "encrypted_content"])
const REASONING: ReadonlySet<string> = new Set([
  "reasoning",
  "reasoning_content",
  "reasoning_details",
  "thinking_blocks",
])
const MEDIA_KEYS: ReadonlySet<string> = new Set(["image_url", "video_url", "file_url"])
/** Types of objects whose `data` is sealed reasoning. */
const SEALED_DATA: ReadonlySet<string> = new Set(["redacted_thinking", "reasoning.encrypted"])
const MEDIA: ReadonlySet<string> = new Set([
  "image",
  "image_url",
  "input_image",
  "computer_screenshot",
  "input_audio",
  "audio",
  "video",
  "video_url",
  "input_video",
])

/** Where media carry their content or its address; what else such a part says is as in any other. */
const MEDIA_MEMBERS: ReadonlySet<string> = new Set([
  ...MEDIA_KEYS,
  "url",
  "source",
  "data",
  "result",
  "image",
  "screenshot",
  "b64_json",
])
/** The caller's own JSON, and of tools the members in which others may be described. */
const OWN_JSON: ReadonlySet<string> = new Set(["arguments", "input", "attributes"])
const TOOL_LISTS: ReadonlySet<string> = new Set(["tools", "skills"])
const TOOL_BLOCKS: ReadonlySet<string> = new Set(["function", "environment"])

/** A file in place of an address, but for those that hold no text. */
const FILE_ADDRESS = /^data:(?!image\/|audio\/|video\/)/i
const LONGEST_HEAD = 32

/** What an object says about itself. */
interface Head {
  /** Null: it has none, or says it twice. */
  readonly type: string | null
  readonly role: string | null
  readonly isSealed: boolean
}

export class Places {
  readonly #json: Buffer
  readonly #visit: Visit

  /** `json`: that is known to be valid. */
  constructor(json: Buffer, visit: Visit) {
    this.#json = json
    this.#visit = visit
  }

  /** A text, a part, or a list of parts. Returns where it ends. */
  content(at: number, part: PiiPart, reasoning: Reasoning = "none", depth: number = 0): number {
    const first = this.#json[at]
    if (first === QUOTE) return this.#string(at, "text", part, reasoning)
    if (depth > DEEPEST) return this.values(at, part, reasoning)
    if (first === OPEN_BRACKET)
      return eachItem(this.#json, at, (item) => this.content(item, part, reasoning, depth + 1))
    if (first === OPEN_BRACE) return this.#block(at, part, reasoning, depth)
    return endOf(this.#json, at)
  }

  /** The caller's own JSON: all its strings, names and numbers. Returns where it ends. */
  values(at: number, part: PiiPart, reasoning: Reasoning = "none"): number {
    const json = this.#json
    const first = json[at]
    if (first === QUOTE) return this.#string(at, "text", part, reasoning)
    if (first === OPEN_BRACKET) return eachItem(json, at, (item) => this.values(item, part, reasoning))
    if (first === OPEN_BRACE)
      return eachMember(json, at, (_key, value, keyStart) => {
        this.#string(keyStart, "text", part, reasoning)
        return this.values(value, part, reasoning)
      })
    const end = endOf(json, at)
    if (isNumber(first)) this.#visit({ start: at, end, kind: "number", part, reasoning })
    return end
  }

  /** Tools: their descriptions and examples, and nothing of their schemas. Returns where the list ends. */
  tools(at: number, part: PiiPart): number {
    const json = this.#json
    if (json[at] !== OPEN_BRACKET) return endOf(json, at)
    return eachItem(json, at, (tool) => this.#tool(tool, part))
  }

  #tool(at: number, part: PiiPart): number {
    const json = this.#json
    if (json[at] !== OPEN_BRACE) return endOf(json, at)
    return eachMember(json, at, (key, value) => {
      if (TOOL_BLOCKS.has(key)) return this.#tool(value, part)
      if (TOOL_LISTS.has(key)) return this.tools(value, part)
      if (key === "input_examples") return this.values(value, part)
      if ((key === "description" || key === "server_description") && json[value] === QUOTE)
        return this.#string(value, "text", part, "none")
      return endOf(json, value)
    })
  }

  #block(at: number, outer: PiiPart, around: Reasoning, depth: number): number {
    const json = this.#json
    const members: Member[] = []
    const end = eachMember(json, at, (key, start) => {
      const behind = endOf(json, start)
      members.push({ key, start, end: behind })
      return behind
    })
    const head = headOf(json, members)
    const part = partOf(head, outer)
    const reasoning = reasoningOf(head, around)
    for (const member of members) this.#member(member, head, part, reasoning, depth)
    return end
  }

  #member({ key, start: at, end }: Member, head: Head, part: PiiPart, around: Reasoning, depth: number): void {
    const isText = this.#json[at] === QUOTE
    if (SEALS.has(key)) return isText ? this.#place(at, end, "seal", part, "sealed") : undefined
    if (head.type !== null && MEDIA.has(head.type) && MEDIA_MEMBERS.has(key)) return this.#media(at, end, part)
    if (MEDIA_KEYS.has(key) || (key === "url" && head.type === "url")) return this.#media(at, end, part)
    if (LEFT.has(key) || key.endsWith("_id") || key.endsWith("_ids")) return
    if (key === "result" && head.type === "image_generation_call") return
    if (key === "data" && head.type !== null && SEALED_DATA.has(head.type))
      return isText ? this.#place(at, end, "seal", part, "sealed") : undefined
    const kind = kindOf(key, head)
    const reasoning = REASONING.has(key) ? strictest(around, head) : around
    if (isText) return this.#place(at, end, kind, part, reasoning)
    if (kind === "file") return
    if (OWN_JSON.has(key)) this.values(at, part, reasoning)
    else if (key === "tools") this.tools(at, part)
    else this.content(at, part, reasoning, depth + 1)
  }

  /** The addresses in it. A text in place of an address is a file. */
  #media(at: number, end: number, part: PiiPart): void {
    const json = this.#json
    if (json[at] === QUOTE) return this.#address(at, end, part)
    if (json[at] !== OPEN_BRACE) return
    eachMember(json, at, (key, value) => {
      const behind = endOf(json, value)
      if (json[value] === QUOTE && key === "url") this.#address(value, behind, part)
      return behind
    })
  }

  #address(start: number, end: number, part: PiiPart): void {
    const head = utf8(this.#json, start + 1, Math.min(end - 1, start + 1 + LONGEST_HEAD))
    const shown = head.includes("\\") ? stringAt(this.#json, start, end) : head
    if (FILE_ADDRESS.test(shown)) this.#place(start, end, "file", part, "none")
    else this.#place(start, end, "url", "image_urls", "none")
  }

  #string(start: number, kind: PlaceKind, part: PiiPart, reasoning: Reasoning): number {
    const end = endOf(this.#json, start)
    this.#place(start, end, kind, part, reasoning)
    return end
  }

  #place(start: number, end: number, kind: PlaceKind, part: PiiPart, reasoning: Reasoning): void {
    this.#visit({ start, end, kind, part, reasoning })
  }
}

interface Member {
  readonly key: string
  readonly start: number
  readonly end: number
}

/** Of a string under this key. */
function kindOf(key: string, { type }: Head): PlaceKind {
  if (key === "arguments") return "json"
  return key === "file_data" || (key === "data" && type === "base64") ? "file" : "text"
}

function headOf(json: Buffer, members: readonly Member[]): Head {
  let type: string | null = null
  let types = 0
  let role: string | null = null
  let isSealed = false
  for (const { key, start, end } of members) {
    const isText = json[start] === QUOTE
    if (key === "type") {
      types++
      type = isText ? stringAt(json, start, end) : null
    } else if (key === "role" && isText) role = stringAt(json, start, end)
    else if (SEALS.has(key)) isSealed ||= isText && end - start > 2
    else if (key === "reasoning_details" || key === "thinking_blocks") isSealed ||= holdsSeal(json.subarray(start, end))
  }
  return { type: types === 1 ? type : null, role, isSealed }
}

const SEALED_WORDS = ["signature", "data"].map((word) => Buffer.from(`"${word}"`))

function holdsSeal(json: Buffer): boolean {
  return SEALED_WORDS.some((word) => json.includes(word))
}

function partOf({ type, role }: Head, outer: PiiPart): PiiPart {
  if (role === "system" || role === "developer") return "system"
  if (role === "tool" || role === "function") return "tool_results"
  return type !== null && (type.endsWith("tool_result") || type.endsWith("_output")) ? "tool_results" : outer
}

const REASONING_TYPES = /^(?:thinking|redacted_thinking|reasoning(?:[._].*)?)$/

function reasoningOf({ type, isSealed }: Head, around: Reasoning): Reasoning {
  if (around === "sealed" || type === null || !REASONING_TYPES.test(type)) return around
  return isSealed ? "sealed" : "open"
}

function strictest(around: Reasoning, { isSealed }: Head): Reasoning {
  return around === "sealed" || isSealed ? "sealed" : "open"
}

function isNumber(byte: number | undefined): boolean {
  return byte !== undefined && (byte === 45 || (byte >= 48 && byte <= 57))
}
