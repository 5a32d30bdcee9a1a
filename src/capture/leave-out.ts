/**
 * Takes images, files, calls of tools and their results out of what is stored, in all dialects: by what parts of bodies
 * say they are, and by what texts look like. Names, ids and types stay.
 */
import { isObject, setOwn, type JsonObject, type JsonValue } from "../canonical/json.ts"

export interface LeavingOut {
  readonly toolCalls: boolean
  readonly images: boolean
}

const MEDIA = /image|audio|video/
/** Where parts of that kind carry their content. */
const MEDIA_CONTENT: ReadonlySet<string> = new Set([
  "image_url",
  "input_audio",
  "video_url",
  "url",
  "source",
  "data",
  "result",
  "b64_json",
  "partial_image_b64",
  "audio",
])
/** Types of parts, items and events: `function_call_output`, `server_tool_use`, `response.mcp_call_arguments.delta`. */
const TOOL = /call|tool_use|tool_result|input_json/
const TOOL_ROLES: ReadonlySet<unknown> = new Set(["tool", "function"])
const TOOL_MEMBERS: ReadonlySet<string> = new Set(["tool_calls", "function_call"])
/** Members of a call that say nothing of what was called with. */
const NAMES: ReadonlySet<string> = new Set([
  "type",
  "id",
  "call_id",
  "item_id",
  "tool_call_id",
  "tool_use_id",
  "name",
  "server_label",
  "index",
  "output_index",
  "content_index",
  "sequence_number",
  "status",
  "role",
])
/** Members that hold the names and the content of a call. */
const INNER: ReadonlySet<string> = new Set(["function", "custom", "item", "delta", "content_block"])
const LEAST_DATA = 512
const DATA = /^[A-Za-z0-9+/_-]+={0,2}$/
const DATA_URL = /^data:[^,]{0,256},/

export class LeaveOut {
  count = 0
  readonly #rule: LeavingOut

  constructor(rule: LeavingOut) {
    this.#rule = rule
  }

  /** The same value where nothing is left out. */
  from(value: JsonValue): JsonValue {
    if (typeof value === "string") return this.#rule.images || !isData(value) ? value : this.#mark("data", value)
    if (Array.isArray(value)) return this.#list(value as readonly JsonValue[], (each) => this.from(each))
    if (!isObject(value)) return value
    const { type, role } = value
    const kind = typeof type === "string" ? type : ""
    if (!this.#rule.toolCalls && TOOL.test(kind)) return this.#call(value)
    const holdsResult = !this.#rule.toolCalls && TOOL_ROLES.has(role)
    const isMedia = !this.#rule.images && MEDIA.test(kind)
    return this.#members(value, (name, member) => {
      if (holdsResult && name === "content") return this.#mark("tool result", member)
      if (!this.#rule.toolCalls && TOOL_MEMBERS.has(name)) return this.#calls(member)
      if (isMedia && MEDIA_CONTENT.has(name) && typeof member !== "number") return this.#mark("image", member)
      return this.from(member)
    })
  }

  #calls(value: JsonValue): JsonValue {
    if (Array.isArray(value)) return this.#list(value as readonly JsonValue[], (each) => this.#calls(each))
    return isObject(value) ? this.#call(value) : value
  }

  #call(call: JsonObject): JsonValue {
    return this.#members(call, (name, member) => {
      if (NAMES.has(name) && (typeof member === "string" || typeof member === "number")) return member
      if (INNER.has(name) && isObject(member)) return this.#call(member)
      return this.#mark("tool call", member)
    })
  }

  #members(object: JsonObject, change: (name: string, member: JsonValue) => JsonValue): JsonValue {
    const changed: Record<string, JsonValue> = {}
    let isSame = true
    for (const [name, member = null] of Object.entries(object)) {
      const next = change(name, member)
      if (next !== member) isSame = false
      setOwn(changed, name, next)
    }
    return isSame ? object : changed
  }

  #list(list: readonly JsonValue[], change: (each: JsonValue) => JsonValue): JsonValue {
    const changed = list.map(change)
    return changed.every((each, index) => each === list[index]) ? list : changed
  }

  /** Nothing stays nothing. */
  #mark(what: string, value: JsonValue): JsonValue {
    if (value === null || typeof value === "boolean" || value === "") return value
    const characters = typeof value === "string" ? value.length : JSON.stringify(value).length
    this.count += 1
    return `[${what} left out: ${characters} characters]`
  }
}

function isData(text: string): boolean {
  return DATA_URL.test(text.slice(0, 300)) || (text.length >= LEAST_DATA && DATA.test(text))
}
