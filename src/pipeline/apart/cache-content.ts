/** What a request asks, as a hash: two requests with the same one get the same answer. Pure: what is large is done in another thread. */
import { isObject, type JsonObject, type JsonValue, valuesIn } from "../../canonical/json.ts"
import type { Request } from "../../canonical/request.ts"
import type { DialectName } from "../../dialects/name.ts"
import { decode, type DecodedRequest } from "./decode.ts"

/**
 * Fields of a request that cannot change its answer: the names by which it is asked for, the form in which it comes, for
 * whom it is, and what providers are to remember of it. Every other field counts, whether or not anybody here knows it.
 */
export const UNCOUNTED: readonly (keyof Request)[] = ["dialect", "model", "stream", "includeUsage", "identity", "cache"]

/** What a call asks. */
export interface Question {
  /** The same for bodies of the same bytes in one dialect. */
  readonly bodyHash: string
  /** The same for all bodies that ask the same. */
  readonly content: string
}

export function bodyHashOf(bytes: Uint8Array, dialect: DialectName): string {
  return `${dialect} ${Bun.SHA256.hash(bytes, "base64url")}`
}

/** Null: the body says something that the neutral form does not hold, or says it twice. `values`: that the scan has counted. */
export function cacheContent(bytes: Uint8Array, values: number, dialect: DialectName): string | null {
  try {
    return contentOf(decode(bytes, dialect), values, dialect)
  } catch {
    // the upstream says what is wrong with it
    return null
  }
}

/** The same of a body that was decoded. */
export function contentOf(
  { request, clientBody, losses }: DecodedRequest,
  values: number,
  dialect: DialectName,
): string | null {
  // an object with two members of one name has more than one reading
  if (losses.length > 0 || valuesIn(clientBody) - 1 !== values || !isTyped(clientBody)) return null
  const text = ordered([countedOf(request), ownWords(clientBody, dialect)])
  return Bun.SHA256.hash(text, "base64url")
}

function countedOf(request: Request): JsonValue {
  const rest: Record<string, unknown> = { ...request }
  for (const field of UNCOUNTED) delete rest[field]
  const { instructions, messages, cap, output, state, extra, dialect } = request
  const { store: _, ...kept } = state
  const opening = instructions.length === 0 ? [] : [{ role: "system", blocks: instructions }]
  return {
    ...rest,
    instructions: null,
    messages: [...opening, ...messages].map(withoutMarks),
    // under which name it came counts where the bytes pass (`keyOf`)
    cap: cap?.tokens ?? null,
    output: output === undefined || output.kind === "text" ? null : JSON.stringify(output),
    state: kept,
    extra: Object.keys(extra).length === 0 ? null : [dialect, extra],
  } as unknown as JsonObject
}

/** Marks for the cache of a provider change what is billed, and nothing of the answer. */
function withoutMarks({ blocks, ...others }: Pick<Request["messages"][number], "blocks">): unknown {
  return {
    ...others,
    blocks: blocks.map((block) => {
      const { cache: _, ...rest } = block
      return rest
    }),
  }
}

/** Vendors have several words for one wish, and servers differ in which of them they read: these count as they were said. */
const OWN_WORDS = [
  "reasoning",
  "reasoning_effort",
  "thinking",
  "output_config",
  "text",
  "include",
  "parallel_tool_calls",
  "logprobs",
  "response_format",
  "service_tier",
] as const

function ownWords(body: JsonObject, dialect: DialectName): JsonValue {
  const said = OWN_WORDS.filter((name) => body[name] !== undefined && body[name] !== null)
  return said.length === 0 ? null : [dialect, Object.fromEntries(said.map((name) => [name, body[name]]))]
}

/** Settings that tolerant readers leave out where they are something else. */
const TYPES: Readonly<Record<string, "number" | "string" | "list">> = {
  temperature: "number",
  top_p: "number",
  top_k: "number",
  min_p: "number",
  frequency_penalty: "number",
  presence_penalty: "number",
  top_logprobs: "number",
  max_tokens: "number",
  max_completion_tokens: "number",
  max_output_tokens: "number",
  n: "number",
  instructions: "string",
  stop_sequences: "list",
  messages: "list",
}

function isTyped(body: JsonObject): boolean {
  return Object.entries(TYPES).every(([name, type]) => {
    const value = body[name]
    if (value === undefined || value === null) return true
    return type === "list" ? Array.isArray(value) : typeof value === type
  })
}

/**
 * JSON text in which members stand in the order of their names: that order says nothing in JSON. A schema is no exception here,
 * but its text is: models answer in the order of its properties, so `countedOf` hands it in as it came.
 */
export function ordered(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return `[${value.map(ordered).join(",")}]`
  if (!isObject(value)) return JSON.stringify(value ?? null)
  const members: string[] = []
  for (const key of Object.keys(value).toSorted())
    if (value[key] !== undefined) members.push(`${JSON.stringify(key)}:${ordered(value[key])}`)
  return `{${members.join(",")}}`
}
