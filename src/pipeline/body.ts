/** Reads the body of a request within its limits. */
import { RouterError } from "../errors.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"

/** How long a client may take to send its body. */
const BODY_DEADLINE_MS = 120_000
/** How long the rest of a body that is too large is read, and the pause after which the client is taken to wait. */
const DISCARD_MS = 5000
const PAUSE_MS = 100

/** What is used of a body's reader. */
interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  cancel(): Promise<void>
}

/** @throws RouterError `body-too-large`, `client-closed`, `invalid-request` (408) */
export async function readBody(call: Call, gateway: Gateway): Promise<Uint8Array> {
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

/** A body of unknown length, counted while it arrives. @throws RangeError beyond `maxBytes` */
async function collect(body: ReadableStream<Uint8Array<ArrayBuffer>> | null, maxBytes: number): Promise<Uint8Array> {
  if (body === null) return new Uint8Array(0)
  const reader: Reader = body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { value } = await reader.read()
    if (value === undefined) break
    size += value.length
    if (size > maxBytes) {
      chunks.length = 0
      await discard(reader)
      throw new RangeError("the body is too large")
    }
    chunks.push(value)
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size)
}
