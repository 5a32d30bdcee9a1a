/** How many input tokens a Messages request may have, where nobody can be asked. */
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"

/** English prose and code have 3 to 5 bytes a token, other scripts about 3: rather too many tokens than too few. */
const BYTES_PER_TOKEN = 3.5
/** What an image of the largest size that is not scaled down costs. https://platform.claude.com/docs/en/build-with-claude/vision */
const IMAGE_TOKENS = 1600
/** Of a file in base64, such as a PDF: about 2000 tokens for a page of 50 KB. */
const FILE_CHARS_PER_TOKEN = 34
/** Role and borders of a message, name and frame of a tool. */
const MESSAGE_TOKENS = 4
const TOOL_TOKENS = 12
/** The vendor's own words about tools, once there are some. https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview */
const TOOL_PREAMBLE_TOKENS = 300

/** The parts that a model reads; every other member steers the call. */
export function estimateInputTokens({ system, messages, tools }: JsonObject): number {
  let tokens = textTokens(system)
  for (const message of listOf(messages)) tokens += MESSAGE_TOKENS + textTokens(contentOf(message))
  const declared = listOf(tools)
  if (declared.length > 0) tokens += TOOL_PREAMBLE_TOKENS
  for (const tool of declared) tokens += TOOL_TOKENS + textTokens(tool)
  return Math.max(1, Math.ceil(tokens))
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : []
}

function contentOf(message: JsonValue): JsonValue | undefined {
  return isObject(message) ? message["content"] : message
}

/** Of all strings, numbers and keys inside, without recursion into what a body may nest deeply. */
function textTokens(value: JsonValue | undefined): number {
  let tokens = 0
  const waiting: JsonValue[] = value === undefined ? [] : [value]
  for (let inner = waiting.pop(); inner !== undefined; inner = waiting.pop()) {
    if (Array.isArray(inner)) for (const entry of listOf(inner)) waiting.push(entry)
    else if (isObject(inner)) tokens += objectTokens(inner, waiting)
    else tokens += Buffer.byteLength(typeof inner === "string" ? inner : JSON.stringify(inner)) / BYTES_PER_TOKEN
  }
  return tokens
}

function objectTokens(object: JsonObject, waiting: JsonValue[]): number {
  if (object["type"] === "image") return IMAGE_TOKENS
  const data = object["type"] === "base64" ? object["data"] : undefined
  if (typeof data === "string") return data.length / FILE_CHARS_PER_TOKEN
  let tokens = 0
  for (const key in object) {
    const value = object[key]
    // marks of the wire form, which no model sees
    if (key === "type" || key === "cache_control" || value === undefined) continue
    if (key !== "text") tokens += Buffer.byteLength(key) / BYTES_PER_TOKEN
    waiting.push(value)
  }
  return tokens
}
