/** An upstream's answer, whatever carried it. */
import { AnswerBroken, NotSent, StaleConnection } from "./http/exchange.ts"
import { Gathered } from "../http/gathered.ts"
import { because, MALFORMED, NETWORK, OVERLOADED, STALE, type AttemptFailure } from "./failure.ts"
import { networkReason } from "./reason.ts"
import { promisify } from "node:util"
import { brotliDecompress, gunzip, inflate, zstdDecompress } from "node:zlib"

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
export function upstreamFault(error: unknown): AttemptFailure | null {
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

function joined(
  answer: UpstreamAnswer,
  pieces: readonly Uint8Array[],
  maxBytes: number,
): Uint8Array | Promise<Uint8Array> {
  const [only] = pieces
  return inflated(answer, pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces), maxBytes)
}

/**
 * At once where nothing has to be decoded, which happens beside the event loop.
 * @throws RangeError, or rejects with it, when the bytes are more than `maxBytes`, or are not what their encoding says
 */
export function inflated(
  answer: Pick<UpstreamAnswer, "headers">,
  bytes: Uint8Array,
  maxBytes: number,
): Uint8Array | Promise<Uint8Array> {
  if (bytes.length > maxBytes) throw new RangeError("the answer is too large")
  const encoding = answer.headers.get("content-encoding")?.toLowerCase() ?? "identity"
  return encoding === "identity" ? bytes : decoded(bytes, encoding, maxBytes)
}

async function decoded(bytes: Uint8Array, encoding: string, maxOutputLength: number): Promise<Uint8Array> {
  const decode = DECODERS.get(encoding)
  if (decode === undefined) throw cannotDecode(new Error("an unknown content encoding"))
  try {
    return await decode(bytes, { maxOutputLength })
  } catch (cause) {
    throw cannotDecode(cause)
  }
}

function cannotDecode(cause: unknown): RangeError {
  return new RangeError("the answer cannot be decoded", { cause })
}

type Decode = (bytes: Uint8Array, bounds: { readonly maxOutputLength: number }) => Promise<Uint8Array>

const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ["gzip", promisify<Uint8Array, { readonly maxOutputLength: number }, Uint8Array>(gunzip)],
  ["deflate", promisify<Uint8Array, { readonly maxOutputLength: number }, Uint8Array>(inflate)],
  ["br", promisify<Uint8Array, { readonly maxOutputLength: number }, Uint8Array>(brotliDecompress)],
  ["zstd", promisify<Uint8Array, { readonly maxOutputLength: number }, Uint8Array>(zstdDecompress)],
])
