/** Retention: which rows are deleted, and when. */
import type { z } from "zod"
import { CHILD_CLASSES, RETENTION_CLASSES, type RetentionClass } from "../../ledger/retention/classes.ts"
import { block, byDefault, choice, type Fault, flag, integer, list, optional, withRules } from "./field.ts"

const MOST_ROWS = 10_000
/** A hundred years. */
const MOST_DAYS = 36_525
const batch = { min: 1, max: MOST_ROWS, unit: "rows" } as const

interface Rule {
  /** Undefined: it is none, which is said elsewhere. */
  readonly known: RetentionClass | undefined
  readonly isActive: boolean
  readonly days: number
  readonly isRecounted: boolean
}

const rule = block(
  {
    data_class: choice(
      RETENTION_CLASSES.map(({ name }) => name),
      "The kind of data: [which tables](retention.md#classes).",
    ),
    enabled: byDefault(flag("Whether this class is deleted."), true),
    retention_days: integer("How long rows of this class are kept.", { min: 1, max: MOST_DAYS, unit: "days" }),
    batch_size: optional(integer("The most rows that are deleted at once.", batch)),
    require_finalized_rollup: byDefault(
      flag(
        "Before rows of calls are deleted, add them up once more: where that is not what reports say, they stay. The sums are kept in any case.",
      ),
      false,
    ),
  },
  "The rule for one kind of data.",
  { name: "RetentionClass" },
)

export const retention: z.ZodType = byDefault(
  withRules(
    block(
      {
        enabled: byDefault(flag("Delete old rows, once an hour: [retention](retention.md)."), false),
        dry_run: byDefault(flag("Only count what would be deleted."), true),
        default_batch_size: byDefault(
          integer("The most rows that are deleted at once; fewer where that takes long.", batch),
          500,
        ),
        classes: byDefault(list(rule, "The rules for each kind of data."), []),
      },
      "Deletion of old rows. What is in no class here is kept for good.",
      { name: "Retention" },
    ),
    ({ enabled, classes }) => {
      const rules = rulesIn(classes)
      return emptyFault(enabled === true, rules) ?? first(rules, repeated) ?? first(rules, classFault)
    },
  ),
  {},
)

/** What stands there may be anything: what is no rule is said elsewhere. */
function rulesIn(classes: unknown): readonly Rule[] {
  if (!Array.isArray(classes)) return []
  return (classes as readonly unknown[]).map((each): Rule => {
    const entry = (typeof each === "object" && each !== null ? each : {}) as Readonly<Record<string, unknown>>
    return {
      known: RETENTION_CLASSES.find(({ name }) => name === entry["data_class"]),
      isActive: entry["enabled"] !== false,
      days: Number(entry["retention_days"]),
      isRecounted: entry["require_finalized_rollup"] === true,
    }
  })
}

type Check = (rules: readonly Rule[], index: number) => Fault | null

function emptyFault(isEnabled: boolean, rules: readonly Rule[]): Fault | null {
  return isEnabled && !rules.some(({ isActive }) => isActive)
    ? { path: ["classes"], message: "Nothing is deleted without a class: name what is, and after how many days." }
    : null
}

function first(rules: readonly Rule[], check: Check): Fault | null {
  for (const index of rules.keys()) {
    const fault = check(rules, index)
    if (fault !== null) return fault
  }
  return null
}

function repeated(rules: readonly Rule[], index: number): Fault | null {
  const known = rules[index]?.known
  return known === undefined || rules.findIndex((other) => other.known === known) === index
    ? null
    : { path: ["classes", index, "data_class"], message: `The class ${known.name} has a rule already.` }
}

function classFault(rules: readonly Rule[], index: number): Fault | null {
  const own = rules[index]
  if (own?.known === undefined || !own.isActive) return null
  const { known, isRecounted } = own
  const path = ["classes", index] as const
  if (known.tables.length === 0)
    return { path: [...path, "data_class"], message: `No table of the class ${known.name} is deleted by this.` }
  if (isRecounted && known.name === "security_access_events")
    return { path: [...path, "require_finalized_rollup"], message: "Reports keep no sums of this class." }
  return known.name === "usage_detail" ? childFault(own, rules, [...path, "retention_days"]) : null
}

/** Calls stay as long as rows hang on them: a rule that could never be kept is refused. Captured content goes by a rule of its own. */
function childFault({ days }: Rule, rules: readonly Rule[], path: Fault["path"]): Fault | null {
  for (const { name, tables } of CHILD_CLASSES) {
    if (tables.length === 0 || name === "content_capture") continue
    const child = rules.find(({ known }) => known?.name === name)
    if (child !== undefined && child.isActive && !(child.days > days)) continue
    const message = `A call stays as long as its details: ${name} must be deleted, too, and no later than it.`
    return { path, message }
  }
  return null
}
