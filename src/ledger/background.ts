/**
 * Responses that are made in the background and whose usage no row has yet. Each stands in the database from the
 * transaction of its call until that of the row that books it, so that no restart forgets one and none is booked twice.
 */
import type { Clock } from "../system/clock.ts"
import type { LedgerDatabase } from "./database.ts"
import type { BackgroundRow } from "./record.ts"
import { BACKGROUND_RESPONSES } from "./tables/state.ts"

export interface BackgroundResponses {
  /** Those that are due, the longest due first. */
  due(): Promise<readonly BackgroundRow[]>
  /** Whoever gets one of them may ask its target: nobody else does until it is due again. */
  claim(requestIds: readonly string[]): Promise<readonly BackgroundRow[]>
  /** When the next one is due, Unix milliseconds; null: there is none. */
  nextDue(): Promise<number | null>
  /** Null: it is booked. */
  find(requestId: string): Promise<BackgroundRow | null>
}

/** When the target is asked for the first time. */
export const FIRST_POLL_MS = 1000
/** Whoever has waited long can wait a little longer: a quarter of the age, at most so long. */
const SLOWEST_POLL_MS = 300_000
const AGE_SHARE = 4

const NAMES = Object.keys(BACKGROUND_RESPONSES).join(", ")
const DUE = `SELECT ${NAMES} FROM background_responses WHERE next_poll_at <= ?1 ORDER BY next_poll_at LIMIT 256`
const CLAIM = `UPDATE background_responses SET next_poll_at = CAST(?1 AS BIGINT) + CASE
    WHEN ?1 - ts > ${(SLOWEST_POLL_MS - FIRST_POLL_MS) * AGE_SHARE} THEN ${SLOWEST_POLL_MS}
    ELSE ${FIRST_POLL_MS} + (?1 - ts) / ${AGE_SHARE} END
  WHERE next_poll_at <= ?1 AND request_id IN `

export function backgroundResponses(database: LedgerDatabase, clock: Clock): BackgroundResponses {
  return {
    due: async () => database.query<BackgroundRow>(DUE, [clock.now()]),
    claim: async (requestIds) => {
      const places = requestIds.map((_, index) => `?${index + 2}`).join(", ")
      const sql = `${CLAIM} (${places}) RETURNING ${NAMES}`
      return database.query<BackgroundRow>(sql, [clock.now(), ...requestIds])
    },
    nextDue: async () => {
      const sql = "SELECT min(next_poll_at) AS due FROM background_responses"
      const [first] = await database.query<{ readonly due: number | null }>(sql, [])
      return first?.due ?? null
    },
    find: async (requestId) => {
      const sql = `SELECT ${NAMES} FROM background_responses WHERE request_id = ?1`
      const [found] = await database.query<BackgroundRow>(sql, [requestId])
      return found ?? null
    },
  }
}
