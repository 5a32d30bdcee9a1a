/** An answer of the cache, in the dialect and the form in which the client wants it, under an id of its own. */
import type { Entry, Telling } from "../../cache/entry.ts"
import type { Loss } from "../../canonical/loss.ts"
import type { Target } from "../../config/snapshot.ts"
import type { WholeAnswer } from "../answer/answer.ts"
import { turn } from "../answer/judge-answer.ts"
import { isLargeAnswer } from "../apart/large.ts"
import type { AdmittedCall } from "../call.ts"
import type { Caching } from "../call/caching.ts"
import { lossesOf } from "../call/outcome.ts"
import type { CallAffinity } from "../call/plan.ts"
import type { Gateway } from "../gateway.ts"
import { renameReply, shownModel } from "../translation/shown-model.ts"
import { homeTranslation, isRejection, translate } from "../translation/translate.ts"
import { MintedIds } from "./minted-ids.ts"

const JSON_HEADERS = { "content-type": "application/json" }
const STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8" }
const ID_BYTES = 12
/** By it clients tell what the id is of: `chatcmpl-`, `msg_`. */
const ID_KIND = /^[a-z]{1,16}[-_]/

export interface Found {
  readonly entry: Entry
  /** The key under which it is kept. */
  readonly place: string
  readonly bodyHash: string
  readonly target: Target
  readonly affinity: CallAffinity | null
}

/** Null: it cannot be told to this client, so that the target is asked. */
export async function tell(
  found: Found,
  call: AdmittedCall,
  caching: Caching,
  gateway: Gateway,
): Promise<WholeAnswer | null> {
  const { entry, target, place, bodyHash } = found
  const { stream } = call.facts
  const how = `${bodyHash} ${stream ? "stream" : "whole"} ${shownModel(call) ?? ""}`
  let telling = entry.tellings?.get(how) ?? null
  let bytes: Uint8Array
  if (telling === null) {
    telling = await firstTelling(found, call, gateway)
    if (telling === null) return null
    bytes = telling.bytes
    if (!isLargeAnswer(bytes.length)) gateway.cache.remember(place, entry, how, telling)
  } else bytes = MintedIds.anew(telling, gateway.random)
  const ageS = Math.max(0, Math.floor((gateway.clock.now() - entry.storedAt) / 1000))
  caching.hit = { entry, target, ageS }
  return {
    kind: "unary",
    bytes,
    headers: stream ? STREAM_HEADERS : JSON_HEADERS,
    told: null,
    end: {
      source: "cache",
      attempt: null,
      facts: { ...entry.facts, usage: null },
      isWhole: true,
      isOwed: false,
      losses: telling.losses.length === 0 ? lossesOf(call, null) : [...lossesOf(call, null), ...telling.losses],
      storedIds: [],
      firstContentAt: gateway.clock.monotonicMs(),
    },
  }
}

/** By the way that an answer of the target takes. */
async function firstTelling(
  { entry, target, affinity }: Found,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Telling | null> {
  const ids = new MintedIds(gateway.random)
  const minting = { ...gateway, random: ids }
  const translating = translate(target, affinity, call, minting)
  const translation = translating instanceof Promise ? await translating : translating
  if (isRejection(translation)) return null
  const { stream } = call.facts
  // an answer that repeats its request must repeat this one
  const passes = translation === null && !stream && !call.dialect.wire.repeatsRequest
  if (passes) return ids.telling(await ownBytes(entry, ids, call, gateway), NO_LOSSES)
  const way = translation ?? (await homeTranslation(target, call, minting))
  if (way === null) return null
  const bytes = await turn(stream ? "unfold" : "reply", entry.bytes, way, call, gateway)
  if (!(bytes instanceof Uint8Array)) return null
  return ids.telling(bytes, translation === null ? NO_LOSSES : translation.losses())
}

const NO_LOSSES: readonly Loss[] = []

/** As the target said it, but for its id. */
function ownBytes(
  { bytes, id }: Entry,
  ids: MintedIds,
  call: AdmittedCall,
  gateway: Gateway,
): Uint8Array | Promise<Uint8Array> {
  return renameReply(withFreshId(bytes, id, ids), shownModel(call), call.credential.caller.id, gateway)
}

function withFreshId(bytes: Uint8Array, id: Entry["id"], ids: MintedIds): Uint8Array {
  if (id === null) return bytes
  const before = Buffer.from(bytes.buffer, bytes.byteOffset + id.start, id.end - id.start).toString("latin1")
  const kind = ID_KIND.exec(before)?.[0] ?? ""
  return Buffer.concat([bytes.subarray(0, id.start), Buffer.from(kind + ids.hex(ID_BYTES)), bytes.subarray(id.end)])
}
