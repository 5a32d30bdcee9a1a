/** What callers, projects and single calls have used, as limits count it: read when a count begins, or when it is to be corrected. */
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
  readonly used: UsedAmounts
}

export interface PeriodTotals {
  readonly kind: "day" | "month" | "lifetime"
  /** An instant inside. */
  readonly ts: number
  readonly totals: readonly CallerTotals[]
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
  /** The present ones, and those beside them that the clock may be set to. */
  readonly periods: readonly PeriodTotals[]
  readonly recent: readonly RecentCall[]
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** What a rolling minute may still count. */
const RECENT_MS = 61_000

/** As doubles, because PostgreSQL adds whole numbers up to something that is no number here; exact up to 2^53. */
const sum = (column: string): string => `SUM(CAST(${column} AS DOUBLE PRECISION))`

const TOTALS = `SELECT caller_id, caller_project, ${sum("sent_requests")} AS requests,
  ${sum("limit_tokens")} AS tokens, ${sum("limit_nano_usd")} AS nano_usd
FROM usage_rollup_hourly WHERE hour >= ?1 AND hour < ?2 GROUP BY caller_id, caller_project`

const NEXT_HOUR = "SELECT MIN(hour) AS hour FROM usage_rollup_hourly WHERE hour >= ?1 AND hour < ?2"

/** Of ten thousand callers this is some ten milliseconds; others have their turn between. */
const SLICE_HOURS = 12

const RECENT = `SELECT caller_id, caller_project, ts, coalesce(limit_tokens, total_tokens, 0) AS tokens FROM request_usage
WHERE request_id >= ?1 AND ts >= ?2 AND attempts > 0 AND books_request_id IS NULL`

const USED_BY = `SELECT request_id, attempts, coalesce(limit_tokens, total_tokens, 0) AS tokens,
  coalesce(limit_nano_usd, total_cost_nano_usd, 0) AS nano_usd
FROM request_usage WHERE request_id IN `

interface TotalsRow {
  readonly caller_id: string
  readonly caller_project: string
  readonly requests: number
  readonly tokens: number
  readonly nano_usd: number
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

/** `ofLifetime`: all hours are read, else those of a month or two. */
export async function limitTotals(database: LedgerDatabase, nowMs: number, ofLifetime: boolean): Promise<LimitTotals> {
  const sinceMs = nowMs - RECENT_MS
  const periods: PeriodTotals[] = []
  for (const period of periodsAround(nowMs, ofLifetime))
    periods.push({ kind: period.kind, ts: period.from, totals: await totalsOf(database, period) })
  const recent = await database.query<RecentRow>(RECENT, [firstIdOf(sinceMs), sinceMs])
  return {
    periods,
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

interface Period {
  readonly kind: PeriodTotals["kind"]
  /** Unix milliseconds, whole hours; `to` is outside. */
  readonly from: number
  readonly to: number
}

/** A clock may be set by hours: what lies a day before and behind is known too, and costs little. */
function periodsAround(nowMs: number, ofLifetime: boolean): readonly Period[] {
  const instants = [nowMs - DAY_MS, nowMs, nowMs + DAY_MS]
  const months = new Map(instants.map(monthOf).map((month) => [month.from, month]))
  const lifetime = { kind: "lifetime", from: 0, to: LAST_HOUR * HOUR_MS } as const
  return [...instants.map(dayOf), ...months.values(), ...(ofLifetime ? [lifetime] : [])]
}

const LAST_HOUR = 2 ** 31 - 1

function dayOf(ts: number): Period {
  const from = Math.floor(ts / DAY_MS) * DAY_MS
  return { kind: "day", from, to: from + DAY_MS }
}

function monthOf(ts: number): Period {
  const date = new Date(ts)
  const first = (more: number): number => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + more)
  return { kind: "month", from: first(0), to: first(1) }
}

/** Ids begin with their millisecond, so a range of them is a range of time. */
function firstIdOf(sinceMs: number): string {
  return `req_${Math.max(0, sinceMs).toString(16).padStart(12, "0")}`
}

/** The newest hours come last: what is added to them meanwhile is in. */
async function totalsOf(database: LedgerDatabase, period: Period): Promise<readonly CallerTotals[]> {
  const all = new Map<string, CallerTotals>()
  const end = period.to / HOUR_MS
  for (let next: number | null = period.from / HOUR_MS; ;) {
    next = (await database.query<{ readonly hour: number | null }>(NEXT_HOUR, [next, end]))[0]?.hour ?? null
    if (next === null) return [...all.values()]
    const until: number = Math.min(end, next + SLICE_HOURS)
    for (const row of await database.query<TotalsRow>(TOTALS, [next, until])) {
      const key = JSON.stringify([row.caller_id, row.caller_project])
      all.set(key, added(all.get(key), row))
    }
    next = until
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function added(before: CallerTotals | undefined, row: TotalsRow): CallerTotals {
  const { requests, tokens, nanoUsd } = before?.used ?? { requests: 0, tokens: 0, nanoUsd: 0 }
  return {
    callerId: row.caller_id,
    project: row.caller_project,
    used: { requests: requests + row.requests, tokens: tokens + row.tokens, nanoUsd: nanoUsd + row.nano_usd },
  }
}
