/** A file that is only appended to, starts anew at a size, and comes back when someone moves or deletes it. */
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises"
import { dirname } from "node:path"
import type { Log } from "../system/log.ts"
import { ensureOwnerFile, ensureOwnerFolder, narrowFile } from "../system/owner-only.ts"

const NEWLINE = 0x0a

interface OpenFile {
  readonly handle: FileHandle
  readonly inode: number
}

export class RotatingFile {
  readonly #path: string
  /** 0: no limit. */
  readonly #maxBytes: number
  readonly #keep: number
  readonly #log: Log
  #file: OpenFile | null = null
  /** What is there ends within a line: a kill or a full disk cut it off. */
  #isTorn = false

  constructor(path: string, maxBytes: number, keep: number, log: Log) {
    this.#path = path
    this.#maxBytes = maxBytes
    this.#keep = keep
    this.#log = log
    ensureOwnerFolder(dirname(path), log)
    ensureOwnerFile(path, log)
    for (let number = 1; number <= keep; number += 1) narrowFile(this.#rotated(number), log)
  }

  /** All of the text or, when this rejects, nothing of it. One at a time. */
  async append(text: string): Promise<void> {
    let { handle, size } = await this.#current()
    const bytes = Buffer.from(this.#isTorn ? `\n${text}` : text)
    if (this.#maxBytes > 0 && size > 0 && size + bytes.length > this.#maxBytes) {
      await this.#rotate()
      ;({ handle, size } = await this.#current())
    }
    try {
      await handle.appendFile(bytes)
      this.#isTorn = false
    } catch (error) {
      await handle.truncate(size).catch(() => {})
      throw error
    }
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.handle.close()
  }

  /** The file that stands at the path now: whoever rotates logs from outside just renames it. */
  async #current(): Promise<{ readonly handle: FileHandle; readonly size: number }> {
    const found = await stat(this.#path).catch(() => null)
    if (this.#file !== null && found !== null && found.ino === this.#file.inode) {
      return { handle: this.#file.handle, size: found.size }
    }
    await this.close()
    ensureOwnerFolder(dirname(this.#path), this.#log)
    ensureOwnerFile(this.#path, this.#log)
    const handle = await open(this.#path, "a+")
    const { ino, size } = await handle.stat()
    this.#file = { handle, inode: ino }
    this.#isTorn = size > 0 && !(await endsLine(handle, size))
    return { handle, size }
  }

  /** `path` becomes `path.1`, `path.1` becomes `path.2`, and what is beyond `keep` goes. */
  async #rotate(): Promise<void> {
    await this.close()
    try {
      await rm(this.#rotated(this.#keep), { force: true })
      for (let number = this.#keep - 1; number >= 0; number -= 1) {
        await rename(this.#rotated(number), this.#rotated(number + 1)).catch(onlyMissing)
      }
    } catch (error) {
      this.#log.warn("the request log is not rotated", { error })
    }
  }

  #rotated(number: number): string {
    return number === 0 ? this.#path : `${this.#path}.${number}`
  }
}

async function endsLine(handle: FileHandle, size: number): Promise<boolean> {
  const last = Buffer.alloc(1)
  await handle.read(last, 0, 1, size - 1)
  return last[0] === NEWLINE
}

function onlyMissing(error: unknown): void {
  if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error
}
