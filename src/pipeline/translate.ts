/** Prepares a call for one target: nothing where the bytes pass, the translated request, or why the target cannot serve. */
import type { Loss } from "../canonical/loss.ts"
import type { Group, Target } from "../config/snapshot.ts"
import { unpacked, type AnswerNeeds, type Means } from "../dialects/answer-needs.ts"
import { CODECS, DIALECTS } from "../dialects/registry.ts"
import { holdsEnvelope, wayBetween } from "../dialects/translate.ts"
import type { WrittenShape } from "../dialects/written-shape.ts"
import { RouterError } from "../errors.ts"
import type { ScannedObject } from "../json/scan.ts"
import { foreignSeals } from "./affinity.ts"
import { errorOf } from "./apart/apart.ts"
import { isLargeBody } from "./apart/large.ts"
import { plainWriting, written, type Writing } from "./apart/written-request.ts"
import type { Call } from "./call.ts"
import { isCompactedByVendor, noVendorCompaction } from "./compaction.ts"
import { decode } from "./decode.ts"
import type { Gateway } from "./gateway.ts"
import { runsInBackground } from "./returned-state.ts"
import { shownModel } from "./shown-model.ts"
import type { Rejection } from "./shortlist.ts"
import { COMPACT, compactsAtVendor, targetBelow } from "./target-below.ts"
import { cacheKeyFor, withDefaultCap } from "./target-wishes.ts"
import { Translation } from "./translation.ts"

const ID_BYTES = 12

type Result = Translation | Rejection | null

/** Null: the bytes pass. At once, but for a large body that must be written anew. */
export function translate(target: Target, call: Call, gateway: Gateway): Result | Promise<Result> {
  if (call.body === null) throw new RouterError("internal-error")
  const isHome = target.dialect === call.dialect.name
  if (isHome && target.limits.neverStores && runsInBackground(call)) return keptInBackground(target)
  if (compactsAtVendor(target, call) && targetBelow(target, COMPACT) === null) return noCompaction(target)
  if (passes(target, call)) return null
  try {
    const writing = {
      ...writingFor(target, call),
      foreignSeals: foreignSeals(target, call),
      grantedCap: compactsAtVendor(target, call) ? null : call.grantedCap,
    }
    const request = wrote(writing, call.body, call, gateway)
    if (!(request instanceof Promise)) return resultOf(request, target, call)
    return request.then(
      (made) => resultOf(made, target, call),
      (error: unknown) => rejection(error, target),
    )
  } catch (error) {
    return rejection(error, target)
  }
}

/** Do the bytes of the call go to the target as they are? */
export function passes(target: Target, call: Call): boolean {
  if (call.body === null) return false
  call.sealed ??= holdsEnvelope(call.body)
  return foreignSeals(target, call) === 0 && wayBetween(call.dialect.name, target.dialect, call.sealed) === "bytes"
}

/** A provider keeps such an answer until somebody has read it, and so refuses to make one that it may not store. */
function keptInBackground(target: Target): Rejection {
  const message = "No target of this model group may store an answer, so none can make one in the background."
  return { target, reason: "state", error: new RouterError("stateful-unsupported", { param: "background", message }) }
}

function noCompaction(target: Target): Rejection {
  return { target, reason: "state", error: noVendorCompaction() }
}

/** @throws what is no fault of the caller */
function rejection(error: unknown, target: Target): Rejection {
  if (!(error instanceof RouterError) || error.blame !== "caller") throw error
  return { target, reason: error.code === "stateful-unsupported" ? "state" : "invalid-request", error }
}

function resultOf(request: Wrote | RouterError, target: Target, call: Call): Translation | Rejection {
  if (request instanceof RouterError) return { target, reason: "state", error: request }
  const isHome = target.dialect === call.dialect.name
  const { losses } = request
  if (!isHome && losses.length > 0 && call.group?.translation === "enforce") return lossy(losses, target, call.group)
  return translationOf(request, target, call)
}

