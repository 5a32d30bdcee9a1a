/** Step 2: the body within its limits, and the facts that routing needs. */
import { isUtf8 } from "node:buffer"
import { RouterError } from "../errors.ts"
import { JsonFault, faultPath } from "../json/fault.ts"
import { scanObject, type ScannedObject } from "../json/scan.ts"
import { collect, type Reader } from "../upstream/read-bounded.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"

/** How long a client may take to send its body. */
const BODY_DEADLINE_MS = 120_000
/** How long the rest of a body that is too large is read, and the pause after which the client is taken to wait. */
const DISCARD_MS = 5000
const PAUSE_MS = 100

/**
 * Fills `call.body` and `call.facts`.
 * @throws RouterError `unsupported-media-type`, `body-too-large`, `invalid-json`, `invalid-request`, `duplicate-key`
 */
export async function receive(call: Call, gateway: Gateway): Promise<void> {
  const { headers } = call.request
  const type = headers.get("content-type")
  if (type === null || !/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type))
    throw new RouterError("unsupported-media-type")
  const encoding = headers.get("content-encoding")
  if (encoding !== null && encoding.toLowerCase() !== "identity") throw new RouterError("unsupported-media-type")
  const bytes = await readBody(call, gateway)
  call.body = parse(bytes, call.snapshot.limits.maxDepth)
  call.facts = call.dialect.peek(call.body)
}

async function readBody(call: Call, gateway: Gateway): Promise<Uint8Array> {
  const { maxBodyBytes } = call.snapshot.limits
  const length = call.request.headers.get("content-length")
  if (length !== null && Number(length) > maxBodyBytes) throw tooLarge(maxBodyBytes)
  return withDeadline(call, gateway, length === null ? readChunks(call.request, maxBodyBytes) : readWhole(call.request))
}

async function readWhole(request: Request): Promise<Uint8Array> {
  try {
    return new Uint8Array(await request.arrayBuffer())
  } catch (cause) {
    throw new RouterError("client-closed", { cause })
  }
}

async function readChunks(request: Request, maxBodyBytes: number): Promise<Uint8Array> {
  try {
    return await collect(request.body, maxBodyBytes, discard)
  } catch (cause) {
    throw cause instanceof RangeError ? tooLarge(maxBodyBytes) : new RouterError("client-closed", { cause })
  }
}

/**
 * Reads on and throws away until the client pauses, for a few seconds: the connection closes with the refusal,
 * and a client that is still sending then never reads it.
 */
async function discard(reader: Reader): Promise<void> {
  const end = Bun.sleep(DISCARD_MS).then(() => null)
  let next = reader.read()
  for (;;) {
    const pause = Bun.sleep(PAUSE_MS).then(() => null)
    const got = await Promise.race([next.then(isEnd, () => true), pause, end])
    if (got !== false) return
    next = reader.read()
  }
}

function isEnd(chunk: { readonly value?: unknown }): boolean {
  return chunk.value === undefined
}

function withDeadline(call: Call, gateway: Gateway, reading: Promise<Uint8Array>): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    call.deadline = gateway.clock.monotonicMs() + BODY_DEADLINE_MS
    call.onDeadline = () =>
      reject(new RouterError("invalid-request", { message: "The body did not arrive in time.", status: 408 }))
    reading.then(resolve, reject)
  })
}

function tooLarge(maxBodyBytes: number): RouterError {
  return new RouterError("body-too-large", {
    details: { max_body_bytes: maxBodyBytes },
    headers: { connection: "close" },
  })
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
