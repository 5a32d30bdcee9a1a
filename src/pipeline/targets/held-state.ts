/**
 * Calls that point at state of a provider: they go to the target that holds it and nowhere else, and only where this
 * router handed the id out to a caller of the same project.
 */
import { isObject, parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Group, Target } from "../../config/snapshot.ts"
import type { Dialect } from "../../dialects/dialect.ts"
import type { Binding } from "../../dialects/id-places.ts"
import type { HeldId, StoredId, StoredKind } from "../../dialects/stored-ids.ts"
import { RouterError } from "../../errors.ts"
import { scanObject, type ScannedObject } from "../../json/scan.ts"
import { storedIdHash, type StoredPlace } from "../../ledger/stored-state.ts"
import type { AdmittedCall, KnownCall } from "../call.ts"
import type { Gateway } from "../gateway.ts"

/** Each costs a look-up. */
const MOST_IDS = 1000
/** State of these kinds is refused by name where no target of the group could hold any (`translate.ts`). */
const ONLY_AT_HOME: ReadonlySet<StoredKind> = new Set(["response", "conversation", "thread"])
/** A known id sends the call to the target that handed it out. */
const BINDS: ReadonlySet<Binding> = new Set(["refuse", "leave-out"])
const OWN_ID_CHARS = 32
const decoder = new TextDecoder()

/**
 * The ids in the body; null for none. A body that says a key twice, or hides it behind escapes, is written anew, so that
 * the upstream reads what was checked.
 * @throws RouterError `invalid-request` when there are too many
 */
export function readHeldIds(
  scanned: ScannedObject,
  { stored }: Dialect,
): { readonly body: ScannedObject; readonly ids: readonly HeldId[] | null } {
  const body = parsed(scanned)
  const ids = stored.held(body)
  if (ids.length > MOST_IDS)
    throw new RouterError("invalid-request", { message: `The body points at more than ${MOST_IDS} stored objects.` })
  return { body: asRead(scanned, body), ids: ids.length === 0 ? null : ids }
}

/**
 * The one target that holds what the request points at; null: nothing binds it to one. What no target holds is taken out.
 * @throws RouterError `not-found`, `stateful-unsupported`
 */
export async function findHolder(
  eligible: readonly Target[],
  call: AdmittedCall,
  { storedStates }: Pick<Gateway, "storedStates">,
): Promise<Target | null> {
  const { group, request } = call
  const ids = request.heldIds ?? []
  const isHome = eligible.some(({ dialect }) => dialect === call.dialect.name)
  if (!isHome && ids.every(({ kind, binding }) => ONLY_AT_HOME.has(kind) || binding !== "refuse")) return null
  const places = await placesOf(call, ids, storedStates)
  const unknown = ids.filter((id) => !places.has(id))
  const missing = unknown.find(({ binding }) => binding === "refuse")
  if (missing !== undefined) throw unknownId(missing)
  if (unknown.length > 0) disown(call, unknown, places.size > 0)
  const bound = [...places].filter(([{ binding }]) => BINDS.has(binding))
  const [first, ...others] = bound.map(([, place]) => place)
  if (first === undefined) return null
  if (others.some((place) => place.provider !== first.provider || place.dialect !== first.dialect))
    throw new RouterError("stateful-unsupported", {
      param: bound[0]?.[0].param,
      message: "The request points at state of several providers; no target can hold all of it.",
    })
  const holder = targetAt(group, first)
  if (holder === null) throw holderGone(bound[0]?.[0], group)
  return holder
}

/** The model that made the state, else another one behind the same key: state belongs to the account. */
export function targetAt(group: Group, place: StoredPlace): Target | null {
  const there = group.targets.filter(
    ({ provider, dialect }) => provider.name === place.provider && dialect === place.dialect,
  )
  return there.find(({ model }) => model === place.model) ?? there[0] ?? null
}

async function placesOf(
  call: KnownCall,
  ids: readonly HeldId[],
  storedStates: Gateway["storedStates"],
): Promise<ReadonlyMap<HeldId, StoredPlace>> {
  const hashes = new Map(ids.map((id) => [id, hashOf(call, id)]))
  try {
    const found = await storedStates.find([...new Set(hashes.values())])
    const places = ids.flatMap((id): [HeldId, StoredPlace][] => {
      const place = found.get(hashes.get(id) ?? "")
      return place === undefined ? [] : [[id, place]]
    })
    return new Map(places)
  } catch (cause) {
    throw new RouterError("usage-store-unavailable", { cause })
  }
}

export function hashOf({ credential }: Pick<KnownCall, "credential">, { kind, id }: StoredId): string {
  return storedIdHash(credential.caller.project, kind, id)
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

function parsed({ bytes }: ScannedObject): JsonObject {
  const body = parseExact(decoder.decode(bytes))
  if (!isObject(body)) throw new RouterError("internal-error")
  return body
}

function asRead(scanned: ScannedObject, body: JsonObject): ScannedObject {
  const text = Buffer.from(JSON.stringify(body))
  return stringsIn(scanned.bytes) === stringsIn(text) ? scanned : scanObject(text, Infinity)
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

/** Takes ids that lead nowhere out of the body, with what is no more than its id. `isHeld`: other ids lead somewhere. */
function disown(call: AdmittedCall, unknown: readonly HeldId[], isHeld: boolean): void {
  const { group, request } = call
  const lost = new Set(unknown.flatMap(({ binding, param }) => (binding === "rename" ? [] : [lostPlace(param)])))
  if (lost.size > 0 && group.translation === "enforce")
    throw new RouterError("translation-loss", { details: { model: group.name, losses: ["stored-reference"] } })
  let body = parsed(request.body)
  for (const { binding, param } of unknown) if (binding === "hint") body = withoutHint(body, param)
  const { input } = body
  if (Array.isArray(input)) {
    const renamed = new Set(unknown.flatMap(({ binding, param }) => (binding === "rename" ? [lostPlace(param)] : [])))
    const items = (input as readonly JsonValue[]).flatMap((item, index) => {
      const place = `input[${index}]`
      if (lost.has(place)) return []
      const id = renamed.has(place) && isObject(item) ? item["id"] : null
      return [isObject(item) && typeof id === "string" ? { ...item, id: ownId(call, id) } : item]
    })
    body = { ...body, input: items }
  }
  const losses = [...lost].map((path) => ({ code: "stored-reference" as const, path }))
  request.rewrite(scanObject(Buffer.from(JSON.stringify(body)), Infinity), losses, isHeld ? request.heldIds : null)
}

/** The whole item of the input, or the member itself. */
function lostPlace(param: string): string {
  return /^input\[\d+\]/.exec(param)?.[0] ?? param
}

/** Always the same one for the same id of the same project, so that prefixes stay alike. */
function ownId(call: KnownCall, id: string): string {
  const prefix = /^[a-z]{1,8}_/.exec(id)?.[0] ?? "item_"
  return prefix + hashOf(call, { kind: "item", id }).slice(0, OWN_ID_CHARS)
}

/** `param`: a member of a member of the body. */
function withoutHint(body: JsonObject, param: string): JsonObject {
  const [outer = "", inner = ""] = param.split(".")
  const holder = body[outer]
  return isObject(holder) ? { ...body, [outer]: { ...holder, [inner]: null } } : body
}
