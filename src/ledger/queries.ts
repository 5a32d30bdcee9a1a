/** A caller's own use, for `GET /v1/usage`. Reads the hourly sums only: a busy caller costs no more than a quiet one. */
import type { Clock } from "../system/clock.ts"
import type { LedgerDatabase } from "./database.ts"

export type UsageGrouping = "model" | "day"

export interface UsageQuery {
  /** Rounded down to the full hour; at most 400 days ago. */
  readonly sinceMs: number
  /** Empty: one row. */
  readonly groupBy: readonly UsageGrouping[]
}

export interface UsageFigures {
  readonly requests: number
  readonly errors: number
  readonly input_tokens: number
  readonly cached_input_tokens: number
  readonly output_tokens: number
  readonly reasoning_tokens: number
  readonly total_tokens: number
  /** Sum of the known costs. */
  readonly cost_nano_usd: number
  /** Requests that reached an upstream and whose cost is not known: with any, the sum is a lower bound. */
  readonly cost_unknown_requests: number
}

export interface UsageFiguresRow extends UsageFigures {
  /** UTC, `2026-11-22`. */
  readonly day?: string
  /** The group that served the call, never an upstream id; empty for calls that named none. */
  readonly model?: string
}

export interface CallerUsage {
  /** By day, then by model. At most 1000, the newest. */
  readonly rows: readonly UsageFiguresRow[]
  readonly truncated: boolean
  /** Since midnight UTC. */
  readonly today: UsageFigures
  /** Since the first of the month, UTC. */
  readonly month: UsageFigures
}

export interface LedgerQueries {
  usageOf(callerId: string, query: UsageQuery): Promise<CallerUsage>
}

const MAX_RANGE_DAYS = 400
const MAX_ROWS = 1000

const HOUR_MS = 3_600_000
const DAY_HOURS = 24
/** One look-up for each hour: a slice stays well below a millisecond or two. */
const SLICE_HOURS = 31 * DAY_HOURS

const NOTHING: UsageFigures = {
  requests: 0,
  errors: 0,
  input_tokens: 0,
  cached_input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  total_tokens: 0,
  cost_nano_usd: 0,
  cost_unknown_requests: 0,
}

const FIGURES = Object.keys(NOTHING) as (keyof UsageFigures)[]

/**
 * The key begins with the hour, so each hour of the range is looked up by key; CROSS JOIN keeps SQLite to that order.
 * Summed in floating point, because an integer sum fails on overflow; exact up to 2^53.
 */
const BY_DAY_AND_GROUP = `WITH RECURSIVE range(hour) AS (
  SELECT CAST(?1 AS BIGINT) UNION ALL SELECT hour + 1 FROM range WHERE hour + 1 < ?2
) SELECT rollup.hour / ${DAY_HOURS} AS day, rollup.resolved_group AS model,
  ${FIGURES.map((name) => `sum(CAST(rollup.${name} AS DOUBLE PRECISION)) AS ${name}`).join(", ")}
FROM range CROSS JOIN usage_rollup_hourly AS rollup
WHERE rollup.hour = range.hour AND rollup.caller_id = ?3
GROUP BY rollup.hour / ${DAY_HOURS}, rollup.resolved_group ORDER BY day, model`

interface DayRow extends UsageFigures {
  readonly day: number
  readonly model: string
}

export async function usageOf(
  database: LedgerDatabase,
  clock: Clock,
  callerId: string,
  query: UsageQuery,
): Promise<CallerUsage> {
  const now = new Date(clock.now())
  const end = Math.floor(now.getTime() / HOUR_MS) + 1
  const earliest = end - MAX_RANGE_DAYS * DAY_HOURS
  const since = Math.min(Math.max(Math.floor(query.sinceMs / HOUR_MS), earliest), end)
  const monthStart = Date.UTC(now.getUTCFullYear(), now.getUTCMonth()) / HOUR_MS
  const history = await daysOf(database, callerId, since, end)
  const month = await daysOf(database, callerId, monthStart, end)
  const today = Math.floor((end - 1) / DAY_HOURS)
  const rows = grouped(history, query.groupBy)
  return {
    rows: rows.slice(-MAX_ROWS),
    truncated: rows.length > MAX_ROWS,
    today: total(month.filter(({ day }) => day === today)),
    month: total(month),
  }
}

async function daysOf(database: LedgerDatabase, callerId: string, since: number, end: number): Promise<DayRow[]> {
  const rows: DayRow[] = []
  for (let from = since; from < end; from += SLICE_HOURS) {
    const to = Math.min(from + SLICE_HOURS, end)
    rows.push(...(await database.query<DayRow>(BY_DAY_AND_GROUP, [from, to, callerId])))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return rows
}

function grouped(days: readonly DayRow[], groupBy: readonly UsageGrouping[]): UsageFiguresRow[] {
  const byDay = groupBy.includes("day")
  const byModel = groupBy.includes("model")
  const groups = Map.groupBy(days, ({ day, model }) => `${byDay ? day : ""} ${byModel ? model : ""}`)
  return [...groups.values()].map((rows) => ({
    ...(byDay && { day: dateOf(rows[0]?.day ?? 0) }),
    ...(byModel && { model: rows[0]?.model ?? "" }),
    ...total(rows),
  }))
}

function total(rows: readonly UsageFigures[]): UsageFigures {
  const sums: { -readonly [Name in keyof UsageFigures]: number } = { ...NOTHING }
  for (const row of rows) for (const name of FIGURES) sums[name] += row[name]
  return sums
}

function dateOf(day: number): string {
  return new Date(day * DAY_HOURS * HOUR_MS).toISOString().slice(0, 10)
}
