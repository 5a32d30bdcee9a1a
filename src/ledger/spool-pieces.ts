/** Reads a spool file from end to end, whatever was done to it. */
import type { FileHandle } from "node:fs/promises"

/** Bytes between two newlines, without them. */
export interface Piece {
  readonly bytes: Buffer
  /** Offsets in the file; `end` is behind the newline. */
  readonly start: number
  readonly end: number
  /** A newline ends it. Else the file, or the limit, ends there. */
  readonly isEnded: boolean
}

export const READ_BYTES: number = 1 << 20
const NEWLINE = 0x0a
const ZEROS = Buffer.alloc(READ_BYTES)

/** All pieces in order until the limit or the end of the file. Runs of zeros where a piece would begin are left out. */
export async function* piecesOf(file: FileHandle, from: number, limit: () => number): AsyncGenerator<Piece> {
  let rest: Buffer = Buffer.alloc(0)
  let position = from
  for (;;) {
    const wanted = Math.min(READ_BYTES, limit() - position - rest.length)
    const chunk = Buffer.allocUnsafe(Math.max(0, wanted))
    const { bytesRead } = wanted <= 0 ? { bytesRead: 0 } : await file.read(chunk, 0, wanted, position + rest.length)
    if (bytesRead === 0) break
    const searched = rest.length
    rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)])
    let start = zerosFrom(rest, 0)
    for (let at = rest.indexOf(NEWLINE, Math.max(start, searched)); at >= 0; at = rest.indexOf(NEWLINE, start)) {
      yield { bytes: rest.subarray(start, at), start: position + start, end: position + at + 1, isEnded: true }
      start = zerosFrom(rest, at + 1)
    }
    position += start
    rest = rest.subarray(start)
  }
  const bytes = rest.subarray(0, rest.length - zerosAtEnd(rest))
  if (bytes.length > 0) yield { bytes, start: position, end: position + bytes.length, isEnded: false }
}

/** The first offset from here on that holds no zero. */
function zerosFrom(bytes: Buffer, from: number): number {
  let at = from
  while (at + READ_BYTES <= bytes.length && bytes.subarray(at, at + READ_BYTES).equals(ZEROS)) at += READ_BYTES
  while (at < bytes.length && bytes[at] === 0) at += 1
  return at
}

function zerosAtEnd(bytes: Buffer): number {
  let count = 0
  while (count < bytes.length && bytes[bytes.length - 1 - count] === 0) count += 1
  return count
}
