/** What callers and projects have used, for limits that are counted in memory: read once, when a count begins. */
import type { LedgerDatabase } from "./database.ts"
import { dearestCost, type PricedTokens } from "./price.ts"
import type { UsageRow } from "./record.ts"

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
  ${sum("total_tokens", "?1")} AS day_tokens,
  ${sum("cost_nano_usd", "?1")} AS day_nano_usd,
  ${sum("sent_requests", "?2")} AS month_requests,
  ${sum("total_tokens", "?2")} AS month_tokens,
  ${sum("cost_nano_usd", "?2")} AS month_nano_usd,
  ${sum("total_tokens")} AS lifetime_tokens,
  MIN(CASE WHEN hour >= ?2 AND cost_unknown_requests > 0 THEN hour END) AS unknown_since
FROM usage_rollup_hourly WHERE hour >= ?3 AND hour < ?4 GROUP BY caller_id, caller_project`

const NEXT_HOUR = "SELECT MIN(hour) AS hour FROM usage_rollup_hourly WHERE hour >= ?1"

/** Of ten thousand callers this is some ten milliseconds; others have their turn between. */
const SLICE_HOURS = 12

/** Calls with tokens and prices whose cost is unknown all the same: budgets have taken them at the dearest price. */
const UNKNOWN_COSTS = `SELECT caller_id, caller_project, input_tokens, output_tokens, ts,
  input_price_nano_usd_per_million, cached_input_price_nano_usd_per_million, cache_write_price_nano_usd_per_million,
  cache_write_1h_price_nano_usd_per_million, output_price_nano_usd_per_million
FROM request_usage
WHERE request_id >= ?1 AND ts >= ?2 AND attempts > 0 AND total_cost_nano_usd IS NULL AND total_tokens > 0
  AND input_price_nano_usd_per_million IS NOT NULL AND output_price_nano_usd_per_million IS NOT NULL`

const RECENT = `SELECT caller_id, caller_project, ts, total_tokens FROM request_usage
WHERE request_id >= ?1 AND ts >= ?2 AND attempts > 0`

const USED_BY = `SELECT request_id, attempts, total_tokens, total_cost_nano_usd, input_tokens, output_tokens,
  input_price_nano_usd_per_million, cached_input_price_nano_usd_per_million, cache_write_price_nano_usd_per_million,
  cache_write_1h_price_nano_usd_per_million, output_price_nano_usd_per_million
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
  /** The first hour of the month with a call of unknown cost. */
  readonly unknown_since: number | null
}

type UnknownCostRow = Pick<UsageRow, "caller_id" | "caller_project" | "ts"> & PricedTokens

type UsedRow = Pick<UsageRow, "request_id" | "attempts" | "total_tokens" | "total_cost_nano_usd"> & PricedTokens

interface RecentRow {
  readonly caller_id: string
  readonly caller_project: string
  readonly ts: number
  readonly total_tokens: number | null
}

/** `ofLifetime`: all hours are read, else those of the month of `nowMs`. */
export async function limitTotals(database: LedgerDatabase, nowMs: number, ofLifetime: boolean): Promise<LimitTotals> {
  const now = new Date(nowMs)
  const day = Math.floor(nowMs / HOUR_MS / DAY_HOURS) * DAY_HOURS
  const month = Date.UTC(now.getUTCFullYear(), now.getUTCMonth()) / HOUR_MS
  const from = ofLifetime ? 0 : month
  const sinceMs = nowMs - RECENT_MS
  const totals = await totalsSince(database, from, day, month)
  const recent = await database.query<RecentRow>(RECENT, [firstIdOf(sinceMs), sinceMs])
  return {
    totals: [...totals.map(totalsOf), ...(await unknownCosts(database, totals, day))],
    recent: recent.map((row) => ({
      callerId: row.caller_id,
      project: row.caller_project,
      ts: row.ts,
      tokens: row.total_tokens ?? 0,
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
        tokens: row.total_tokens ?? 0,
        nanoUsd: row.total_cost_nano_usd ?? dearestCost(row),
      },
    ]),
  )
}

/** The newest hours come last: what is added to them meanwhile is in. */
async function totalsSince(
  database: LedgerDatabase,
  from: number,
  day: number,
  month: number,
): Promise<readonly TotalsRow[]> {
  const all = new Map<string, TotalsRow>()
  for (let next: number | null = from; ;) {
    next = (await database.query<{ readonly hour: number | null }>(NEXT_HOUR, [next]))[0]?.hour ?? null
    if (next === null) return [...all.values()]
    const until: number = next + SLICE_HOURS
    for (const row of await database.query<TotalsRow>(TOTALS, [day, month, next, until])) {
      const key = JSON.stringify([row.caller_id, row.caller_project])
      const before = all.get(key)
      all.set(key, before === undefined ? row : added(before, row))
    }
    next = until
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function added(left: TotalsRow, right: TotalsRow): TotalsRow {
  return {
    ...left,
    day_requests: left.day_requests + right.day_requests,
    day_tokens: left.day_tokens + right.day_tokens,
    day_nano_usd: left.day_nano_usd + right.day_nano_usd,
    month_requests: left.month_requests + right.month_requests,
    month_tokens: left.month_tokens + right.month_tokens,
    month_nano_usd: left.month_nano_usd + right.month_nano_usd,
    lifetime_tokens: left.lifetime_tokens + right.lifetime_tokens,
    unknown_since: left.unknown_since ?? right.unknown_since,
  }
}

/** Ids begin with their millisecond, so a range of them is a range of time. */
function firstIdOf(sinceMs: number): string {
  return `req_${Math.max(0, sinceMs).toString(16).padStart(12, "0")}`
}

/** What the sums leave out of budgets in money. Rows are read only from the first hour on that has such calls. */
async function unknownCosts(
  database: LedgerDatabase,
  totals: readonly TotalsRow[],
  day: number,
): Promise<readonly CallerTotals[]> {
  const since = totals.reduce((first, row) => Math.min(first, row.unknown_since ?? Infinity), Infinity)
  if (since === Infinity) return []
  const sinceMs = since * HOUR_MS
  const rows = await database.query<UnknownCostRow>(UNKNOWN_COSTS, [firstIdOf(sinceMs), sinceMs])
  return rows.map((row) => {
    const taken = { requests: 0, tokens: 0, nanoUsd: dearestCost(row) }
    const today = row.ts >= day * HOUR_MS ? taken : { ...taken, nanoUsd: 0 }
    return { callerId: row.caller_id, project: row.caller_project, day: today, month: taken, lifetimeTokens: 0 }
  })
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
