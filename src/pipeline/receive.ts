/** Step 2: the body within its limits, and the facts that routing needs. */
import { isUtf8 } from "node:buffer"
import { RouterError } from "../errors.ts"
import { JsonFault, faultPath } from "../json/fault.ts"
import { scanObject, type ScannedObject } from "../json/scan.ts"
import { readBody } from "./body.ts"
import { heldIdsOf } from "./held-state.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"

/**
 * Fills `call.body` and `call.facts`: at once when the body is here, and then returns null.
 * @throws RouterError `unsupported-media-type`, `body-too-large`, `invalid-json`, `invalid-request`, `duplicate-key`
 */
export function receive(call: Call, gateway: Gateway): Promise<void> | null {
  const body = bodyOf(call, gateway)
  if (!(body instanceof Uint8Array)) return awaitBody(body, call, gateway)
  understand(call, body)
  return null
}

/** A JSON object that is no call of a dialect. @throws RouterError as `receive`, but for `duplicate-key` */
export async function receiveObject(call: Call, gateway: Gateway): Promise<ScannedObject> {
  return parse(await bodyOf(call, gateway), call.snapshot.limits.maxDepth)
}

function bodyOf(call: Call, gateway: Gateway): Uint8Array | Promise<Uint8Array> {
  const { headers } = call.request
  const type = headers.get("content-type")
  if (type !== "application/json" && !isJson(type)) throw new RouterError("unsupported-media-type")
  const encoding = headers.get("content-encoding")
  if (encoding !== null && encoding.toLowerCase() !== "identity") throw new RouterError("unsupported-media-type")
  return readBody(call, gateway)
}

async function awaitBody(body: Promise<Uint8Array>, call: Call, gateway: Gateway): Promise<void> {
  const bytes = await body.finally(() => {
    call.bodyWaitMs = gateway.clock.monotonicMs() - call.startedAt
  })
  understand(call, bytes)
}

function understand(call: Call, bytes: Uint8Array): void {
  call.body = parse(bytes, call.snapshot.limits.maxDepth)
  call.facts = call.dialect.peek(call.body)
  if (call.dialect.stored.mayHold(call.body)) call.heldIds = heldIdsOf(call)
}

function isJson(type: string | null): boolean {
  return type !== null && /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)
}

function parse(bytes: Uint8Array, maxDepth: number): ScannedObject {
  if (!isUtf8(bytes)) throw new RouterError("invalid-json", { message: "The body is not valid UTF-8." })
  try {
    return scanObject(bytes, maxDepth)
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault
    throw asRequestError(fault, bytes, maxDepth)
  }
}

function asRequestError(fault: JsonFault, bytes: Uint8Array, maxDepth: number): RouterError {
  if (fault.kind === "not-an-object") {
    const doubled = bytes.includes(34) && /^\s*"/.test(Buffer.from(bytes.subarray(0, 64)).toString())
    const message = doubled
      ? "The body is a JSON string: it was encoded twice. Send the object itself."
      : "The body must be a JSON object."
    return new RouterError("invalid-request", { message })
  }
  const param = faultPath(bytes, fault.offset)
  if (fault.kind === "depth")
    return new RouterError("invalid-request", { param, message: `The body is nested deeper than ${maxDepth} levels.` })
  return new RouterError("invalid-json", {
    param,
    message: `The body is not valid JSON: ${fault.message} at byte ${fault.offset}.`,
  })
}
