/**
 * Who was refused, and what administrators did: rows of `security_access_events`. Equal events of a minute are one row with
 * a count, so that a flood of refusals is a few rows. They are written beside the calls, once a second: a process that is
 * killed loses those of its last second.
 */
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { type RowOf, type Scalar, valuesFrom } from "./column.ts"
import type { SECURITY_ACCESS_EVENTS } from "./tables/security.ts"
import { SECURITY_EVENTS as TABLE } from "./tables.ts"

export type SecurityEventRow = RowOf<typeof SECURITY_ACCESS_EVENTS>

/** What happened; the record itself counts it. */
export type SecurityEvent = Omit<SecurityEventRow, "event_id" | "ts" | "last_ts" | "count">

export interface SecurityRecord {
  /** @returns whether it is the first of its kind in this minute */
  note(event: SecurityEvent): boolean
}

export interface KeptSecurityRecord extends SecurityRecord {
  /** Deletes what happened before that time (Unix milliseconds), in small batches. Never rejects: what stays goes next time. */
  forget(beforeMs: number): Promise<void>
}

interface Database {
  query<Row>(sql: string, parameters: readonly Scalar[]): Row[] | Promise<Row[]>
}

interface Kept {
  row: SecurityEventRow
  isWritten: boolean
}

const FLUSH_MS = 1000
const MINUTE_MS = 60_000
/** Kinds of events in memory. Whatever comes beyond is counted without address, client, path and token. */
const MOST_KINDS = 1000
/** While the database takes none: the oldest go. */
const MOST_WAITING = 10_000
const ROWS_AT_ONCE = 50
/** Some milliseconds' work. */
const FORGOTTEN_AT_ONCE = 200

const NAMES = Object.keys(TABLE.columns)
const VALUES = valuesFrom(TABLE.columns)

export class SecurityEvents implements KeptSecurityRecord {
  readonly #database: Database
  readonly #clock: Clock
  readonly #log: Log
  readonly #timer: Timer
  /** Those of the minute that is not over, by kind. */
  readonly #open = new Map<string, Kept>()
  /** Those that are over and not written. */
  #waiting: SecurityEventRow[] = []
  #flushing: Promise<void> = Promise.resolve()
  #number = 0
  #isAway = false

  constructor(database: Database, clock: Clock, log: Log) {
    this.#database = database
    this.#clock = clock
    this.#log = log
    this.#timer = clock.every(FLUSH_MS, () => void this.flush())
    this.#timer.unref()
  }

  note(event: SecurityEvent): boolean {
    const now = this.#clock.now()
    const kept = this.#open.size < MOST_KINDS ? event : withoutDetails(event)
    const { request_id: _, ...kind } = kept
    const key = JSON.stringify(kind)
    const known = this.#open.get(key)
    if (known !== undefined && now - known.row.ts < MINUTE_MS) {
      known.row = { ...known.row, last_ts: now, count: known.row.count + 1 }
      known.isWritten = false
      return false
    }
    if (known !== undefined && !known.isWritten) this.#wait(known.row)
    this.#number += 1
    const row = { ...kept, event_id: this.#idOf(event.request_id, now), ts: now, last_ts: now, count: 1 }
    this.#open.set(key, { row, isWritten: false })
    return true
  }

  async forget(beforeMs: number): Promise<void> {
    const sql = `DELETE FROM security_access_events WHERE event_id IN
      (SELECT event_id FROM security_access_events WHERE event_id < ? ORDER BY event_id LIMIT ${FORGOTTEN_AT_ONCE}) RETURNING event_id`
    try {
      for (;;) {
        const begunMs = this.#clock.monotonicMs()
        const gone = await this.#database.query(sql, [idAt(beforeMs)])
        if (gone.length < FORGOTTEN_AT_ONCE) return
        // as long as the batch took: others come to it
        await this.#clock.sleep(Math.max(1, this.#clock.monotonicMs() - begunMs))
      }
    } catch (error) {
      this.#log.warn("security events that are older than they are kept could not be deleted yet", { error })
    }
  }

  /** Never rejects: what cannot be written now is written later. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flush())
    return this.#flushing
  }

  async close(): Promise<void> {
    this.#timer.close()
    await this.flush()
  }

  /** Of the time, of the place among those of this process, and of the request that began it. */
  #idOf(requestId: string, now: number): string {
    return `${idAt(now)}${(this.#number % 0x10000).toString(16).padStart(4, "0")}${requestId.slice(-16)}`
  }

  #wait(row: SecurityEventRow): void {
    this.#waiting.push(row)
    if (this.#waiting.length <= MOST_WAITING) return
    this.#waiting.shift()
    this.#log.warn("a security event is lost: the usage database does not take any, and too many wait")
  }

  async #flush(): Promise<void> {
    const now = this.#clock.now()
    try {
      while (this.#waiting.length > 0) {
        const some = this.#waiting.slice(0, ROWS_AT_ONCE)
        await this.#write(some)
        this.#waiting = this.#waiting.slice(some.length)
      }
      const unwritten = [...this.#open.values()].filter(({ isWritten }) => !isWritten)
      for (let from = 0; from < unwritten.length; from += ROWS_AT_ONCE) {
        const some = unwritten.slice(from, from + ROWS_AT_ONCE).map((kept) => ({ kept, row: kept.row }))
        await this.#write(some.map(({ row }) => row))
        for (const { kept, row } of some) if (kept.row === row) kept.isWritten = true
      }
      this.#isAway = false
    } catch (error) {
      if (!this.#isAway) this.#log.warn("security events wait for the usage database", { error })
      this.#isAway = true
    }
    for (const [key, { row, isWritten }] of this.#open) {
      if (now - row.ts < MINUTE_MS) continue
      if (!isWritten) this.#wait(row)
      this.#open.delete(key)
    }
  }

  async #write(rows: readonly SecurityEventRow[]): Promise<void> {
    const values = rows.flatMap((row) => VALUES(row, row.request_id))
    const places = rows.map(() => `(${NAMES.map(() => "?").join(",")})`).join(",")
    const sql = `INSERT INTO security_access_events (${NAMES.join(",")}) VALUES ${places}
      ON CONFLICT (event_id) DO UPDATE SET last_ts = excluded.last_ts, count = excluded.count RETURNING event_id`
    await this.#database.query(sql, values)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** How ids of that millisecond begin. */
function idAt(ms: number): string {
  return `sec_${Math.max(0, ms).toString(16).padStart(12, "0")}`
}

function withoutDetails(event: SecurityEvent): SecurityEvent {
  return {
    ...event,
    http_method: "other",
    path_template: "other",
    token_id: null,
    client: "other",
    ip_address: null,
    requested_model: null,
  }
}
