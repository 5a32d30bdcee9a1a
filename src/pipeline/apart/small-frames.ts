/**
 * One large event of a stream as small ones that say the same to its dialect's reader: texts that grow come in pieces, and
 * members that no reader knows are left out. Pure: done in another thread.
 */
import { isObject, parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { SeenItem } from "../../dialects/codec.ts"
import type { DialectName } from "../../dialects/name.ts"
import type { FrameFields } from "../../sse/fields.ts"
import { piecesOf, type Sizes } from "./pieces.ts"
import { splitEvent } from "./small-responses.ts"

/** What cannot be cut, an image for one, is translated at once up to here: 3 ms where it is base64, 20 ms where it is prose. */
const LARGEST_BYTES = 1 << 23
const MOST_VALUES = 1 << 16

const SIZES: Sizes = { pieceChars: 1 << 14, longChars: 1 << 16 }

/** Null: what is left cannot be cut, and is too large to be translated at once. `seen`: items that the stream's reader has, in order. */
export function smallFrames(
  { event, data }: FrameFields,
  dialect: DialectName,
  seen: readonly SeenItem[],
  sizes: Sizes = SIZES,
): Uint8Array | null {
  const body = data === null ? undefined : parsed(data)
  if (!isObject(body)) return frameOf(event, (data ?? "").slice(0, sizes.longChars))
  const frames: Uint8Array[] = []
  for (const part of SPLIT[dialect](pruned(body, KNOWN[dialect], sizes), sizes, seen)) {
    const frame = frameOf(event, JSON.stringify(part))
    if (frame.length > LARGEST_BYTES || hasManyValues(part)) return null
    frames.push(frame)
  }
  return Buffer.concat(frames)
}

function parsed(text: string): JsonValue | undefined {
  try {
    return parseExact(text)
  } catch {
    return undefined
  }
}

function frameOf(event: string | null, data: string): Uint8Array {
  return Buffer.from(`${event === null ? "" : `event: ${event}\n`}data: ${data}\n\n`)
}

/** Members that readers look into, in the event and in the object that it holds under its name. */
interface Known {
  readonly members: ReadonlySet<string>
  readonly held: Readonly<Record<string, ReadonlySet<string>>>
}

const KNOWN: Readonly<Record<DialectName, Known>> = {
  "openai-chat": {
    members: new Set(["choices", "error", "usage", "x_groq", "citations", "search_results", "moderation"]),
    held: {},
  },
  "openai-responses": {
    members: new Set([
      "response",
      "item",
      "part",
      "delta",
      "error",
      "text",
      "refusal",
      "arguments",
      "input",
      "annotation",
    ]),
    held: { response: new Set(["output", "error", "usage", "incomplete_details"]) },
  },
  anthropic: {
    members: new Set(["message", "content_block", "delta", "usage", "error", "context_management"]),
    held: { message: new Set(["content", "usage", "container", "context_management"]) },
  },
}

/** Without what is long and unknown. */
function pruned(body: JsonObject, { members, held }: Known, sizes: Sizes): JsonObject {
  const entries = Object.entries(body).flatMap(([name, value]): [string, JsonValue][] => {
    const inner = held[name]
    if (inner !== undefined && isObject(value)) return [[name, pruned(value, { members: inner, held: {} }, sizes)]]
    return members.has(name) || value === undefined || !isLong(value, sizes) ? [[name, value as JsonValue]] : []
  })
  return Object.fromEntries(entries)
}

function isLong(value: JsonValue, { longChars }: Sizes): boolean {
  return (typeof value === "string" ? value : JSON.stringify(value)).length > longChars
}

function hasManyValues(body: JsonObject): boolean {
  const waiting: unknown[] = [body]
  for (const value of waiting) {
    if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) waiting.push(inner)
    if (waiting.length > MOST_VALUES) return true
  }
  return false
}

type Split = (body: JsonObject, sizes: Sizes, seen: readonly SeenItem[]) => readonly JsonObject[]

