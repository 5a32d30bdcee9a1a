/** What callers, projects and single calls have used, as limits count it: read when a count begins, or when it is to be corrected. */
import type { LedgerDatabase, Scalar } from "./database.ts"

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

const KEY = "(hour, caller_id, resolved_group, caller_project)"

const TOTALS = `SELECT caller_id, caller_project, hour / 24 AS day, ${sum("sent_requests")} AS requests,
  ${sum("limit_tokens")} AS tokens, ${sum("limit_nano_usd")} AS nano_usd
FROM usage_rollup_hourly WHERE ${KEY} >= (?1, ?2, ?3, ?4) AND ${KEY} < (?5, ?6, ?7, ?8)
GROUP BY caller_id, caller_project, hour / 24`

/** Some milliseconds of reading and adding; calls have their turn between. */
const SLICE_ROWS = 2048

const NEXT_SLICE = `SELECT hour, caller_id, resolved_group, caller_project FROM usage_rollup_hourly
WHERE ${KEY} >= (?1, ?2, ?3, ?4) AND hour < ?5
ORDER BY hour, caller_id, resolved_group, caller_project LIMIT 1 OFFSET ${SLICE_ROWS}`

const RECENT = `SELECT request_id, caller_id, caller_project, ts, coalesce(limit_tokens, total_tokens, 0) AS tokens
FROM request_usage WHERE request_id > ?1 AND ts >= ?2 AND attempts > 0 AND books_request_id IS NULL
ORDER BY request_id LIMIT ${SLICE_ROWS}`

const USED_BY = `SELECT request_id, attempts, coalesce(limit_tokens, total_tokens, 0) AS tokens,
  coalesce(limit_nano_usd, total_cost_nano_usd, 0) AS nano_usd
FROM request_usage WHERE request_id IN `

interface TotalsRow {
  readonly caller_id: string
  readonly caller_project: string
  /** Days since 1970. */
  readonly day: number
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
  readonly request_id: string
  readonly caller_id: string
  readonly caller_project: string
  readonly ts: number
  readonly tokens: number
}

type Queries = Pick<LedgerDatabase, "query">

/** `ofLifetime`: all hours are read, else those of a month or two. */
export async function limitTotals(database: Queries, nowMs: number, ofLifetime: boolean): Promise<LimitTotals> {
  const sinceMs = nowMs - RECENT_MS
  const periods = await totalsOf(database, periodsAround(nowMs, ofLifetime))
  return { periods, recent: await recentCalls(database, sinceMs) }
}

async function recentCalls(database: Queries, sinceMs: number): Promise<readonly RecentCall[]> {
  const calls: RecentCall[] = []
  for (let behind = firstIdOf(sinceMs); ;) {
    const rows = await database.query<RecentRow>(RECENT, [behind, sinceMs])
    for (const row of rows)
      calls.push({ callerId: row.caller_id, project: row.caller_project, ts: row.ts, tokens: row.tokens })
    const last = rows.at(-1)
    if (last === undefined || rows.length < SLICE_ROWS) return calls
    behind = last.request_id
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Calls without rows are left out. */
export async function usedBy(
  database: Queries,
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

/** Where a slice of the hourly sums begins. */
type SumKey = readonly [hour: number, callerId: string, group: string, project: string]

/** By project, by caller. */
type Totals = Map<string, Map<string, CallerTotals>>

/** The newest hours come last: what is added to them meanwhile is in. */
async function totalsOf(database: Queries, periods: readonly Period[]): Promise<readonly PeriodTotals[]> {
  const all = periods.map((period): Period & { readonly totals: Totals } => ({ ...period, totals: new Map() }))
  const end = Math.max(...periods.map(({ to }) => to)) / HOUR_MS
  let next: SumKey | null = [Math.min(...periods.map(({ from }) => from)) / HOUR_MS, "", "", ""]
  while (next !== null) {
    const from: SumKey = next
    next = await keyBehind(database, from, end)
    for (const row of await database.query<TotalsRow>(TOTALS, [...from, ...(next ?? [end, "", "", ""])])) {
      const ts = row.day * DAY_MS
      for (const period of all) if (ts >= period.from && ts < period.to) add(row, period.totals)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return all.map(({ kind, from, totals }) => ({
    kind,
    ts: from,
    totals: [...totals.values()].flatMap((ofProject) => [...ofProject.values()]),
  }))
}

/** Null: the rest is no more than a slice. */
async function keyBehind(database: Queries, from: SumKey, end: number): Promise<SumKey | null> {
  const [row] = await database.query<Readonly<Record<string, Scalar>>>(NEXT_SLICE, [...from, end])
  if (row === undefined) return null
  return [Number(row["hour"]), String(row["caller_id"]), String(row["resolved_group"]), String(row["caller_project"])]
}

function add(row: TotalsRow, totals: Totals): void {
  const { caller_id: callerId, caller_project: project } = row
  let ofProject = totals.get(project)
  if (ofProject === undefined) {
    ofProject = new Map<string, CallerTotals>()
    totals.set(project, ofProject)
  }
  const { requests, tokens, nanoUsd } = ofProject.get(callerId)?.used ?? NOTHING
  const used = { requests: requests + row.requests, tokens: tokens + row.tokens, nanoUsd: nanoUsd + row.nano_usd }
  ofProject.set(callerId, { callerId, project, used })
}

const NOTHING: UsedAmounts = { requests: 0, tokens: 0, nanoUsd: 0 }
