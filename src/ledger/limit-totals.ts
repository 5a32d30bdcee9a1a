/** What callers and projects have used, for limits that are counted in memory: read once, when a count begins. */
import type { LedgerDatabase } from "./database.ts"

export interface UsedAmounts {
  readonly requests: number
  readonly tokens: number
  readonly nanoUsd: number
}

export interface CallerTotals {
  readonly callerId: string
  /** Empty for calls of earlier versions. */
  readonly project: string
  readonly day: UsedAmounts
  readonly month: UsedAmounts
  readonly lifetimeTokens: number
}

/** Of one call. */
export interface CallAmounts extends UsedAmounts {
  readonly requests: 0 | 1
}

/** A call of the last minute. */
export interface RecentCall {
  readonly callerId: string
  readonly project: string
  readonly ts: number
  readonly tokens: number
}

export interface LimitTotals {
  readonly totals: readonly CallerTotals[]
  readonly recent: readonly RecentCall[]
}

const HOUR_MS = 3_600_000
const DAY_HOURS = 24
/** What a rolling minute may still count. */
const RECENT_MS = 61_000

/** As doubles, because PostgreSQL adds whole numbers up to something that is no number here; exact up to 2^53. */
const sum = (column: string, since?: string): string =>
  `SUM(CAST(${since === undefined ? column : `CASE WHEN hour >= ${since} THEN ${column} ELSE 0 END`} AS DOUBLE PRECISION))`

const TOTALS = `SELECT caller_id, caller_project,
  ${sum("sent_requests", "?1")} AS day_requests,
  ${sum("limit_tokens", "?1")} AS day_tokens,
  ${sum("limit_nano_usd", "?1")} AS day_nano_usd,
  ${sum("sent_requests", "?2")} AS month_requests,
  ${sum("limit_tokens", "?2")} AS month_tokens,
  ${sum("limit_nano_usd", "?2")} AS month_nano_usd,
  ${sum("limit_tokens")} AS lifetime_tokens
FROM usage_rollup_hourly WHERE hour >= ?3 GROUP BY caller_id, caller_project`

const RECENT = `SELECT caller_id, caller_project, ts, coalesce(limit_tokens, total_tokens, 0) AS tokens FROM request_usage
WHERE request_id >= ?1 AND ts >= ?2 AND attempts > 0 AND books_request_id IS NULL`

const USED_BY = `SELECT request_id, attempts, coalesce(limit_tokens, total_tokens, 0) AS tokens,
  coalesce(limit_nano_usd, total_cost_nano_usd, 0) AS nano_usd
FROM request_usage WHERE request_id IN `

interface TotalsRow {
  readonly caller_id: string
  readonly caller_project: string
  readonly day_requests: number
  readonly day_tokens: number
  readonly day_nano_usd: number
  readonly month_requests: number
  readonly month_tokens: number
  readonly month_nano_usd: number
  readonly lifetime_tokens: number
}

interface UsedRow {
  readonly request_id: string
  readonly attempts: number
  readonly tokens: number
  readonly nano_usd: number
}

interface RecentRow {
  readonly caller_id: string
  readonly caller_project: string
  readonly ts: number
  readonly tokens: number
}

/** `ofLifetime`: all hours are read, else those of the month of `nowMs`. */
export async function limitTotals(database: LedgerDatabase, nowMs: number, ofLifetime: boolean): Promise<LimitTotals> {
  const now = new Date(nowMs)
  const day = Math.floor(nowMs / HOUR_MS / DAY_HOURS) * DAY_HOURS
  const month = Date.UTC(now.getUTCFullYear(), now.getUTCMonth()) / HOUR_MS
  const from = ofLifetime ? 0 : month
  const sinceMs = nowMs - RECENT_MS
  const totals = await database.query<TotalsRow>(TOTALS, [day, month, from])
  const recent = await database.query<RecentRow>(RECENT, [firstIdOf(sinceMs), sinceMs])
  return {
    totals: totals.map(totalsOf),
    recent: recent.map((row) => ({
      callerId: row.caller_id,
      project: row.caller_project,
      ts: row.ts,
      tokens: row.tokens,
    })),
  }
}

/** Calls without rows are left out. */
export async function usedBy(
  database: LedgerDatabase,
  requestIds: readonly string[],
): Promise<ReadonlyMap<string, CallAmounts>> {
  const places = requestIds.map((_, index) => `?${index + 1}`).join(", ")
  const rows = requestIds.length === 0 ? [] : await database.query<UsedRow>(`${USED_BY}(${places})`, requestIds)
  return new Map(
    rows.map((row) => [
      row.request_id,
      {
        requests: row.attempts > 0 ? 1 : 0,
        tokens: row.tokens,
        nanoUsd: row.nano_usd,
      },
    ]),
  )
}

/** Ids begin with their millisecond, so a range of them is a range of time. */
function firstIdOf(sinceMs: number): string {
  return `req_${Math.max(0, sinceMs).toString(16).padStart(12, "0")}`
}

function totalsOf(row: TotalsRow): CallerTotals {
  return {
    callerId: row.caller_id,
    project: row.caller_project,
    day: { requests: row.day_requests, tokens: row.day_tokens, nanoUsd: row.day_nano_usd },
    month: { requests: row.month_requests, tokens: row.month_tokens, nanoUsd: row.month_nano_usd },
    lifetimeTokens: row.lifetime_tokens,
  }
}
