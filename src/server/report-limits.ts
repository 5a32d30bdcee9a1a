/** What callers and projects have used of their limits, from the hourly sums that limits themselves begin from. */
import type { CallerConfig, Config, ProjectConfig } from "../config/config.ts"
import { billionths } from "../ledger/decimal.ts"
import type { HeldLimit } from "./held-limits.ts"
import type { LimitUse, Sources } from "../reports/section.ts"

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

type Period = "day" | "month" | "lifetime"

interface Amounts {
  readonly requests: number
  readonly tokens: number
  readonly nanoUsd: number
}

const NOTHING: Amounts = { requests: 0, tokens: 0, nanoUsd: 0 }

interface TotalsRow {
  readonly caller_id: string
  readonly caller_project: string
  readonly requests: number
  readonly tokens: number
  readonly nano_usd: number
}

const sum = (column: string): string => `CAST(SUM(${column}) AS BIGINT)`

const TOTALS = `SELECT caller_id, caller_project, ${sum("sent_requests")} AS requests, ${sum("limit_tokens")} AS tokens,
  ${sum("limit_nano_usd")} AS nano_usd FROM usage_rollup_hourly WHERE hour >= ? AND hour < ?
GROUP BY caller_id, caller_project`

/** By `caller:ID` and `project:ID`. */
type Totals = ReadonlyMap<string, Amounts>

/** Every limit of a day, a month or a lifetime. `held`: what calls in flight hold of them; null: nobody knows. */
export async function limitUses(
  { callers, projects }: Pick<Config, "callers" | "projects">,
  rows: Sources["rows"],
  nowMs: number,
  held: readonly HeldLimit[] | null = null,
): Promise<readonly LimitUse[]> {
  const reserved = new Map(held?.map((one) => [`${one.subject}:${one.id} ${one.limit}`, one.reserved]))
  const wanted = [...callers.flatMap(callerLimits), ...projects.flatMap(projectLimits)]
  const periods = new Set<Period>(wanted.map(({ period }) => period))
  const totals = new Map<Period, Totals>()
  for (const period of periods) totals.set(period, await totalsSince(periodOf(period, nowMs).from ?? 0, rows))
  const lastDay = await totalsSince(nowMs - DAY_MS, rows)
  return wanted.map(({ period, amount, allowed, warnsAtPercent, ...use }): LimitUse => {
    const key = `${use.subject}:${use.id}`
    const { from, to } = periodOf(period, nowMs)
    const of = (all: Totals | undefined): bigint => BigInt((all?.get(key) ?? NOTHING)[amount])
    return {
      ...use,
      unit: amount === "nanoUsd" ? "money" : amount,
      allowed: BigInt(allowed),
      used: of(totals.get(period)),
      reserved: held === null ? null : BigInt(reserved.get(`${key} ${use.limit}`) ?? 0),
      periodFrom: from,
      resetsAt: to,
      usedInLastDay: of(lastDay),
      warnsAtPercent: warnsAtPercent > 0 ? warnsAtPercent : null,
    }
  })
}

interface Wanted extends Pick<LimitUse, "subject" | "id" | "project" | "environment" | "limit"> {
  readonly period: Period
  readonly amount: keyof Amounts
  readonly allowed: number
  readonly warnsAtPercent: number
}

function callerLimits(caller: CallerConfig): Wanted[] {
  const { id, project, environment, key } = caller
  const of = { subject: "caller", id, project, environment } as const
  const tokens = { limit: "key.lifetime_tokens", period: "lifetime", amount: "tokens" } as const
  return [
    ...calendarLimits(caller).map((limit) => ({ ...of, ...limit })),
    ...some({ ...of, ...tokens, allowed: key.lifetime_tokens, warnsAtPercent: key.soft_pct }),
  ]
}

function projectLimits(project: ProjectConfig): Wanted[] {
  const { id } = project
  return calendarLimits(project).map((limit) => ({ subject: "project", id, project: id, environment: "", ...limit }))
}

function calendarLimits({
  quota,
  spend,
}: Pick<CallerConfig, "quota" | "spend">): Omit<Wanted, "subject" | "id" | "project" | "environment">[] {
  const warnsAtPercent = quota.soft_pct
  return (["day", "month"] as const).flatMap((period) => {
    const usd = period === "day" ? spend.day_usd : spend.month_usd
    const limit = (name: string, amount: keyof Amounts, allowed: number) =>
      some({ limit: name, period, amount, allowed, warnsAtPercent })
    return [
      ...limit(`quota.${period}.requests`, "requests", quota[period].requests),
      ...limit(`quota.${period}.tokens`, "tokens", quota[period].tokens),
      ...limit(`spend.${period}_usd`, "nanoUsd", nanoUsd(usd)),
    ]
  })
}

/** As limits count it. */
function nanoUsd(usd: number): number {
  try {
    return billionths(usd)
  } catch {
    return Math.min(Math.round(usd * 1e9), Number.MAX_SAFE_INTEGER)
  }
}

/** 0: there is no such limit. */
function some<Limit extends { readonly allowed: number }>(limit: Limit): Limit[] {
  return limit.allowed > 0 ? [limit] : []
}

/** UTC, as limits count. */
function periodOf(period: Period, nowMs: number): { readonly from: number | null; readonly to: number | null } {
  if (period === "lifetime") return { from: null, to: null }
  const now = new Date(nowMs)
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()]
  return period === "day"
    ? { from: Date.UTC(year, month, day), to: Date.UTC(year, month, day + 1) }
    : { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) }
}

async function totalsSince(from: number, rows: Sources["rows"]): Promise<Totals> {
  const found = (await rows<TotalsRow>(TOTALS, [Math.floor(from / HOUR_MS), 2 ** 31 - 1])) ?? []
  const totals = new Map<string, Amounts>()
  for (const row of found)
    for (const key of [`caller:${row.caller_id}`, `project:${row.caller_project}`]) {
      const before = totals.get(key) ?? NOTHING
      totals.set(key, {
        requests: before.requests + row.requests,
        tokens: before.tokens + row.tokens,
        nanoUsd: before.nanoUsd + row.nano_usd,
      })
    }
  return totals
}
