/** An upstream's answer, whatever carried it. */
import { AnswerBroken } from "./http/exchange.ts"
import { MALFORMED, NETWORK, type Failure } from "./failure.ts"
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
  if (error instanceof AnswerBroken) return NETWORK
  return error instanceof RangeError ? MALFORMED : null
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
  const pieces = [...first]
  let size = sizeOf(first)
  for (let more = await answer.read(); more !== null; more = answer.complete ? null : await answer.read()) {
    size += sizeOf(more)
    if (size > maxBytes) throw new RangeError("the answer is too large")
    pieces.push(...more)
  }
  return joined(answer, pieces, maxBytes)
}

function joined(answer: UpstreamAnswer, pieces: readonly Uint8Array[], maxBytes: number): Uint8Array {
  const [only] = pieces
  const bytes = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces)
  if (bytes.length > maxBytes) throw new RangeError("the answer is too large")
  const encoding = answer.headers.get("content-encoding")
  if (encoding === null) return bytes
  try {
    return decoded(bytes, encoding.toLowerCase(), maxBytes)
  } catch (cause) {
    throw new RangeError("the answer cannot be decoded", { cause })
  }
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  let size = 0
  for (const piece of pieces) size += piece.length
  return size
}

function decoded(bytes: Uint8Array, encoding: string, maxOutputLength: number): Uint8Array {
  if (encoding === "identity") return bytes
  if (encoding === "gzip") return gunzipSync(bytes, { maxOutputLength })
  if (encoding === "deflate") return inflateSync(bytes, { maxOutputLength })
  if (encoding === "br") return brotliDecompressSync(bytes, { maxOutputLength })
  if (encoding === "zstd") return zstdDecompressSync(bytes, { maxOutputLength })
  throw new RangeError("an unknown content encoding")
}
