/**
 * Which target holds the state behind an id, and for which project: response, conversation, thread, container, file and
 * item ids that answers handed out. The rows are written with the call that got the answer (`insert.ts`); this finds them
 * again, and takes away what has expired.
 */
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { StoredStateRow } from "./record.ts"
import { STORED_STATE } from "./tables/state.ts"

/** Where the state is. */
export type StoredPlace = Omit<StoredStateRow, "id_sha256">

export interface StoredStates {
  /** The places of those that are known and have not expired, by hash. Rejects where the database cannot be asked. */
  find(hashes: readonly string[]): Promise<ReadonlyMap<string, StoredPlace>>
  /** What was recorded: found at once from now on, whatever the database does. */
  remember(rows: readonly StoredStateRow[]): void
  /** The usage of a response in the background has its row. */
  booked(hash: string): Promise<void>
  /** The state is gone. */
  forget(hash: string): Promise<void>
}

/** A statement that returns rows, on whatever driver serves the ledger. */
export interface StoredStateDatabase {
  query<Row>(sql: string, parameters: readonly (string | number)[]): Row[] | Promise<Row[]>
}

/** Vendors keep responses for 30 days. https://platform.openai.com/docs/guides/your-data */
export const STORED_STATE_LIFETIME_MS: number = 30 * 86_400_000

const NAMES = Object.keys(STORED_STATE)
const COLUMNS = NAMES.join(", ")
/** Who gets an id again, gets it anew. */
export const STORED_STATE_CONFLICT: string = `ON CONFLICT (id_sha256) DO UPDATE SET ${NAMES.filter(
  (name) => name !== "id_sha256",
)
  .map((name) => `${name} = excluded.${name}`)
  .join(", ")}`

/** Ids are hashed with their project, so that nobody else's id leads anywhere. */
export function storedIdHash(project: string, kind: string, id: string): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([project, kind, id])).digest("hex")
}

interface Bounds {
  /** Rows in the database; the ones that expire first go first. */
  readonly maxRows: number
  /** Newest rows that are found without asking the database. */
  readonly remembered: number
  readonly sweepEveryMs: number
}

const BOUNDS: Bounds = { maxRows: 2_000_000, remembered: 20_000, sweepEveryMs: 600_000 }
/** Small enough that calls do not wait for a sweep. */
const SWEEP_ROWS = 500
const FIND_AT_ONCE = 200

export class StoredStateIndex implements StoredStates {
  readonly #database: StoredStateDatabase
  readonly #clock: Clock
  readonly #log: Log
  readonly #bounds: Bounds
  /** In order of arrival. */
  readonly #remembered = new Map<string, StoredPlace>()
  readonly #timer: Timer

  constructor(database: StoredStateDatabase, clock: Clock, log: Log, bounds: Partial<Bounds> = {}) {
    this.#database = database
    this.#clock = clock
    this.#log = log
    this.#bounds = { ...BOUNDS, ...bounds }
    this.#timer = clock.every(this.#bounds.sweepEveryMs, () => void this.sweep())
    this.#timer.unref()
  }

  async find(hashes: readonly string[]): Promise<ReadonlyMap<string, StoredPlace>> {
    const now = this.#clock.now()
    const found = new Map<string, StoredPlace>()
    const unknown: string[] = []
    for (const hash of hashes) {
      const place = this.#remembered.get(hash)
      if (place === undefined) unknown.push(hash)
      else if (place.expires_at > now) found.set(hash, place)
    }
    for (let at = 0; at < unknown.length; at += FIND_AT_ONCE) {
      const some = unknown.slice(at, at + FIND_AT_ONCE)
      const places = some.map(() => "?").join(",")
      const sql = `SELECT ${COLUMNS} FROM stored_state WHERE id_sha256 IN (${places}) AND expires_at > ?`
      for (const row of await this.#database.query<StoredStateRow>(sql, [...some, now])) found.set(row.id_sha256, row)
    }
    return found
  }

  remember(rows: readonly StoredStateRow[]): void {
    for (const row of rows) {
      this.#remembered.delete(row.id_sha256)
      this.#remembered.set(row.id_sha256, row)
    }
    while (this.#remembered.size > this.#bounds.remembered) {
      const [oldest] = this.#remembered.keys()
      if (oldest === undefined) return
      this.#remembered.delete(oldest)
    }
  }

  async booked(hash: string): Promise<void> {
    this.#remembered.delete(hash)
    const sql = "UPDATE stored_state SET usage_pending = 0 WHERE id_sha256 = ? RETURNING id_sha256"
    await this.#database.query(sql, [hash])
  }

  async forget(hash: string): Promise<void> {
    this.#remembered.delete(hash)
    await this.#database.query("DELETE FROM stored_state WHERE id_sha256 = ? RETURNING id_sha256", [hash])
  }

  /** Takes away what has expired, and beyond the bound what expires first. Never rejects: what stays goes next time. */
  async sweep(): Promise<void> {
    try {
      while ((await this.#sweepSome("expires_at <= ?", this.#clock.now())) === SWEEP_ROWS) await this.#clock.sleep(1)
      const [counted] = await this.#database.query<{ readonly rows: number | string }>(
        "SELECT count(*) AS rows FROM stored_state",
        [],
      )
      for (let more = Number(counted?.rows ?? 0) - this.#bounds.maxRows; more > 0; more -= SWEEP_ROWS) {
        await this.#sweepSome("1 = ?", 1, Math.min(more, SWEEP_ROWS))
        await this.#clock.sleep(1)
      }
    } catch (error) {
      this.#log.warn("ids of stored state that have expired could not be taken away yet", { error })
    }
  }

  close(): void {
    this.#timer.close()
  }

  async #sweepSome(where: string, value: number, limit = SWEEP_ROWS): Promise<number> {
    const oldest = `SELECT id_sha256 FROM stored_state WHERE ${where} ORDER BY expires_at LIMIT ${limit}`
    const sql = `DELETE FROM stored_state WHERE id_sha256 IN (${oldest}) RETURNING id_sha256`
    return (await this.#database.query(sql, [value])).length
  }
}
