/** An upstream's answer, whatever carried it. */
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib"

export interface UpstreamAnswer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  /** The next pieces of the body; null at its end. Rejects when it breaks off. */
  read(): Promise<readonly Uint8Array[] | null>
}

/** The whole body, decoded where it was compressed without being asked. @throws RangeError when it is larger than `maxBytes` */
export async function readWhole(answer: UpstreamAnswer, maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  for (let more = await answer.read(); more !== null; more = await answer.read()) {
    for (const piece of more) size += piece.length
    if (size > maxBytes) throw new RangeError("the answer is too large")
    pieces.push(...more)
  }
  const bytes = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces, size)
  const encoding = answer.headers.get("content-encoding")
  return encoding === null ? bytes : decoded(bytes, encoding.toLowerCase(), maxBytes)
}

function decoded(bytes: Uint8Array, encoding: string, maxOutputLength: number): Uint8Array {
  if (encoding === "identity") return bytes
  if (encoding === "gzip") return gunzipSync(bytes, { maxOutputLength })
  if (encoding === "deflate") return inflateSync(bytes, { maxOutputLength })
  if (encoding === "br") return brotliDecompressSync(bytes, { maxOutputLength })
  if (encoding === "zstd") return zstdDecompressSync(bytes, { maxOutputLength })
  throw new RangeError("an unknown content encoding")
}
