/** Step 2: the body within its limits, and the facts that routing needs. */
import { isUtf8 } from "node:buffer"
import { envelopeBegins, mayHoldEnvelope } from "../dialects/translate.ts"
import { RouterError } from "../errors.ts"
import { JsonFault, faultPath } from "../json/fault.ts"
import { scanBounded, type ScanBounds, type ScannedObject } from "../json/scan.ts"
import type { Call, KnownCall } from "./call.ts"
import { goOn } from "./call/go-on.ts"
import { CallRequest } from "./call/request.ts"
import type { Gateway } from "./gateway.ts"
import { refusePrivateMedia } from "./intake/private-media.ts"
import { readBody } from "./intake/read-body.ts"
import { scanInSlices, SLICE_BYTES } from "./intake/sliced-scan.ts"
import { findHeldIds } from "./targets/held-state.ts"

/**
 * The request of the call: at once when its body is here.
 * @throws RouterError `unsupported-media-type`, `body-too-large`, `invalid-json`, `invalid-request`, `duplicate-key`
 */
export function receive(call: KnownCall, gateway: Gateway): CallRequest | Promise<CallRequest> {
  const body = bodyOf(call, gateway)
  if (!(body instanceof Uint8Array)) return awaitBody(body, call, gateway)
  return body.length > SLICE_BYTES ? understandLarge(call, body, gateway) : understand(call, parse(body, call), gateway)
}

/** A JSON object that is no call of a dialect. @throws RouterError as `receive`, but for `duplicate-key` */
export async function receiveObject(call: Call, gateway: Gateway): Promise<ScannedObject> {
  const bytes = await bodyOf(call, gateway)
  return bytes.length > SLICE_BYTES ? parseInSlices(bytes, call, gateway) : parse(bytes, call)
}

function bodyOf(call: Call, gateway: Gateway): Uint8Array | Promise<Uint8Array> {
  const { headers } = call.incoming
  const type = headers.get("content-type")
  if (type !== "application/json" && !isJson(type)) throw new RouterError("unsupported-media-type")
  const encoding = headers.get("content-encoding")
  if (encoding !== null && encoding.toLowerCase() !== "identity") throw new RouterError("unsupported-media-type")
  return readBody(call, gateway)
}

async function awaitBody(body: Promise<Uint8Array>, call: KnownCall, gateway: Gateway): Promise<CallRequest> {
  const bytes = await body.finally(() => {
    call.life.bodyWaitMs = gateway.clock.monotonicMs() - call.startedAt
  })
  return bytes.length > SLICE_BYTES
    ? understandLarge(call, bytes, gateway)
    : understand(call, parse(bytes, call), gateway)
}

async function understandLarge(call: KnownCall, bytes: Uint8Array, gateway: Gateway): Promise<CallRequest> {
  const scanned = await parseInSlices(bytes, call, gateway)
  const isSealed = await holdsEnvelopeInSlices(scanned, gateway)
  const look = (): CallRequest | Promise<CallRequest> => understand(call, scanned, gateway, isSealed)
  return gateway.loop.timed("look into the body", call.id, bytes.length, look)
}

/**
 * A body that was scanned, as a request: at once where it is small. `isSealed`: null where nothing has looked for sealed reasoning.
 * @throws RouterError `invalid-request`, `duplicate-key`
 */
export function understand(
  call: KnownCall,
  scanned: ScannedObject,
  gateway: Pick<Gateway, "apart" | "loop">,
  isSealed: boolean | null = null,
): CallRequest | Promise<CallRequest> {
  const facts = call.dialect.peek(scanned)
  return goOn(findHeldIds(scanned, call, gateway), ({ body, heldIds }) => {
    const request = new CallRequest(call, { body, facts, heldIds, isSealed })
    if (!call.snapshot.limits.allowsPrivateMedia) refusePrivateMedia(request)
    return request
  })
}

const LONGEST_PARAM = 64

function isJson(type: string | null): boolean {
  return type !== null && /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)
}

function parse(bytes: Uint8Array, { snapshot }: Call): ScannedObject {
  const bounds = boundsOf(snapshot)
  if (!isUtf8(bytes)) throw notUtf8()
  try {
    return scanBounded(bytes, bounds)
  } catch (fault) {
    throw asRequestError(fault, bytes, bounds)
  }
}

async function holdsEnvelopeInSlices(body: ScannedObject, { loop }: Gateway): Promise<boolean> {
  const { bytes } = body
  if (!mayHoldEnvelope(body)) return false
  for (let from = 0; from < bytes.length; from += SLICE_BYTES) {
    const slice = bytes.subarray(0, from + SLICE_BYTES + LONGEST_ENVELOPE_HEAD)
    if (envelopeBegins(slice, from, from + SLICE_BYTES)) return true
    await loop.turn()
  }
  return false
}

const LONGEST_ENVELOPE_HEAD = 16

/** Top-level members; the widest dialect knows fewer than fifty. */
const MOST_MEMBERS = 4096

function boundsOf({ limits }: Call["snapshot"]): ScanBounds {
  return { maxDepth: limits.maxDepth, maxValues: limits.maxValues, maxMembers: MOST_MEMBERS }
}

async function parseInSlices(bytes: Uint8Array, call: Call, gateway: Gateway): Promise<ScannedObject> {
  const { loop } = gateway
  const bounds = boundsOf(call.snapshot)
  await loop.turn()
  if (!loop.timed("check the encoding", call.id, bytes.length, () => isUtf8(bytes))) throw notUtf8()
  try {
    return await scanInSlices(bytes, bounds, call.id, gateway)
  } catch (fault) {
    throw asRequestError(fault, bytes, bounds)
  }
}

function notUtf8(): RouterError {
  return new RouterError("invalid-json", { message: "The body is not valid UTF-8." })
}

/** What is no fault of the body stays as it is. */
function asRequestError(thrown: unknown, bytes: Uint8Array, { maxDepth }: ScanBounds): unknown {
  return thrown instanceof JsonFault ? requestError(thrown, bytes, maxDepth) : thrown
}

function requestError(fault: JsonFault, bytes: Uint8Array, maxDepth: number): RouterError {
  if (fault.kind === "not-an-object") {
    const doubled = bytes.includes(34) && /^\s*"/.test(Buffer.from(bytes.subarray(0, 64)).toString())
    const message = doubled
      ? "The body is a JSON string: it was encoded twice. Send the object itself."
      : "The body must be a JSON object."
    return new RouterError("invalid-request", { message })
  }
  if (fault.kind === "too-many")
    return new RouterError("invalid-request", {
      param: fault.key?.slice(0, LONGEST_PARAM),
      message: `The body has ${fault.message}.`,
    })
  const param = faultPath(bytes, fault.offset)
  if (fault.kind === "depth")
    return new RouterError("invalid-request", { param, message: `The body is nested deeper than ${maxDepth} levels.` })
  return new RouterError("invalid-json", {
    param,
    message: `The body is not valid JSON: ${fault.message} at byte ${fault.offset}.`,
  })
}
