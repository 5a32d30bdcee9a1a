/** Ids of state at a provider, read from a body and taken out of it. Pure: what is large is done in another thread. */
import { isObject, parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { DialectName } from "../../dialects/name.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import type { HeldId } from "../../dialects/stored-ids.ts"
import { RouterError } from "../../errors.ts"

export interface HeldIds {
  readonly ids: readonly HeldId[]
  /** The body as it was read; null: its own bytes say the same. */
  readonly anew: Uint8Array | null
}

/** Each costs a look-up. */
const MOST_IDS = 1000

/**
 * A body that says a key twice, or hides it behind escapes, is written anew, so that the upstream reads what was checked.
 * @throws RouterError `invalid-request` when there are too many
 */
export function heldIdsIn(bytes: Uint8Array, dialect: DialectName): HeldIds {
  const body = parsedBody(bytes)
  const ids = DIALECTS[dialect].stored.held(body)
  if (ids.length > MOST_IDS)
    throw new RouterError("invalid-request", { message: `The body points at more than ${MOST_IDS} stored objects.` })
  const text = Buffer.from(JSON.stringify(body))
  return { ids, anew: stringsIn(bytes) === stringsIn(text) ? null : text }
}

function parsedBody(bytes: Uint8Array): JsonObject {
  const body = parseExact(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString())
  if (!isObject(body)) throw new RouterError("internal-error")
  return body
}

const STORED = ["file_id", "file_ids", "container", "container_id", "item_reference", "id", "conversation", "thread"]
const COMPARED = ["previous_response_id", "comparison_response_id", "previous_message_id", "audio"]
/** By these it is told whether an item is more than its id. */
const WORDS = ["type", "encrypted_content", "result", "results", "outputs", "content"]
const NAMES = [...STORED, ...COMPARED, ...WORDS]
const NEEDLES = NAMES.map((name) => Buffer.from(`"${name}"`))

/** How often the names under which ids stand occur; a body that says one twice in an object has more than its reading. */
function stringsIn(bytes: Uint8Array): string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return NEEDLES.map((needle) => {
    let count = 0
    for (let at = view.indexOf(needle); at >= 0; at = view.indexOf(needle, at + needle.length)) count++
    return count
  }).join()
}

export interface Disowned {
  /** Members of members of the body, as `outer.inner`, that become null. */
  readonly hints: readonly string[]
  /** Items of the input that go, by their place in it. */
  readonly lost: readonly number[]
  /** Items of the input that get another id, by their place. */
  readonly renamed: readonly (readonly [place: number, id: string])[]
}

/** The body without ids that lead nowhere. */
export function disownIds(bytes: Uint8Array, { hints, lost, renamed }: Disowned): Uint8Array {
  let body = parsedBody(bytes)
  for (const param of hints) body = withoutHint(body, param)
  const { input } = body
  if (Array.isArray(input)) {
    const gone = new Set(lost)
    const ids = new Map(renamed)
    const items = (input as readonly JsonValue[]).flatMap((item, index) => {
      if (gone.has(index)) return []
      const id = ids.get(index)
      return [isObject(item) && typeof item["id"] === "string" && id !== undefined ? { ...item, id } : item]
    })
    body = { ...body, input: items }
  }
  return Buffer.from(JSON.stringify(body))
}

/** `param`: a member of a member of the body. */
function withoutHint(body: JsonObject, param: string): JsonObject {
  const [outer = "", inner = ""] = param.split(".")
  const holder = body[outer]
  return isObject(holder) ? { ...body, [outer]: { ...holder, [inner]: null } } : body
}
