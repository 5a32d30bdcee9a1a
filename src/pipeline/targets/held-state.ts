/**
 * Calls that point at state of a provider: they go to the target that holds it and nowhere else, and only where this
 * router handed the id out to a caller of the same project.
 */
import type { Group, Target } from "../../config/snapshot.ts"
import type { Binding } from "../../dialects/id-places.ts"
import type { HeldId, StoredId, StoredKind } from "../../dialects/stored-ids.ts"
import { RouterError } from "../../errors.ts"
import { scanObject, type ScannedObject } from "../../json/scan.ts"
import { storedIdHash, type StoredPlace } from "../../ledger/stored-state.ts"
import { disownIds, heldIdsIn, type Disowned } from "../apart/held-ids.ts"
import { isLargeBody } from "../apart/large.ts"
import type { AdmittedCall, KnownCall } from "../call.ts"
import type { ReadBody } from "../call/request.ts"
import type { Gateway } from "../gateway.ts"
import { rescan } from "../intake/sliced-scan.ts"

/** State of these kinds is refused by name where no target of the group could hold any (`translate.ts`). */
const ONLY_AT_HOME: ReadonlySet<StoredKind> = new Set(["response", "conversation", "thread"])
/** A known id sends the call to the target that handed it out. */
const BINDS: ReadonlySet<Binding> = new Set(["refuse", "leave-out"])
const OWN_ID_CHARS = 32

type Working = Pick<Gateway, "apart" | "loop">

/** A body, which may be written anew, and the ids of state in it; null: it points at none. */
export type Pointing = Pick<ReadBody, "body" | "heldIds">

/** At once where the body is small. @throws RouterError `invalid-request` when there are too many */
export function findHeldIds(
  body: ScannedObject,
  { id, dialect, credential }: Pick<KnownCall, "id" | "dialect" | "credential">,
  gateway: Working,
): Pointing | Promise<Pointing> {
  const { stored, name } = dialect
  if (!isLargeBody(body)) {
    if (!stored.mayHold(body)) return { body, heldIds: null }
    const { ids, anew } = heldIdsIn(body.bytes, name)
    return { body: anew === null ? body : scanObject(anew, Infinity), heldIds: ids.length === 0 ? null : ids }
  }
  // of items with an id it is read whether they are more than it
  if (body.ids.length === 0 && !stored.mayHold(body)) return { body, heldIds: null }
  return gateway.apart.run("findIds", credential.caller.id, [body.bytes], name).then(async ({ ids, anew }) => ({
    body: anew === null ? body : await rescan(anew, id, gateway),
    heldIds: ids.length === 0 ? null : ids,
  }))
}

/**
 * The one target that holds what the request points at; null: nothing binds it to one. What no target holds is taken out.
 * @throws RouterError `not-found`, `stateful-unsupported`
 */
export async function findHolder(
  eligible: readonly Target[],
  call: AdmittedCall,
  gateway: Working & Pick<Gateway, "storedStates">,
): Promise<Target | null> {
  const { group, request } = call
  const ids = request.heldIds ?? []
  const isHome = eligible.some(({ dialect }) => dialect === call.dialect.name)
  if (!isHome && ids.every(({ kind, binding }) => ONLY_AT_HOME.has(kind) || binding !== "refuse")) return null
  const places = await placesOf(call, ids, gateway.storedStates)
  const unknown = ids.filter((id) => !places.has(id))
  const missing = unknown.find(({ binding }) => binding === "refuse")
  if (missing !== undefined) throw unknownId(missing)
  if (unknown.length > 0) await disown(call, unknown, places.size > 0, gateway)
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

/** Takes ids that lead nowhere out of the body, with what is no more than its id. `isHeld`: other ids lead somewhere. */
async function disown(
  call: AdmittedCall,
  unknown: readonly HeldId[],
  isHeld: boolean,
  gateway: Working,
): Promise<void> {
  const { group, request, credential } = call
  const { body, heldIds } = request
  const lost = new Set(unknown.flatMap(({ binding, param }) => (binding === "rename" ? [] : [lostPlace(param)])))
  if (lost.size > 0 && group.translation === "enforce")
    throw new RouterError("translation-loss", { details: { model: group.name, losses: ["stored-reference"] } })
  const changes: Disowned = {
    hints: unknown.flatMap(({ binding, param }) => (binding === "hint" ? [param] : [])),
    lost: [...lost].flatMap(itemIn),
    renamed: unknown.flatMap(({ binding, param, id }) =>
      binding === "rename" ? itemIn(param).map((place) => [place, ownId(call, id)] as const) : [],
    ),
  }
  const left = isLargeBody(body)
    ? await rescan(await gateway.apart.run("disown", credential.caller.id, [body.bytes], changes), call.id, gateway)
    : scanObject(disownIds(body.bytes, changes), Infinity)
  const losses = [...lost].map((path) => ({ code: "stored-reference" as const, path }))
  request.rewrite(left, losses, isHeld ? heldIds : null)
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
function ownId(call: KnownCall, id: string): string {
  const prefix = /^[a-z]{1,8}_/.exec(id)?.[0] ?? "item_"
  return prefix + hashOf(call, { kind: "item", id }).slice(0, OWN_ID_CHARS)
}
