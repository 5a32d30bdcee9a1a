/**
 * Calls that point at state of a provider: they go to the target that holds it and nowhere else, and only where this
 * router handed the id out to a caller of the same project.
 */
import { isObject, parseExact, type JsonObject } from "../canonical/json.ts"
import type { Group, Target } from "../config/snapshot.ts"
import { isReference } from "../dialects/responses/stored-ids.ts"
import type { HeldId, StoredId, StoredKind } from "../dialects/stored-ids.ts"
import { RouterError } from "../errors.ts"
import { scanObject } from "../json/scan.ts"
import { storedIdHash, type StoredPlace } from "../ledger/stored-state.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { refusal, shortlistFor, type Shortlist } from "./shortlist.ts"

/** Each costs a look-up. */
const MOST_IDS = 1000
/** State of these kinds is refused by name where no target of the group could hold any (`translate.ts`). */
const ONLY_AT_HOME: ReadonlySet<StoredKind> = new Set(["response", "conversation", "thread"])
const decoder = new TextDecoder()

/**
 * The ids in the body; null for none. A body that says a key twice, or hides it behind escapes, is written anew, so that
 * the upstream reads what was checked.
 * @throws RouterError `invalid-request` when there are too many
 */
export function heldIdsOf(call: Call): readonly HeldId[] | null {
  const body = parsedBody(call)
  const ids = call.dialect.stored.held(body)
  if (ids.length > MOST_IDS)
    throw new RouterError("invalid-request", { message: `The body points at more than ${MOST_IDS} stored objects.` })
  call.body = asRead(call, body)
  return ids.length === 0 ? null : ids
}

/** The one target that holds what the call points at. @throws RouterError `not-found`, `stateful-unsupported` */
export async function holderOf(call: Call, group: Group, gateway: Gateway): Promise<Shortlist> {
  const shortlist = shortlistFor(group, call, gateway)
  const ids = call.heldIds ?? []
  const isHome = shortlist.eligible.some(({ dialect }) => dialect === call.dialect.name)
  if (!isHome && ids.every(({ kind }) => ONLY_AT_HOME.has(kind) || kind === "item")) return shortlist
  const places = await placesOf(call, ids, gateway)
  const unknown = ids.filter((id) => !places.has(id))
  const missing = unknown.find(({ kind }) => kind !== "item")
  if (missing !== undefined) throw unknownId(missing)
  if (unknown.length > 0) dropReferences(call, new Set(unknown.map(({ id }) => id)))
  const [first, ...others] = [...places.values()]
  if (first === undefined) return shortlist
  if (others.some((place) => place.provider !== first.provider || place.dialect !== first.dialect))
    throw new RouterError("stateful-unsupported", {
      param: ids[0]?.param,
      message: "The request points at state of several providers; no target can hold all of it.",
    })
  const holder = targetAt(group, first)
  if (holder === null) throw holderGone(ids[0], group)
  // no other target has the state, so what the holder cannot do nobody can
  if (!shortlist.eligible.includes(holder)) throw refusal(group, call, call.rejected ?? [])
  return { eligible: [holder], rejected: shortlist.rejected }
}

/** The model that made the state, else another one behind the same key: state belongs to the account. */
export function targetAt(group: Group, place: StoredPlace): Target | null {
  const there = group.targets.filter(
    ({ provider, dialect }) => provider.name === place.provider && dialect === place.dialect,
  )
  return there.find(({ model }) => model === place.model) ?? there[0] ?? null
}

async function placesOf(
  call: Call,
  ids: readonly HeldId[],
  gateway: Gateway,
): Promise<ReadonlyMap<HeldId, StoredPlace>> {
  const hashes = new Map(ids.map((id) => [id, hashOf(call, id)]))
  try {
    const found = await gateway.storedStates.find([...new Set(hashes.values())])
    const places = ids.flatMap((id): [HeldId, StoredPlace][] => {
      const place = found.get(hashes.get(id) ?? "")
      return place === undefined ? [] : [[id, place]]
    })
    return new Map(places)
  } catch (cause) {
    throw new RouterError("usage-store-unavailable", { cause })
  }
}

export function hashOf(call: Call, { kind, id }: StoredId): string {
  return storedIdHash(call.credential?.caller.project ?? "", kind, id)
}

/** What never was, what is gone and what belongs to others look alike. */
function unknownId({ kind, param }: HeldId): RouterError {
  return new RouterError("not-found", {
    param,
    message: `There is no such ${kind}: this router has not handed out its id to this project, or the state has expired.`,
    // the vendor's SDK sends the whole conversation when it reads this
    ...(kind === "thread" ? { details: { error_code: "thread_not_found" } } : {}),
  })
}

function holderGone(id: HeldId | undefined, group: Group): RouterError {
  return new RouterError("stateful-unsupported", {
    param: id?.param,
    message: `The target that holds this state is no longer in the model group "${group.name}".`,
  })
}

function parsedBody(call: Call): JsonObject {
  const body = call.body === null ? null : parseExact(decoder.decode(call.body.bytes))
  if (!isObject(body)) throw new RouterError("internal-error")
  return body
}

function asRead(call: Call, body: JsonObject): Call["body"] {
  if (call.body === null) return null
  const text = JSON.stringify(body)
  return stringsIn(call.body.bytes) === stringsIn(Buffer.from(text))
    ? call.body
    : scanObject(Buffer.from(text), Infinity)
}

const NAMES = ["file_id", "file_ids", "container", "container_id", "item_reference", "id", "conversation", "thread"]
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

/** References that nobody can resolve are left out, and said to be. */
function dropReferences(call: Call, ids: ReadonlySet<string>): void {
  const body = parsedBody(call)
  const { input } = body
  if (!Array.isArray(input)) return
  const items = input as readonly JsonObject[]
  const lost = items.flatMap((item, index) =>
    isObject(item) && isReference(item) && typeof item["id"] === "string" && ids.has(item["id"]) ? [index] : [],
  )
  if (call.group?.translation === "enforce")
    throw new RouterError("translation-loss", { details: { model: call.group.name, losses: ["stored-reference"] } })
  const gone = new Set(lost)
  const kept = items.filter((_, index) => !gone.has(index))
  call.body = scanObject(Buffer.from(JSON.stringify({ ...body, input: kept })), Infinity)
  call.decoded = null
  call.losses = lost.map((index) => ({ code: "stored-reference", path: `input[${index}]` }))
}
