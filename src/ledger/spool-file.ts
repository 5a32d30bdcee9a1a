/** The file of a spool: made owner only, and written out in advance. */
import { type FileHandle, open } from "node:fs/promises"
import type { Log } from "../system/log.ts"
import { ensureOwnerFile } from "../system/owner-only.ts"
import { READ_BYTES } from "./spool-pieces.ts"

interface FileOptions {
  readonly path: string
  /** Written out at start. 0: the file is only as long as its lines. */
  readonly reservedBytes: number
  readonly log: Log
}

export async function openFile(options: FileOptions): Promise<{ readonly file: FileHandle; readonly inode: number }> {
  ensureOwnerFile(options.path, options.log)
  const file = await open(options.path, "r+")
  return { file, inode: (await file.stat()).ino }
}

export async function reserve(file: FileHandle, options: FileOptions): Promise<void> {
  const zeros = Buffer.alloc(READ_BYTES)
  try {
    for (let { size } = await file.stat(); size < options.reservedBytes;) {
      const length = Math.min(zeros.length, options.reservedBytes - size)
      await writeAll(file, zeros.subarray(0, length), size)
      size += length
    }
    await file.datasync()
  } catch (error) {
    options.log.warn("no room to reserve for the spool; a full disk may cost calls", { file: options.path, error })
  }
}

export async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const step = await file.write(bytes, written, bytes.length - written, position + written)
    written += step.bytesWritten
  }
}
