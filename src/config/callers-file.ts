/** Reads a callers file while calls go on. */
import { constants } from "node:fs"
import { open, stat, type FileHandle } from "node:fs/promises"
import { printOf } from "./file-prints.ts"
import { notRegular, tooLarge } from "./regular-file.ts"

export interface CallersBytes {
  readonly bytes: Uint8Array
  /** SHA-256 of the bytes, in hex. */
  readonly digest: string
  /** The fingerprint of the file that was read. */
  readonly print: string
}

export type ReadCallersFile = (path: string) => Promise<CallersBytes>

/** Some half a million callers. */
export const MAX_CALLERS_BYTES: number = 256 << 20
/** Hashing one chunk takes about a millisecond. */
const CHUNK_BYTES = 1 << 20

/** Rejects with what Node throws, or with an Error whose message is a sentence. */
export async function readCallersFile(path: string): Promise<CallersBytes> {
  // opening some devices already does something
  if (!(await stat(path)).isFile()) throw notRegular(path)
  // without O_NONBLOCK the opening of a pipe that took the file's place waits for a writer
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw notRegular(path)
    if (stats.size > MAX_CALLERS_BYTES) throw tooLarge(MAX_CALLERS_BYTES)
    return { ...(await readToEnd(file, stats.size)), print: printOf(stats) }
  } finally {
    await file.close()
  }
}

async function readToEnd(file: FileHandle, size: number): Promise<Pick<CallersBytes, "bytes" | "digest">> {
  let bytes = Buffer.allocUnsafe(size + 1)
  const hasher = new Bun.CryptoHasher("sha256")
  for (let length = 0; ;) {
    const { bytesRead } = await file.read(bytes, length, Math.min(CHUNK_BYTES, bytes.length - length), null)
    if (bytesRead === 0) return { bytes: bytes.subarray(0, length), digest: hasher.digest("hex") }
    hasher.update(bytes.subarray(length, length + bytesRead))
    length += bytesRead
    if (length > MAX_CALLERS_BYTES) throw tooLarge(MAX_CALLERS_BYTES)
    // the file grows meanwhile
    if (length === bytes.length) bytes = Buffer.concat([bytes], bytes.length + CHUNK_BYTES)
  }
}
