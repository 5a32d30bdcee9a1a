/** The request log: one JSON line per call, written beside the calls and never in their way. */
import type { CallRecord } from "../ledger/record.ts"
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { lineOf } from "./line.ts"
import { RotatingFile } from "./rotating-file.ts"

export interface RequestLogOptions {
  readonly path: string
  /** The file is rotated before it passes this size (MiB) and renamed to `path.1`; 0: never. */
  readonly rotateMb: number
  /** How many rotated files are kept. */
  readonly keep: number
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<RequestLogLimits> | undefined
}

export interface RequestLogLimits {
  readonly flushMs: number
  /** So much is written without waiting for the time. */
  readonly flushChars: number
  /** So much may wait while the disk stalls; further lines are dropped and counted. */
  readonly maxChars: number
}

export interface RequestLog {
  /** Never throws, never waits. */
  write(call: CallRecord): void
  /** Lines that did not get onto disk since the start. */
  dropped(): number
  /** Writes what is buffered, then closes the file. */
  close(): Promise<void>
}

const LIMITS: RequestLogLimits = { flushMs: 250, flushChars: 262_144, maxChars: 8 << 20 }
const MIB = 1_048_576

export function openRequestLog(options: RequestLogOptions): RequestLog {
  const { path, rotateMb, keep, clock, log } = options
  const file = new RotatingFile(path, rotateMb * MIB, keep, log)
  const buffer = new LineBuffer(file, clock, log, { ...LIMITS, ...options.limits })
  return {
    write: (call) => buffer.add(lineOf(call)),
    dropped: () => buffer.dropped,
    close: () => buffer.close(),
  }
}

class LineBuffer {
  readonly #file: RotatingFile
  readonly #clock: Clock
  readonly #log: Log
  readonly #limits: RequestLogLimits
  /** Whole lines; the last piece still grows. */
  #pieces: string[] = []
  #chars = 0
  #timer: Timer | null = null
  #isHurried = false
  #writing: Promise<void> | null = null
  #isFailing = false
  #isClosed = false
  dropped = 0

  constructor(file: RotatingFile, clock: Clock, log: Log, limits: RequestLogLimits) {
    this.#file = file
    this.#clock = clock
    this.#log = log
    this.#limits = limits
  }

  add(line: string): void {
    if (this.#isClosed || this.#chars + line.length > this.#limits.maxChars) {
      this.dropped += 1
      return
    }
    const last = this.#pieces.length - 1
    const piece = this.#pieces[last]
    if (piece === undefined || piece.length >= this.#limits.flushChars) this.#pieces.push(line)
    else this.#pieces[last] = piece + line
    this.#chars += line.length
    if (this.#writing !== null) return
    if (this.#timer === null) this.#schedule(this.#limits.flushMs)
    else if (this.#chars >= this.#limits.flushChars && !this.#isHurried && !this.#isFailing) this.#hurry()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#writing
    await this.#flush()
    await this.#file.close()
  }

  #schedule(afterMs: number): void {
    this.#timer = this.#clock.after(afterMs, () => void this.#flush())
    this.#timer.unref()
  }

  #hurry(): void {
    this.#isHurried = true
    this.#cancel()
    this.#schedule(0)
  }

  #cancel(): void {
    this.#timer?.close()
    this.#timer = null
    this.#isHurried = false
  }

  async #flush(): Promise<void> {
    this.#cancel()
    this.#writing = this.#writeAll()
    await this.#writing
    this.#writing = null
    if (this.#chars > 0 && !this.#isClosed) this.#schedule(this.#limits.flushMs)
  }

  /** Never rejects: what the disk does not take stays in the buffer. */
  async #writeAll(): Promise<void> {
    const pieces = this.#pieces
    this.#pieces = []
    try {
      for (let piece = pieces[0]; piece !== undefined; piece = pieces[0]) {
        await this.#file.append(piece)
        pieces.shift()
        this.#chars -= piece.length
      }
      if (this.#isFailing) this.#log.info("the request log is written again", { dropped: this.dropped })
      this.#isFailing = false
    } catch (error) {
      if (!this.#isFailing) this.#log.error("the request log cannot be written", { error })
      this.#isFailing = true
      this.#pieces = [...pieces, ...this.#pieces]
    }
  }
}