/**
 * For an answer in another shape than was asked for, within one dialect; null where the body cannot be understood. At once
 * where the body is small.
 */
export function homeTranslation(
  target: Target,
  call: Call,
  gateway: Gateway,
): Translation | null | Promise<Translation | null> {
  if (call.body === null) throw new RouterError("internal-error")
  const made = (request: Wrote | RouterError): Translation | null =>
    request instanceof RouterError ? null : translationOf(request, target, call)
  try {
    const request = wrote(writingFor(target, call), call.body, call, gateway)
    if (!(request instanceof Promise)) return made(request)
    return request.then(made).catch(notUnderstood)
  } catch (error) {
    return notUnderstood(error)
  }
}

function notUnderstood(error: unknown): null {
  if (!(error instanceof RouterError)) throw error
  return null
}

export function isRejection(result: Result): result is Rejection {
  return result !== null && "reason" in result
}

function writingFor(target: Target, call: Call): Writing {
  const isHome = target.dialect === call.dialect.name
  return {
    client: call.dialect.name,
    target: target.dialect,
    facts: isHome ? target.homeFacts : withDefaultCap(target.facts, target, call),
    foreignSeals: 0,
    grantedCap: null,
    cacheKey: isHome ? null : cacheKeyFor(target, call),
    compacts: call.compacts,
    isCompactedByVendor: isCompactedByVendor(call),
    neverStores: target.limits.neverStores,
    shownModel: shownModel(call),
    showsEstimate: call.facts.stream && call.dialect.name === "anthropic",
  }
}

/** A request for the target. */
interface Wrote {
  readonly body: Uint8Array
  readonly shape: WrittenShape
  readonly losses: readonly Loss[]
  readonly needs: AnswerNeeds
  /** Null: nothing has packed them. */
  readonly packedNeeds: string | null
}

/** A RouterError is about state that the target cannot reach. */
function wrote(
  writing: Writing,
  body: ScannedObject,
  call: Call,
  gateway: Gateway,
): Wrote | RouterError | Promise<Wrote | RouterError> {
  const means = meansOf(gateway)
  if (isLargeBody(body)) return wroteApart(writing, body, call, means, gateway)
  const request = written(decode(call), writing, means)
  return request instanceof RouterError ? request : { ...request, packedNeeds: null }
}

async function wroteApart(
  writing: Writing,
  { bytes }: ScannedObject,
  call: Call,
  means: Means,
  { apart }: Gateway,
): Promise<Wrote | RouterError> {
  const request = await apart.run("translate", call.callerId, [bytes], plainWriting(writing))
  if ("code" in request) return errorOf(request)
  call.nativeSeals = request.nativeSeals
  return { ...request, needs: unpacked(request.packedNeeds, means) }
}

/** What translation takes from outside. */
export function meansOf({ random, clock }: Pick<Gateway, "random" | "clock">): Means {
  return {
    mint: (prefix) => prefix + random.hex(ID_BYTES),
    now: () => Math.floor(clock.now() / 1000),
  }
}

function translationOf({ body, shape, needs, losses, packedNeeds }: Wrote, target: Target, call: Call): Translation {
  const parts = {
    body: [body],
    shape,
    client: { codec: CODECS[call.dialect.name], dialect: call.dialect },
    target: { codec: CODECS[target.dialect], dialect: DIALECTS[target.dialect] },
    needs,
    losses,
    secrets: target.provider.secrets,
  }
  return new Translation(parts, packedNeeds)
}

function lossy(losses: readonly Loss[], target: Target, group: Group): Rejection {
  const codes = [...new Set(losses.map(({ code }) => code))]
  const message = `The request cannot be translated without a loss (${codes.join(", ")}), and the model group "${group.name}" forbids losses.`
  return {
    target,
    reason: "translation-loss",
    error: new RouterError("translation-loss", { message, details: { model: group.name, losses: codes } }),
  }
}
