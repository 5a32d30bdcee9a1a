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

const TOTALS = `SELECT caller_id, caller_project,
  SUM(CASE WHEN hour >= ? THEN sent_requests ELSE 0 END) AS day_requests,
  SUM(CASE WHEN hour >= ? THEN total_tokens ELSE 0 END) AS day_tokens,
  SUM(CASE WHEN hour >= ? THEN cost_nano_usd ELSE 0 END) AS day_nano_usd,
  SUM(CASE WHEN hour >= ? THEN sent_requests ELSE 0 END) AS month_requests,
  SUM(CASE WHEN hour >= ? THEN total_tokens ELSE 0 END) AS month_tokens,
  SUM(CASE WHEN hour >= ? THEN cost_nano_usd ELSE 0 END) AS month_nano_usd,
  SUM(total_tokens) AS lifetime_tokens
FROM usage_rollup_hourly WHERE hour >= ? GROUP BY caller_id, caller_project`

const RECENT = `SELECT caller_id, caller_project, ts, total_tokens FROM request_usage
WHERE request_id >= ? AND ts >= ? AND attempts > 0`

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

interface RecentRow {
  readonly caller_id: string
  readonly caller_project: string
  readonly ts: number
  readonly total_tokens: number | null
}

/** `ofLifetime`: all hours are read, else those of the month of `nowMs`. */
export function limitTotals(database: LedgerDatabase, nowMs: number, ofLifetime: boolean): LimitTotals {
  const now = new Date(nowMs)
  const day = Math.floor(nowMs / HOUR_MS / DAY_HOURS) * DAY_HOURS
  const month = Date.UTC(now.getUTCFullYear(), now.getUTCMonth()) / HOUR_MS
  const from = ofLifetime ? 0 : month
  const sinceMs = nowMs - RECENT_MS
  // ids begin with their millisecond, so a range of them is a range of time
  const firstId = `req_${Math.max(0, sinceMs).toString(16).padStart(12, "0")}`
  return {
    totals: database.query<TotalsRow>(TOTALS, [day, day, day, month, month, month, from]).map(totalsOf),
    recent: database.query<RecentRow>(RECENT, [firstId, sinceMs]).map((row) => ({
      callerId: row.caller_id,
      project: row.caller_project,
      ts: row.ts,
      tokens: row.total_tokens ?? 0,
    })),
  }
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
