/** An answer of the cache, in the dialect and the form in which the client wants it, under an id of its own. */
import type { Entry } from "../../cache/entry.ts"
import type { Target } from "../../config/snapshot.ts"
import type { WholeAnswer } from "../answer/answer.ts"
import { turn } from "../answer/judge-answer.ts"
import type { AdmittedCall } from "../call.ts"
import type { Caching } from "../call/caching.ts"
import { lossesOf } from "../call/outcome.ts"
import type { CallAffinity } from "../call/plan.ts"
import type { Gateway } from "../gateway.ts"
import { renameReply, shownModel } from "../translation/shown-model.ts"
import { homeTranslation, isRejection, translate } from "../translation/translate.ts"
import type { Translation } from "../translation/translation.ts"

const JSON_HEADERS = { "content-type": "application/json" }
const STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8" }
const ID_BYTES = 12
/** By it clients tell what the id is of: `chatcmpl-`, `msg_`. */
const ID_KIND = /^[a-z]{1,16}[-_]/

/** Null: it cannot be told to this client, so that the target is asked. */
export async function tell(
  entry: Entry,
  target: Target,
  affinity: CallAffinity | null,
  call: AdmittedCall,
  caching: Caching,
  gateway: Gateway,
): Promise<WholeAnswer | null> {
  const translating = translate(target, affinity, call, gateway)
  const translation = translating instanceof Promise ? await translating : translating
  if (isRejection(translation)) return null
  const { stream } = call.facts
  // an answer that repeats its request must repeat this one
  const passes = translation === null && !stream && !call.dialect.wire.repeatsRequest
  const way = passes ? null : (translation ?? (await homeTranslation(target, call, gateway)))
  if (way === null && !passes) return null
  const bytes = way === null ? await ownBytes(entry, call, gateway) : await turn(stream ? "unfold" : "reply", entry.bytes, way, call, gateway)
  if (!(bytes instanceof Uint8Array)) return null
  const { clock } = gateway
  const ageS = Math.max(0, Math.floor((clock.now() - entry.storedAt) / 1000))
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
      losses: lossesOfHit(call, translation),
      storedIds: [],
      firstContentAt: clock.monotonicMs(),
    },
  }
}

/** Those that a target would have caused. */
function lossesOfHit(call: AdmittedCall, translation: Translation | null): WholeAnswer["end"]["losses"] {
  const own = lossesOf(call, null)
  return translation === null ? own : [...own, ...translation.losses()]
}

/** As the target said it, but for its id. */
function ownBytes({ bytes, id }: Entry, call: AdmittedCall, gateway: Gateway): Uint8Array | Promise<Uint8Array> {
  return renameReply(withFreshId(bytes, id, gateway), shownModel(call), call.credential.caller.id, gateway)
}

function withFreshId(bytes: Uint8Array, id: Entry["id"], { random }: Pick<Gateway, "random">): Uint8Array {
  if (id === null) return bytes
  const before = Buffer.from(bytes.buffer, bytes.byteOffset + id.start, id.end - id.start).toString("latin1")
  const kind = ID_KIND.exec(before)?.[0] ?? ""
  return Buffer.concat([bytes.subarray(0, id.start), Buffer.from(kind + random.hex(ID_BYTES)), bytes.subarray(id.end)])
}
