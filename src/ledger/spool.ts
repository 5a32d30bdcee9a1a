/**
 * Finished calls on local disk, for the time that the database does not take them.
 * The file is written out in advance: a full disk still takes calls. A kill at any moment leaves whole lines
 * and at most one torn one at the end, which nobody was told of.
 */
import { type FileHandle, open, stat } from "node:fs/promises"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { ensureOwnerFile } from "../system/owner-only.ts"
import type { CallRecord } from "./record.ts"
import { decodeLine, encodeLine } from "./spool-line.ts"

export interface SpoolOptions {
  readonly path: string
  /** Written out at start. 0: the file is only as long as its lines. */
  readonly reservedBytes: number
  readonly maxBytes: number
  readonly clock: Clock
  readonly log: Log
}

/** A place in the spool. It means nothing any more once the file was emptied or replaced. */
export interface SpoolPosition {
  readonly generation: string
  readonly offset: number
}

export interface SpoolBatch {
  readonly calls: readonly CallRecord[]
  /** Behind its last line. */
  readonly end: SpoolPosition
}

const BLOCK_BYTES = 4096
const READ_BYTES = 1 << 20
const BATCH_CALLS = 64
const NEWLINE = 0x0a

export class Spool {
  readonly #options: SpoolOptions
  #file: FileHandle
  #inode: number
  #generation: string
  #tail: number
  /** Operations on the file follow one another. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(options: SpoolOptions, file: FileHandle, inode: number) {
    this.#options = options
    this.#file = file
    this.#inode = inode
    this.#generation = options.clock.now().toString(36)
    this.#tail = 0
  }

  /** Makes the file when it is missing, and finds the end of what an earlier process left. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { file, inode } = await openFile(options)
    const spool = new Spool(options, file, inode)
    for await (const { line, end } of linesOf(file, 0, () => Number.POSITIVE_INFINITY)) {
      const found = decodeLine(line)
      if (found === null || (spool.#tail > 0 && found.generation !== spool.#generation)) break
      spool.#generation = found.generation
      spool.#tail = end
    }
    await reserve(file, options)
    return spool
  }

  get isEmpty(): boolean {
    return this.#tail === 0
  }

  /** Of the calls in it. */
  get bytes(): number {
    return this.#tail
  }

  /** Resolves when the calls are on disk (fsync). Rejects when they are not. */
  append(calls: readonly CallRecord[]): Promise<void> {
    return this.#inTurn(async () => {
      await this.#stillThere()
      const lines = Buffer.concat(calls.map((call) => encodeLine(this.#generation, call)))
      if (this.#tail + lines.length > this.#options.maxBytes) throw new Error("the spool has reached its limit")
      await writeAll(this.#file, lines, this.#tail)
      await this.#file.datasync()
      this.#tail += lines.length
    })
  }

  /** Can the file be written? Rejects when it cannot. */
  async check(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#stillThere()
      await writeAll(this.#file, Buffer.alloc(1), this.#tail)
      await this.#file.datasync()
    })
  }

  get start(): SpoolPosition {
    return { generation: this.#generation, offset: 0 }
  }

  /** Is the position still one in this filling of the file? */
  isCurrent(position: SpoolPosition): boolean {
    return position.generation === this.#generation
  }

  /** Oldest first, from a position on, until the end as it stands when it is reached. */
  async *batches(from: SpoolPosition): AsyncGenerator<SpoolBatch> {
    const { generation } = from
    let calls: CallRecord[] = []
    let offset = from.offset
    // What stands behind the tail is being written, or is left from an earlier filling: never read it, not even ahead.
    const limit = (): number => (generation === this.#generation ? this.#tail : 0)
    for await (const { line, end } of linesOf(this.#file, offset, limit)) {
      const found = decodeLine(line)
      offset = end
      if (found?.generation !== generation) this.#options.log.error("a line of the spool is damaged", { offset })
      else calls.push(found.call)
      if (calls.length < BATCH_CALLS) continue
      yield { calls, end: { generation, offset } }
      calls = []
    }
    if (calls.length > 0) yield { calls, end: { generation, offset } }
  }

  /** Empties the file, unless there are calls behind `replayed`: then false. */
  async reset(replayed: SpoolPosition): Promise<boolean> {
    return await this.#inTurn(async () => {
      if (replayed.generation !== this.#generation || this.#tail > replayed.offset) return false
      await writeAll(this.#file, Buffer.alloc(BLOCK_BYTES), 0)
      if (this.#tail > this.#options.reservedBytes) await this.#file.truncate(this.#options.reservedBytes)
      await this.#file.datasync()
      this.#startOver()
      return true
    })
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#file.close())
  }

  #startOver(): void {
    const next = this.#options.clock.now().toString(36)
    this.#generation = next === this.#generation ? `${next}x` : next
    this.#tail = 0
  }

  /** Someone deleted or replaced the file: a new one, or calls would go nowhere. */
  async #stillThere(): Promise<void> {
    const { path, log } = this.#options
    const inode = await stat(path).then(
      (found) => found.ino,
      () => 0,
    )
    if (inode === this.#inode) return
    log.error("the spool file was moved or deleted; calls in it that were not replayed are gone", { file: path })
    const fresh = await openFile(this.#options)
    await this.#file.close()
    this.#file = fresh.file
    this.#inode = fresh.inode
    this.#startOver()
  }

  #inTurn<Result>(operation: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(operation)
    this.#last = result.catch(() => {})
    return result
  }
}

async function openFile(options: SpoolOptions): Promise<{ readonly file: FileHandle; readonly inode: number }> {
  ensureOwnerFile(options.path, options.log)
  const file = await open(options.path, "r+")
  return { file, inode: (await file.stat()).ino }
}

async function reserve(file: FileHandle, options: SpoolOptions): Promise<void> {
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

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const step = await file.write(bytes, written, bytes.length - written, position + written)
    written += step.bytesWritten
  }
}

/** Until the limit, the end of the file, or the first byte that was only reserved. */
async function* linesOf(
  file: FileHandle,
  from: number,
  limit: () => number,
): AsyncGenerator<{ readonly line: Buffer; readonly end: number }> {
  let rest: Buffer = Buffer.alloc(0)
  let position = from
  for (;;) {
    const wanted = Math.min(READ_BYTES, limit() - position - rest.length)
    if (wanted <= 0) return
    const chunk = Buffer.alloc(wanted)
    const { bytesRead } = await file.read(chunk, 0, wanted, position + rest.length)
    if (bytesRead === 0) return
    rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)])
    let start = 0
    for (let at = rest.indexOf(NEWLINE); at >= 0; at = rest.indexOf(NEWLINE, start)) {
      yield { line: rest.subarray(start, at), end: position + at + 1 }
      start = at + 1
    }
    position += start
    rest = rest.subarray(start)
    if (rest[0] === 0) return
  }
}