const SPLIT: Readonly<Record<DialectName, Split>> = {
  "openai-chat": splitChunk,
  "openai-responses": splitEvent,
  anthropic(body, sizes) {
    const { delta } = body
    const grows = ["text", "thinking", "partial_json"]
    const [name, text] = Object.entries(isObject(delta) ? delta : {}).find(([one]) => grows.includes(one)) ?? []
    if (!isObject(delta) || name === undefined || !isText(text)) return [body]
    return piecesOf(text, sizes).map((piece) => ({ ...body, delta: { ...delta, [name]: piece } }))
  },
}

/** In the order in which readers take them: thinking, words, calls; then what else the chunk says. */
function splitChunk(body: JsonObject, sizes: Sizes): readonly JsonObject[] {
  const { usage: _usage, error, choices, ...head } = body
  const [choice, ...others] = Array.isArray(choices) ? (choices as readonly JsonValue[]) : []
  const delta = isObject(choice) ? (choice["delta"] ?? choice["message"]) : undefined
  if (others.length > 0 || !isObject(choice) || !isObject(delta) || !isAbsent(error)) return [body]
  const { reasoning, reasoning_content, content, refusal, tool_calls, ...rest } = delta
  const kept: Record<string, JsonValue> = {}
  const deltas: JsonObject[] = []
  const take = (members: Readonly<Record<string, JsonValue | undefined>>, isCut: boolean): void => {
    const texts = Object.entries(members).filter((entry): entry is [string, string] => isText(entry[1]))
    if (isCut && texts.length > 0) deltas.push(...inPieces(texts, sizes))
    else for (const [name, value] of Object.entries(members)) if (value !== undefined) kept[name] = value
  }
  // the typed list says the same, and goes before both
  take({ reasoning, reasoning_content }, isAbsent(delta["reasoning_details"]))
  take({ content }, isText(content))
  take({ refusal }, isText(refusal))
  if (tool_calls !== undefined) deltas.push(...callPieces(tool_calls, sizes))
  // tokens of the text go with its first piece
  const { logprobs, ...said } = choice
  const first = isAbsent(logprobs) ? -1 : deltas.findIndex((piece) => piece["content"] !== undefined)
  const small = deltas.map((piece, at) => ({
    ...head,
    choices: [{ ...indexOf(choice), delta: piece, ...(at === first ? { logprobs: logprobs ?? null } : {}) }],
  }))
  const last = first === -1 ? choice : said
  return [...small, { ...body, choices: [{ ...last, message: null, delta: { ...rest, ...kept } }] }]
}

/** The pieces of one call's arguments; several calls stay together. */
function callPieces(calls: JsonValue, sizes: Sizes): readonly JsonObject[] {
  const [call, ...others] = Array.isArray(calls) ? (calls as readonly JsonValue[]) : []
  const made = isObject(call) ? call["function"] : undefined
  if (others.length > 0 || !isObject(call) || !isObject(made) || typeof call["index"] !== "number")
    return [{ tool_calls: calls }]
  const text = made["arguments"]
  if (!isText(text)) return [{ tool_calls: calls }]
  const [first = "", ...rest] = piecesOf(text, sizes)
  const begun = { ...call, function: { ...made, arguments: first } }
  return [begun, ...rest.map((piece) => ({ index: call["index"], function: { arguments: piece } }))].map((one) => ({
    tool_calls: [one as JsonObject],
  }))
}

function inPieces(texts: readonly (readonly [string, string])[], sizes: Sizes): readonly JsonObject[] {
  const all = texts.map(([name, text]) => [name, piecesOf(text, sizes)] as const)
  const most = Math.max(...all.map(([, pieces]) => pieces.length))
  return Array.from({ length: most }, (_, at) =>
    Object.fromEntries(all.flatMap(([name, pieces]) => (pieces[at] === undefined ? [] : [[name, pieces[at]]]))),
  )
}

function indexOf({ index }: JsonObject): JsonObject {
  return index === undefined ? {} : { index }
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value !== ""
}

function isAbsent(value: JsonValue | undefined): boolean {
  return value === undefined || value === null
}
