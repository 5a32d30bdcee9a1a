/**
 * Finished calls on local disk, for the time that the database does not take them.
 * The file is written out in advance: a full disk still takes calls. A kill at any moment leaves whole lines
 * and at most one torn one at the end, which no client was told of. Whatever else was done to the file, its whole lines
 * are read; a file with damaged places is kept under another name once they are replayed.
 */
import { existsSync } from "node:fs"
import { type FileHandle, rename, rm, stat } from "node:fs/promises"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { CallRecord } from "./record.ts"
import { decodeLine, encodeLine, salvage } from "./spool-line.ts"
import { openFile, reserve, writeAll } from "./spool-file.ts"
import { piecesOf, READ_BYTES } from "./spool-pieces.ts"

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

const BATCH_CALLS = 64
/** So that a database under load answers in time; a single call may be larger. */
const BATCH_BYTES = 1 << 20

export class Spool {
  readonly #options: SpoolOptions
  #file: FileHandle
  #inode: number
  #generation: string
  #tail: number
  /** Places in this filling where bytes are no whole line. */
  #damagedPlaces = 0
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
    await spool.#findEnd()
    await reserve(file, options)
    return spool
  }

  get isEmpty(): boolean {
    return this.#tail === 0
  }

  /** Bytes in it are no whole line. */
  get isDamaged(): boolean {
    return this.#damagedPlaces > 0
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
      try {
        await writeAll(this.#file, lines, this.#tail)
        await this.#file.datasync()
      } catch (error) {
        // a shorter line would leave the end of this one behind it, which looks like damage
        await this.#wipe(this.#tail + lines.length, this.#tail).catch(() => {})
        throw error
      }
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

  /**
   * Oldest first, from a position on, until the end as it stands when it is reached. Damaged places are passed over, so
   * that a batch may be empty.
   */
  async *batches(from: SpoolPosition): AsyncGenerator<SpoolBatch> {
    const { generation } = from
    let calls: CallRecord[] = []
    let bytes = 0
    let { offset } = from
    // What stands behind the tail is being written: never read it, not even ahead.
    const limit = (): number => (generation === this.#generation ? this.#tail : 0)
    for await (const piece of piecesOf(this.#file, offset, limit)) {
      if (generation !== this.#generation) return
      const { lines, isDamaged } = salvage(piece.bytes)
      const found = lines.flatMap((line) => decodeLine(line)?.call ?? [])
      if (isDamaged || found.length < lines.length) this.#noteDamage(piece.start)
      calls.push(...found)
      bytes += piece.bytes.length
      offset = piece.end
      if (calls.length < BATCH_CALLS && bytes < BATCH_BYTES) continue
      yield { calls, end: { generation, offset } }
      calls = []
      bytes = 0
    }
    if (generation === this.#generation && offset > from.offset) yield { calls, end: { generation, offset } }
  }

  /** Empties the file, unless there are calls behind `replayed`: then false. A damaged file is kept under another name. */
  async reset(replayed: SpoolPosition): Promise<boolean> {
    return await this.#inTurn(async () => {
      if (replayed.generation !== this.#generation || this.#tail > replayed.offset) return false
      if (this.isDamaged) await this.#replace()
      else await this.#wipe(this.#tail)
      this.#startOver()
      return true
    })
  }

  /** The file is not needed any more: it goes, or, where it is damaged, is kept under another name. Closes it. */
  async retire(): Promise<void> {
    await this.close()
    if (this.isDamaged) await this.#keepAside()
    else await rm(this.#options.path)
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#file.close())
  }

  /** Behind the last whole line, and behind damaged ones. What a kill tore off there, no client was told of. */
  async #findEnd(): Promise<void> {
    let end = 0
    let firstDamage = -1
    let isOpen = false
    for await (const { bytes, start, end: next, isEnded } of piecesOf(this.#file, 0, () => Number.POSITIVE_INFINITY)) {
      const { lines, isDamaged } = salvage(bytes)
      const isTorn = !isEnded && lines.length === 0
      // zeros between lines were written over others
      if (start > end || (isDamaged && !isTorn)) {
        this.#damagedPlaces += 1
        if (firstDamage < 0) firstDamage = end
      }
      end = next
      isOpen = !isEnded
      if (!isTorn || this.isDamaged) this.#tail = end
    }
    if (this.isDamaged) this.#tellDamage({ places: this.#damagedPlaces, first_at: firstDamage })
    if (end > this.#tail) await this.#dropTorn(end)
    else if (isOpen) await this.#endLine()
  }

  async #dropTorn(end: number): Promise<void> {
    const { path: file, log } = this.#options
    const facts = { file, at: this.#tail, bytes: end - this.#tail }
    log.warn("the spool ends with a torn line, which is passed over", facts)
    await this.#wipe(end, this.#tail)
  }

  /** So that the next line begins behind what stands there. */
  async #endLine(): Promise<void> {
    await writeAll(this.#file, Buffer.from("\n"), this.#tail)
    this.#tail += 1
  }

  /** Found while it is read: after its opening. */
  #noteDamage(at: number): void {
    if (this.isDamaged) return
    this.#damagedPlaces = 1
    this.#tellDamage({ places: 1, first_at: at })
  }

  #tellDamage(where: { readonly places: number; readonly first_at: number }): void {
    const { path: file, log } = this.#options
    const message =
      "the spool is damaged: calls in its damaged places are lost, all others are replayed; the file is kept"
    log.error(message, { file, ...where })
  }

  /** From the end to the beginning: a kill in between leaves the lines before, and nothing that looks like damage. */
  async #wipe(to: number, from = 0): Promise<void> {
    const kept = Math.max(from, this.#options.reservedBytes)
    if (to > kept) await this.#file.truncate(kept)
    const zeros = Buffer.alloc(Math.min(READ_BYTES, to - from))
    for (let end = Math.min(to, kept); end > from;) {
      const start = Math.max(from, end - zeros.length)
      await writeAll(this.#file, zeros.subarray(0, end - start), start)
      end = start
    }
    await this.#file.datasync()
  }

  async #replace(): Promise<void> {
    const { path, log } = this.#options
    const fresh = await openFile({ ...this.#options, path: `${path}.next` })
    const kept = await this.#keepAside()
    await rename(`${path}.next`, path)
    log.error("the whole lines of the damaged spool are in the usage database; the file was put aside", { file: kept })
    await this.#file.close()
    this.#file = fresh.file
    this.#inode = fresh.inode
    await reserve(fresh.file, this.#options)
  }

  async #keepAside(): Promise<string> {
    const { path } = this.#options
    let number = 1
    while (existsSync(`${path}.damaged.${number}`)) number += 1
    const kept = `${path}.damaged.${number}`
    await rename(path, kept)
    return kept
  }

  #startOver(): void {
    const next = this.#options.clock.now().toString(36)
    this.#generation = next === this.#generation ? `${next}x` : next
    this.#tail = 0
    this.#damagedPlaces = 0
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
