/**
 * Calls that point at state of a provider: they go to the target that holds it and nowhere else, and only where this
 * router handed the id out to a caller of the same project.
 */
import type { Group, Target } from "../config/snapshot.ts"
import type { Binding } from "../dialects/id-places.ts"
import type { HeldId, StoredId, StoredKind } from "../dialects/stored-ids.ts"
import { RouterError } from "../errors.ts"
import { scanObject, type ScannedObject } from "../json/scan.ts"
import { storedIdHash, type StoredPlace } from "../ledger/stored-state.ts"
import { disowned, heldIdsIn, type Disowned } from "./apart/held-ids.ts"
import { isLargeBody } from "./apart/large.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { refusal, shortlistFor, type Shortlist } from "./shortlist.ts"
import { rescanned } from "./sliced-scan.ts"

/** State of these kinds is refused by name where no target of the group could hold any (`translate.ts`). */
const ONLY_AT_HOME: ReadonlySet<StoredKind> = new Set(["response", "conversation", "thread"])
/** A known id sends the call to the target that handed it out. */
const BINDS: ReadonlySet<Binding> = new Set(["refuse", "leave-out"])
const OWN_ID_CHARS = 32

/**
 * Finds the ids in the body, which may be written anew. At once where the body is small.
 * @throws RouterError `invalid-request` when there are too many
 */
export function findHeldIds(call: Call, body: ScannedObject, gateway: Gateway): void | Promise<void> {
  const { stored } = call.dialect
  // of items with an id it is read whether they are more than it
  if (isLargeBody(body)) return body.ids.length > 0 || stored.mayHold(body) ? findApart(call, body, gateway) : undefined
  if (!stored.mayHold(body)) return
  const { ids, anew } = heldIdsIn(body.bytes, call.dialect.name)
  if (anew !== null) call.body = scanObject(anew, Infinity)
  call.heldIds = ids.length === 0 ? null : ids
}

async function findApart(call: Call, { bytes }: ScannedObject, gateway: Gateway): Promise<void> {
  const { ids, anew } = await gateway.apart.run("findIds", call.callerId, [bytes], call.dialect.name)
  if (anew !== null) call.body = await rescanned(anew, call.id, gateway)
  call.heldIds = ids.length === 0 ? null : ids
}

/** The one target that holds what the call points at. @throws RouterError `not-found`, `stateful-unsupported` */
export async function holderOf(call: Call, group: Group, gateway: Gateway): Promise<Shortlist> {
  const shortlist = shortlistFor(group, call, gateway)
  const ids = call.heldIds ?? []
  const isHome = shortlist.eligible.some(({ dialect }) => dialect === call.dialect.name)
  if (!isHome && ids.every(({ kind, binding }) => ONLY_AT_HOME.has(kind) || binding !== "refuse")) return shortlist
  const places = await placesOf(call, ids, gateway)
  const unknown = ids.filter((id) => !places.has(id))
  const missing = unknown.find(({ binding }) => binding === "refuse")
  if (missing !== undefined) throw unknownId(missing)
  if (unknown.length > 0) await disown(call, unknown, gateway)
  const bound = [...places].filter(([{ binding }]) => BINDS.has(binding))
  if (places.size === 0) call.heldIds = null
  const [first, ...others] = bound.map(([, place]) => place)
  if (first === undefined) return shortlist
  if (others.some((place) => place.provider !== first.provider || place.dialect !== first.dialect))
    throw new RouterError("stateful-unsupported", {
      param: bound[0]?.[0].param,
      message: "The request points at state of several providers; no target can hold all of it.",
    })
  const holder = targetAt(group, first)
  if (holder === null) throw holderGone(bound[0]?.[0], group)
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

/** Ids that lead nowhere are taken out of the body, with what is no more than its id. What is lost is said. */
async function disown(call: Call, unknown: readonly HeldId[], gateway: Gateway): Promise<void> {
  const lost = new Set(unknown.flatMap(({ binding, param }) => (binding === "rename" ? [] : [lostPlace(param)])))
  if (lost.size > 0 && call.group?.translation === "enforce")
    throw new RouterError("translation-loss", { details: { model: call.group.name, losses: ["stored-reference"] } })
  if (call.body === null) throw new RouterError("internal-error")
  const changes: Disowned = {
    hints: unknown.flatMap(({ binding, param }) => (binding === "hint" ? [param] : [])),
    lost: [...lost].flatMap(itemIn),
    renamed: unknown.flatMap(({ binding, param, id }) =>
      binding === "rename" ? itemIn(param).map((place) => [place, ownId(call, id)] as const) : [],
    ),
  }
  call.body = isLargeBody(call.body)
    ? await rescanned(await gateway.apart.run("disown", call.callerId, [call.body.bytes], changes), call.id, gateway)
    : scanObject(disowned(call.body.bytes, changes), Infinity)
  call.decoded = null
  if (lost.size > 0) call.losses = [...lost].map((path) => ({ code: "stored-reference", path }))
}

/** The place of the item in the input; empty: it is in none. */
function itemIn(param: string): readonly number[] {
  const place = /^input\[(\d+)\]/.exec(param)?.[1]
  return place === undefined ? [] : [Number(place)]
}

/** The whole item of the input, or the member itself. */
function lostPlace(param: string): string {
  return /^input\[\d+\]/.exec(param)?.[0] ?? param
}

/** Always the same one for the same id of the same project, so that prefixes stay alike. */
function ownId(call: Call, id: string): string {
  const prefix = /^[a-z]{1,8}_/.exec(id)?.[0] ?? "item_"
  return prefix + hashOf(call, { kind: "item", id }).slice(0, OWN_ID_CHARS)
}
