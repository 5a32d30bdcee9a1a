/** An upstream's answer, whatever carried it. */
import { AnswerBroken, NotSent, StaleConnection } from "./http/exchange.ts"
import { Gathered } from "../http/gathered.ts"
import { because, MALFORMED, NETWORK, OVERLOADED, STALE, type Failure } from "./failure.ts"
import { networkReason } from "./reason.ts"
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib"

export interface UpstreamAnswer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  /** The next pieces of the body; null at its end. Rejects with `AnswerBroken` when it breaks off. */
  read(): Promise<readonly Uint8Array[] | null>
  /** The pieces that are here already. */
  take(): readonly Uint8Array[]
  /** Hands pieces over as they arrive until `take` returns false (resolves with true) or the body ends (with false). Rejects with `AnswerBroken` when it breaks off. */
  flow(take: (pieces: readonly Uint8Array[]) => boolean): Promise<boolean>
  /** Nothing more will come than what is here. */
  readonly complete: boolean
}

/** Why an answer could not be taken; null: that is no fault of the upstream. A `RangeError`: it is too large, or too deep. */
export function upstreamFault(error: unknown): Failure | null {
  if (error instanceof NotSent) return OVERLOADED
  if (error instanceof StaleConnection) return STALE
  if (error instanceof AnswerBroken) return because(NETWORK, error.reason ?? networkReason(error.cause), error.words)
  if (!(error instanceof RangeError)) return null
  return because(MALFORMED, error.cause === undefined ? "answer-too-large" : "not-decodable")
}

/**
 * The whole body, decoded where it was compressed without being asked. Most answers are here as a whole with their head:
 * then nothing is waited for. @throws RangeError when it is larger than `maxBytes`, or is not what its encoding says
 */
export function readWhole(answer: UpstreamAnswer, maxBytes: number): Uint8Array | Promise<Uint8Array> {
  const pieces = answer.take()
  return answer.complete ? joined(answer, pieces, maxBytes) : readOn(answer, pieces, maxBytes)
}

async function readOn(answer: UpstreamAnswer, first: readonly Uint8Array[], maxBytes: number): Promise<Uint8Array> {
  const gathered = new Gathered()
  let pieces: readonly Uint8Array[] | null = first
  while (pieces !== null) {
    for (const piece of pieces) gathered.add(piece)
    if (gathered.size > maxBytes) throw new RangeError("the answer is too large")
    pieces = answer.complete ? null : await answer.read()
  }
  return inflated(answer, gathered.take(), maxBytes)
}

function joined(answer: UpstreamAnswer, pieces: readonly Uint8Array[], maxBytes: number): Uint8Array {
  const [only] = pieces
  return inflated(answer, pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces), maxBytes)
}

/** @throws RangeError when the bytes are more than `maxBytes`, or are not what their encoding says */
export function inflated(answer: Pick<UpstreamAnswer, "headers">, bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (bytes.length > maxBytes) throw new RangeError("the answer is too large")
  const encoding = answer.headers.get("content-encoding")
  if (encoding === null) return bytes
  try {
    return decoded(bytes, encoding.toLowerCase(), maxBytes)
  } catch (cause) {
    throw new RangeError("the answer cannot be decoded", { cause })
  }
}

function decoded(bytes: Uint8Array, encoding: string, maxOutputLength: number): Uint8Array {
  if (encoding === "identity") return bytes
  if (encoding === "gzip") return gunzipSync(bytes, { maxOutputLength })
  if (encoding === "deflate") return inflateSync(bytes, { maxOutputLength })
  if (encoding === "br") return brotliDecompressSync(bytes, { maxOutputLength })
  if (encoding === "zstd") return zstdDecompressSync(bytes, { maxOutputLength })
  throw new RangeError("an unknown content encoding")
}
