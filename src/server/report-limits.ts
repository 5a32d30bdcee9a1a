/** What callers and projects have used of their limits, from the hourly sums that limits themselves begin from. */
import type { Snapshot } from "../config/snapshot.ts"
import { CHECK_FACTS, type CheckKind } from "../governance/check-kinds.ts"
import { limitName } from "../pipeline/limits/refuse.ts"
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
  { credentials }: Pick<Snapshot, "credentials">,
  rows: Sources["rows"],
  nowMs: number,
  held: readonly HeldLimit[] | null = null,
): Promise<readonly LimitUse[]> {
  const reserved = new Map(held?.map((one) => [`${one.subject}:${one.id} ${one.limit}`, one.reserved]))
  const wanted = await limitsOf(credentials)
  const periods = new Set(wanted.map(({ period }) => period))
  const totals = new Map<Period, Totals>()
  for (const period of periods) totals.set(period, await totalsSince(periodOf(period, nowMs).from ?? 0, rows))
  const lastDay = wanted.length === 0 ? undefined : await totalsSince(nowMs - DAY_MS, rows)
  return await inTurns(wanted, ({ period, amount, allowed, warnsAtPercent, ...use }): LimitUse => {
    const key = `${use.subject}:${use.id}`
    const { from, to } = periodOf(period, nowMs)
    const of = (all: Totals | undefined): bigint => BigInt((all?.get(key) ?? NOTHING)[amount])
    return {
      ...use,
      unit: amount === "nanoUsd" ? "money" : amount,
      allowed: BigInt(Math.round(allowed)),
      used: of(totals.get(period)),
      reserved: held === null ? null : BigInt(reserved.get(`${key} ${use.limit}`) ?? 0),
      periodFrom: from,
      resetsAt: to,
      usedInLastDay: of(lastDay),
      warnsAtPercent,
    }
  })
}

interface Wanted extends Pick<LimitUse, "subject" | "id" | "project" | "environment" | "limit" | "warnsAtPercent"> {
  readonly period: Period
  readonly amount: keyof Amounts
  readonly allowed: number
}

/** Null: of a kind that is over within a minute. */
function countedOf(kind: CheckKind): Pick<Wanted, "period" | "amount"> | null {
  const { over, counts } = CHECK_FACTS[kind]
  if (over === "flight" || over === "minute" || over === "bucket") return null
  return { period: over, amount: counts === "calls" ? "requests" : counts === "tokens" ? "tokens" : "nanoUsd" }
}

/** About a millisecond's work. */
const AT_ONCE = 500

/** Each limit once, however many tokens a caller and callers a project has. */
async function limitsOf(credentials: Snapshot["credentials"]): Promise<readonly Wanted[]> {
  const found = new Map<string, Wanted>()
  let count = 0
  for (const { caller } of credentials.values()) {
    for (const check of caller.limits?.checks ?? []) {
      const counted = countedOf(check.kind)
      const subject = caller.limits?.subjects[check.subject]
      if (counted === null || subject === undefined) continue
      const limit = limitName(check.kind)
      const share = Math.round((check.softLimit * 100) / check.limit)
      found.set(`${subject.key} ${limit}`, {
        subject: subject.scope,
        id: subject.id,
        limit,
        ...counted,
        project: caller.project,
        environment: subject.scope === "caller" ? caller.environment : "",
        allowed: check.limit,
        warnsAtPercent: share > 0 && Number.isFinite(share) ? share : null,
      })
    }
    count += 1
    if (count % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return [...found.values()]
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
  await inTurns(found, (row) => {
    for (const key of [`caller:${row.caller_id}`, `project:${row.caller_project}`]) {
      const before = totals.get(key) ?? NOTHING
      totals.set(key, {
        requests: before.requests + row.requests,
        tokens: before.tokens + row.tokens,
        nanoUsd: before.nanoUsd + row.nano_usd,
      })
    }
  })
  return totals
}

/** Of each, with turns for others between. */
async function inTurns<One, Made>(all: readonly One[], make: (one: One) => Made): Promise<Made[]> {
  const made: Made[] = []
  for (let from = 0; from < all.length; from += AT_ONCE) {
    for (const one of all.slice(from, from + AT_ONCE)) made.push(make(one))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return made
}
