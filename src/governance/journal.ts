/**
 * Reservations of calls in flight, written down so that a crash forgets none: a call is closed by its row in the ledger,
 * so what stands here without a row was cut off and is settled at what it had reserved.
 *
 * Lines are appended once per turn of the event loop, without a sync: they outlive the process like the ledger's own
 * commits (write-ahead log, `synchronous=NORMAL`), and like these the last ones may fall to a power cut. No call goes
 * upstream before its line is written. Lines go to numbered segments; one whose calls are all closed is deleted.
 */
import { closeSync, ftruncateSync, readdirSync, readFileSync, renameSync, unlinkSync, writeSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import type { Log } from "../system/log.ts"
import { openOwnerFile } from "../system/owner-only.ts"

const SEGMENT_BYTES = 4 << 20

/** What an orphan's row is made of. */
export interface Reservation {
  readonly request_id: string
  readonly ts: number
  readonly caller_id: string
  readonly caller_user: string
  readonly caller_project: string
  readonly caller_environment: string
  readonly token_id: string
  readonly inbound_dialect: string
  readonly requested_model: string
  readonly resolved_group: string
  readonly strategy: string
  readonly stream: 0 | 1
  readonly input_tokens: number
  readonly output_tokens: number
  readonly nano_usd: number
}

class Segment {
  readonly path: string
  readonly file: number
  bytes = 0
  open = 0

  constructor(path: string) {
    this.path = path
    this.file = openOwnerFile(path)
  }
}

export class Journal {
  readonly #path: string
  readonly #log: Log
  readonly #segmentBytes: number
  #number: number
  #segment: Segment
  #pending = ""
  #scheduled = false
  /** Of those that wait for the lines of this turn. */
  #turn: PromiseWithResolvers<void> | null = null
  #failing = false
  readonly #homes = new Map<string, Segment>()

  /** `path` is completed by the segments' numbers. Those that are there already are left to `orphans` and `forget`. */
  constructor(path: string, log: Log, segmentBytes: number = SEGMENT_BYTES) {
    this.#path = path
    this.#log = log
    this.#segmentBytes = segmentBytes
    this.#number = Math.max(0, ...segmentsOf(path).map(numberOf)) + 1
    this.#segment = new Segment(`${path}.${this.#number}`)
  }

  /** Reservations are written down, as far as is known. */
  get isUp(): boolean {
    return !this.#failing
  }

  /** Calls whose reservations stand in it and that have no row yet. */
  get openCalls(): number {
    return this.#homes.size
  }

  /** A call was admitted, or reserved more: then everything anew. */
  open(reservation: Reservation): void {
    const id = reservation.request_id
    if (!this.#homes.has(id)) {
      this.#homes.set(id, this.#segment)
      this.#segment.open += 1
    }
    this.#pending += lineOf(reservation)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#flush)
  }

  /**
   * To be asked in the turn in which a call was opened. Null: its line is written. Rejects with the fault of the file
   * system where it cannot be written: the call would be forgotten by a crash.
   */
  written(): Promise<void> | null {
    if (this.#pending === "") return null
    this.#turn ??= Promise.withResolvers()
    return this.#turn.promise
  }

  /** The call's row is safe. */
  close(id: string): void {
    const segment = this.#homes.get(id)
    if (segment === undefined) return
    this.#homes.delete(id)
    segment.open -= 1
    if (segment.open === 0 && segment !== this.#segment) this.#drop(segment)
  }

  /** At an orderly end nothing is open, and nothing stays. */
  end(): void {
    this.#flush()
    closeSync(this.#segment.file)
    if (this.#segment.open === 0) remove(this.#segment.path)
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    const lines = this.#pending
    if (lines === "") return
    const turn = this.#turn
    this.#pending = ""
    this.#turn = null
    try {
      append(this.#segment, lines)
      this.#failing = false
      turn?.resolve()
    } catch (error) {
      if (!this.#failing) this.#log.error("reservations cannot be written down", { error })
      this.#failing = true
      turn?.reject(error)
    }
    if (this.#segment.bytes >= this.#segmentBytes) this.#rotate()
  }

  #rotate(): void {
    const full = this.#segment
    try {
      this.#segment = new Segment(`${this.#path}.${this.#number + 1}`)
      this.#number += 1
    } catch (error) {
      this.#log.error("no new file for reservations", { error })
      return
    }
    if (full.open === 0) this.#drop(full)
  }

  #drop(segment: Segment): void {
    closeSync(segment.file)
    remove(segment.path)
  }
}

/** All of the lines or, where they cannot be written, nothing of them: half a line would spoil the next. */
function append(segment: Segment, lines: string): void {
  const bytes = Buffer.from(lines)
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(segment.file, bytes, at)
  } catch (error) {
    ftruncateSync(segment.file, segment.bytes)
    throw error
  }
  segment.bytes += bytes.length
}

export interface Orphans {
  /** The last line of each call. */
  readonly calls: readonly Reservation[]
  /** Once they have rows. Damaged files are kept under another name. */
  forget(): void
}

/** What an earlier process left. Files with damaged lines are told, and their whole lines count. */
export function orphansOf(path: string, log: Log): Orphans {
  const files = segmentsOf(path).toSorted((left, right) => numberOf(left) - numberOf(right))
  const calls = new Map<string, Reservation>()
  const damaged = new Set<string>()
  for (const file of files) {
    const lines = readFileSync(file, "utf8").split("\n")
    // what follows the last newline was torn off by a kill: its call had not got further than here
    lines.pop()
    const found = lines.map(parsed)
    for (const call of found) if (call !== null) calls.set(call.request_id, call)
    const bad = found.filter((call) => call === null).length
    if (bad === 0) continue
    damaged.add(file)
    const message =
      "the reservations of an earlier process are damaged: calls on damaged lines get no row; the file is kept"
    log.error(message, { file: keptName(file), lines: bad, first: found.indexOf(null) + 1 })
  }
  return {
    calls: [...calls.values()],
    forget: () => files.forEach((file) => (damaged.has(file) ? keep(file) : remove(file))),
  }
}

function lineOf(reservation: Reservation): string {
  const json = JSON.stringify(reservation)
  return `${checksum(json)} ${json}\n`
}

function checksum(text: string): string {
  return String(Bun.hash.crc32(text))
}

function parsed(line: string): Reservation | null {
  const space = line.indexOf(" ")
  const json = line.slice(space + 1)
  return space > 0 && line.slice(0, space) === checksum(json) ? (JSON.parse(json) as Reservation) : null
}

function keptName(file: string): string {
  return `${file}.damaged`
}

function keep(file: string): void {
  try {
    renameSync(file, keptName(file))
  } catch {
    // it is gone already
  }
}

function segmentsOf(path: string): readonly string[] {
  const prefix = `${basename(path)}.`
  try {
    return readdirSync(dirname(path))
      .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
      .map((name) => join(dirname(path), name))
  } catch {
    return []
  }
}

function numberOf(file: string): number {
  return Number(file.slice(file.lastIndexOf(".") + 1))
}

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // it is gone already
  }
}
