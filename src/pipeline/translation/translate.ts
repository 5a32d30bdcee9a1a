/** Prepares a call for one target: nothing where the bytes pass, the translated request, or why the target cannot serve. */
import type { Loss } from "../../canonical/loss.ts"
import type { Group, Target } from "../../config/snapshot.ts"
import { unpackNeeds, type AnswerNeeds, type Means } from "../../dialects/answer-needs.ts"
import { CODECS, DIALECTS } from "../../dialects/registry.ts"
import { wayBetween } from "../../dialects/translate.ts"
import type { WrittenShape } from "../../dialects/written-shape.ts"
import { RouterError } from "../../errors.ts"
import { errorOf } from "../apart/apart.ts"
import { noVendorCompaction } from "../apart/compaction.ts"
import { isLargeBody } from "../apart/large.ts"
import { plainWriting, writeDecoded, type Writing } from "../apart/written-request.ts"
import type { AdmittedCall, ReceivedCall } from "../call.ts"
import type { CallAffinity, Rejection } from "../call/plan.ts"
import type { CallRequest } from "../call/request.ts"
import type { Gateway } from "../gateway.ts"
import { foreignSeals } from "../targets/affinity.ts"
import { COMPACT, compactsAtVendor, targetBelow } from "../targets/target-below.ts"
import { cacheKeyFor, withDefaultCap } from "../targets/target-wishes.ts"
import { shownModel } from "./shown-model.ts"
import { Translation } from "./translation.ts"

type Translating = Pick<Gateway, "clock" | "random" | "apart">

const ID_BYTES = 12

type Result = Translation | Rejection | null

/** Null: the bytes pass. At once, but for a large body that must be written anew. */
export function translate(
  target: Target,
  affinity: CallAffinity | null,
  call: AdmittedCall,
  gateway: Translating,
): Result | Promise<Result> {
  const { request: asked } = call
  const isHome = target.dialect === call.dialect.name
  if (isHome && target.limits.neverStores && asked.runsInBackground) return refuseBackground(target)
  if (compactsAtVendor(target, asked) && targetBelow(target, COMPACT) === null) return noCompaction(target)
  if (passes(target, affinity, asked)) return null
  try {
    const writing = {
      ...writingFor(target, call),
      foreignSeals: foreignSeals(target, affinity, asked),
      grantedCap: grantedCapOf(target, call),
    }
    const request = write(writing, call, gateway)
    if (!(request instanceof Promise)) return resultOf(request, target, call)
    return request.then(
      (made) => resultOf(made, target, call),
      (error: unknown) => rejection(error, target),
    )
  } catch (error) {
    return rejection(error, target)
  }
}

/** Do the bytes of the request go to the target as they are? */
export function passes(target: Target, affinity: CallAffinity | null, request: CallRequest): boolean {
  if (foreignSeals(target, affinity, request) > 0) return false
  return wayBetween(request.dialect.name, target.dialect, request.isSealed) === "bytes"
}

/** A provider keeps such an answer until somebody has read it, and so refuses to make one that it may not store. */
function refuseBackground(target: Target): Rejection {
  const message = "No target of this model group may store an answer, so none can make one in the background."
  return { target, reason: "state", error: new RouterError("stateful-unsupported", { param: "background", message }) }
}

function noCompaction(target: Target): Rejection {
  return { target, reason: "state", error: noVendorCompaction() }
}

/** A target of the group has words for it, and makes what it can read better than a summary. */
function isCompactedByVendor({ group, dialect, request }: AdmittedCall): boolean {
  const canCompact = (target: Target): boolean =>
    target.dialect === dialect.name && (!request.compacts || targetBelow(target, COMPACT) !== null)
  return group.targets.some(canCompact)
}

/** @throws what is no fault of the caller */
function rejection(error: unknown, target: Target): Rejection {
  if (!(error instanceof RouterError) || error.blame !== "caller") throw error
  return { target, reason: error.code === "stateful-unsupported" ? "state" : "invalid-request", error }
}

function resultOf(request: Wrote | RouterError, target: Target, call: AdmittedCall): Translation | Rejection {
  if (request instanceof RouterError) return { target, reason: "state", error: request }
  const isHome = target.dialect === call.dialect.name
  const { losses } = request
  if (!isHome && losses.length > 0 && call.group.translation === "enforce") return lossy(losses, target, call.group)
  return translationOf(request, target, call)
}

/**
 * For an answer in another shape than was asked for, within one dialect; null where the body cannot be understood. At once
 * where the body is small.
 */
export function homeTranslation(
  target: Target,
  call: AdmittedCall,
  gateway: Translating,
): Translation | null | Promise<Translation | null> {
  const made = (request: Wrote | RouterError): Translation | null =>
    request instanceof RouterError ? null : translationOf(request, target, call)
  try {
    const request = write(writingFor(target, call), call, gateway)
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

/** The output cap of one answer that the router must send; null: the client's own counts. A vendor's compaction takes none. */
export function grantedCapOf(target: Target, { hold, request }: ReceivedCall): number | null {
  return hold === null || compactsAtVendor(target, request) ? null : hold.grantedCap
}

export function isRejection(result: Result): result is Rejection {
  return result !== null && "reason" in result
}

function writingFor(target: Target, call: AdmittedCall): Writing {
  const { request } = call
  const isHome = target.dialect === call.dialect.name
  return {
    client: call.dialect.name,
    target: target.dialect,
    facts: isHome ? target.homeFacts : withDefaultCap(target.facts, target, request),
    foreignSeals: 0,
    grantedCap: null,
    cacheKey: isHome ? null : cacheKeyFor(target, request),
    compacts: request.compacts,
    isCompactedByVendor: isCompactedByVendor(call),
    neverStores: target.limits.neverStores,
    shownModel: shownModel(call),
    showsEstimate: request.facts.stream && call.dialect.wire.opensWithUsage,
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
function write(
  writing: Writing,
  { request, credential }: AdmittedCall,
  gateway: Translating,
): Wrote | RouterError | Promise<Wrote | RouterError> {
  const means = meansOf(gateway)
  if (isLargeBody(request.body)) return writeApart(writing, request, credential.caller.id, means, gateway)
  const made = writeDecoded(request.decode(), writing, means)
  return made instanceof RouterError ? made : { ...made, packedNeeds: null }
}

async function writeApart(
  writing: Writing,
  request: CallRequest,
  callerId: string,
  means: Means,
  { apart }: Translating,
): Promise<Wrote | RouterError> {
  const made = await apart.run("translate", callerId, [request.body.bytes], plainWriting(writing))
  if ("code" in made) return errorOf(made)
  request.learnSeals(made.nativeSeals)
  return { ...made, needs: unpackNeeds(made.packedNeeds, means) }
}

/** What translation takes from outside. */
export function meansOf({ random, clock }: Pick<Gateway, "random" | "clock">): Means {
  return {
    mint: (prefix) => prefix + random.hex(ID_BYTES),
    now: () => Math.floor(clock.now() / 1000),
  }
}

function translationOf(
  { body, shape, needs, losses, packedNeeds }: Wrote,
  target: Target,
  call: AdmittedCall,
): Translation {
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
