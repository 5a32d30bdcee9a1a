/** Reads a callers file while calls go on, a chunk at a time. */
import { constants } from "node:fs"
import { open, stat, type FileHandle } from "node:fs/promises"
import { printOf } from "./file-prints.ts"
import { notRegular, tooLarge } from "./regular-file.ts"

export interface CallersFile {
  /** The fingerprint of the file that was opened. */
  readonly print: string
  /** To be read to its end, or left: then the file is closed. Each chunk is good until the next. Throws what Node throws, or an Error with a sentence. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** SHA-256 of the chunks so far, in hex; to be asked once. */
  readonly digest: () => string
}

/** Some half a million callers. */
export const MAX_CALLERS_BYTES: number = 256 << 20
/** Hashing one takes a fraction of a millisecond. */
const CHUNK_BYTES = 262_144

/** Rejects with what Node throws, or with an Error whose message is a sentence. */
export async function openCallersFile(path: string): Promise<CallersFile> {
  // opening some devices already does something
  if (!(await stat(path)).isFile()) throw notRegular(path)
  // without O_NONBLOCK the opening of a pipe that took the file's place waits for a writer
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw notRegular(path)
    const hasher = new Bun.CryptoHasher("sha256")
    return { print: printOf(stats), chunks: chunksOf(file, hasher), digest: () => hasher.digest("hex") }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function* chunksOf(file: FileHandle, hasher: Bun.CryptoHasher): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(CHUNK_BYTES)
  try {
    for (let length = 0; ;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, null)
      if (bytesRead === 0) return
      length += bytesRead
      if (length > MAX_CALLERS_BYTES) throw tooLarge(MAX_CALLERS_BYTES)
      const chunk = buffer.subarray(0, bytesRead)
      hasher.update(chunk)
      yield chunk
    }
  } finally {
    await file.close()
  }
}
