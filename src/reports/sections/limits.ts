import { ignoredNotes } from "../details.ts"
import { columnOf, percentOf } from "../figure-makers.ts"
import type { Filter } from "../query.ts"
import type { Asked, Cell, Column, Kind, LimitUse, Row, SectionDefinition, Table } from "../section.ts"

const DAY_MS = 86_400_000

const UNITS: readonly (readonly [unit: LimitUse["unit"], title: string, kind: Kind, suffix: string])[] = [
  ["money", "Budgets", "money", "_usd"],
  ["tokens", "Tokens", "tokens", "_tokens"],
  ["requests", "Requests", "count", ""],
]

export const LIMITS: SectionDefinition = {
  id: "limits",
  title: "Limits",
  about: "The use of limits by callers and projects, the rest, and its end at the pace of the last day.",
  takesBy: false,
  build: async (asked, { limits, nowMs }) => {
    const { nearest, lacksReserved } = await nearestOf(limits === null ? [] : await limits(), asked)
    const notes = [
      "Limits stand as they are now, whatever range is asked for. Rates and token buckets are not listed.",
      ...ignoredNotes(asked, ["caller", "project", "environment"]),
    ]
    if (lacksReserved) notes.push("Reserved is empty: no running router could be asked what calls in flight hold.")
    return {
      tables: UNITS.map(([unit, title, kind, suffix]) =>
        limitTable({ id: unit === "money" ? "budgets" : unit, title, kind, suffix }, nearest[unit], {
          asked,
          nowMs,
          isKnown: limits !== null,
        }),
      ),
      charts: [],
      notes,
    }
  },
}

/** About a millisecond's work. */
const USES_AT_ONCE = 1000

/** The first of an order, however many there are: what cannot be among them is let go on the way. */
class Nearest {
  readonly #most: number
  #kept: { readonly use: LimitUse; readonly percent: number }[] = []
  count = 0

  constructor(most: number) {
    this.#most = most
  }

  add(use: LimitUse, percent: number): void {
    this.count += 1
    this.#kept.push({ use, percent })
    if (this.#kept.length >= 2 * this.#most + USES_AT_ONCE) this.#trim()
  }

  get uses(): readonly LimitUse[] {
    this.#trim()
    return this.#kept.map(({ use }) => use)
  }

  #trim(): void {
    this.#kept = this.#kept.toSorted((one, other) => other.percent - one.percent).slice(0, this.#most)
  }
}

/** There may be a hundred thousand: others have turns between. */
async function nearestOf(
  uses: readonly LimitUse[],
  asked: Asked,
): Promise<{ readonly nearest: Readonly<Record<LimitUse["unit"], Nearest>>; readonly lacksReserved: boolean }> {
  const nearest = { money: new Nearest(asked.top), tokens: new Nearest(asked.top), requests: new Nearest(asked.top) }
  let lacksReserved = false
  for (let from = 0; from < uses.length; from += USES_AT_ONCE) {
    for (const use of uses.slice(from, from + USES_AT_ONCE)) {
      if (!isAsked(use, asked)) continue
      lacksReserved ||= use.reserved === null
      const percent = percentUsed(use) ?? 0
      if (percent >= asked.nearPercent) nearest[use.unit].add(use, percent)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { nearest, lacksReserved }
}

/**
 * Whether conditions on caller, project and environment leave it; others say nothing of a limit. A project's limit counts
 * all its environments, so only those see it who see everything.
 */
function isAsked(use: LimitUse, { where, scope }: Asked): boolean {
  if (scope !== null && (use.project !== scope.project || use.environment !== scope.environment)) return false
  const values: Readonly<Record<string, string>> = {
    ...(use.subject === "caller" ? { caller: use.id } : {}),
    project: use.project,
    environment: use.environment,
  }
  return where.every((filter) => passes(filter, values))
}

function passes(filter: Filter, values: Readonly<Record<string, string>>): boolean {
  if ("measure" in filter) return true
  const value = values[filter.dimension]
  if (value === undefined) return filter.dimension !== "caller" || !("is" in filter)
  if ("prefix" in filter) return value.startsWith(filter.prefix)
  return "is" in filter ? filter.is.includes(value) : !filter.not.includes(value)
}

function percentUsed({ used, reserved, allowed }: LimitUse): number | null {
  return percentOf(used + (reserved ?? 0n), allowed)
}

/** Unix milliseconds at which nothing is left, at the pace of the last day; null: not before the limit begins anew, or unknown. */
export function endOf({ used, reserved, allowed, usedInLastDay, resetsAt }: LimitUse, nowMs: number): number | null {
  const left = allowed - used - (reserved ?? 0n)
  if (left <= 0n) return nowMs
  if (usedInLastDay === null || usedInLastDay <= 0n) return null
  const end = nowMs + Number((left * BigInt(DAY_MS)) / usedInLastDay)
  if (!Number.isSafeInteger(end) || end > 8.64e15) return null
  return resetsAt !== null && end >= resetsAt ? null : end
}

function stateOf(use: LimitUse): string {
  const percent = percentUsed(use) ?? 0
  if (percent >= 100) return "exhausted"
  return use.warnsAtPercent !== null && percent >= use.warnsAtPercent ? "warning" : "ok"
}

interface Shape {
  readonly id: string
  readonly title: string
  readonly kind: Kind
  readonly suffix: string
}

function limitTable(
  { id, title, kind, suffix }: Shape,
  nearest: Nearest,
  { asked, nowMs, isKnown }: { readonly asked: Asked; readonly nowMs: number; readonly isKnown: boolean },
): Table {
  const amount = (key: string, name: string, about: string): Column => columnOf(`${key}${suffix}`, kind, name, about)
  const columns: readonly Column[] = [
    columnOf("subject", "text", "Of", "Caller or project."),
    columnOf("id", "text", "Name", "Whose limit it is."),
    columnOf("limit", "text", "Limit", "As the configuration names it."),
    columnOf("state", "text", "State", "ok, warning or exhausted."),
    amount("used", "Used", "The part that was used."),
    amount("reserved", "Reserved", "The part that calls in flight hold."),
    amount("remaining", "Remaining", "The rest."),
    amount("allowed", "Allowed", "The limit itself."),
    { ...columnOf("used_percent", "percent", "Used", "Used and reserved, of what is allowed."), bar: true },
    amount("used_in_last_day", "Last day", "The part that was used in the last 24 hours."),
    columnOf(
      "ends_at",
      "time",
      "Ends",
      "When nothing is left at the pace of the last day; empty: not before it begins anew.",
    ),
    columnOf("resets_at", "time", "Begins anew", "When the limit begins anew; empty: it counts for good."),
  ]
  const rows = nearest.uses.map((use): Row => {
    const left = use.allowed - use.used - (use.reserved ?? 0n)
    const amounts: Cell[] = [
      use.used,
      use.reserved,
      left < 0n ? 0n : left,
      use.allowed,
      percentUsed(use),
      use.usedInLastDay,
    ]
    return [use.subject, use.id, use.limit, stateOf(use), ...amounts, endOf(use, nowMs), use.resetsAt]
  })
  const hidden = nearest.count - rows.length
  return {
    id,
    title,
    columns,
    rows,
    restOf: 0,
    totals: null,
    empty: emptyText(asked.nearPercent, isKnown),
    notes: hidden === 0 ? [] : [`${hidden} more are left out: a larger top shows them.`],
  }
}

function emptyText(nearPercent: number, isKnown: boolean): string {
  if (!isKnown) return "Limits stand in the configuration, which is not known here: give --config FILE."
  return nearPercent > 0
    ? `No limit is used to ${nearPercent} % or more.`
    : "No caller and no project has a limit of this kind."
}
