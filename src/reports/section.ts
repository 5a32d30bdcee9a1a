/**
 * What a report says, as data: sections of tables and charts. A section is built once (`sections/`), by whoever asks; the
 * command line, the API, exports and pages only render it.
 */
import type { CapabilityFacts } from "../catalogue/capability-facts.ts"
import type { DeclaredPlace } from "../catalogue/declare.ts"
import type { Scalar } from "../ledger/database.ts"
import type { DataClass } from "../ledger/retention/classes.ts"
import type { DimensionName } from "./dimensions.ts"
import type { Filter, Found, Query, Rows, Search, Slot } from "./query.ts"

export type SectionId =
  | "summary"
  | "usage"
  | "cost"
  | "savings"
  | "performance"
  | "errors"
  | "limits"
  | "shaping"
  | "routing"
  | "catalog"
  | "security"
  | "calls"
  | "advisor"

/**
 * What a cell holds, which decides how it is shown, aligned and sorted. Values:
 * `text` a string; `count` and `tokens` a bigint; `money` a bigint of nano-USD; `ms` milliseconds, `percent` 0 to 100, and
 * `rate` (tokens per second) a number; `time` Unix milliseconds as a number. Null: unknown, or there is none.
 */
export type Kind = "text" | "count" | "tokens" | "money" | "ms" | "percent" | "rate" | "time"

export type Cell = string | number | bigint | null

export interface Column {
  /** Unique in its table, with its unit: `project`, `calls`, `cost_usd`, `p95_ms`, `input_tokens`, `error_percent`. */
  readonly key: string
  /** For people, without the unit: `Cost`. */
  readonly title: string
  /** For people: `USD`, `ms`, `tokens`, `%`, `tokens/s`; `""` where there is none. */
  readonly unit: string
  readonly kind: Kind
  /** A sentence on what it counts. */
  readonly about: string
  /** The dimension whose values the column holds: `where` can name it. Absent: none. */
  readonly dimension?: DimensionName
  /** An id that people copy: never shown shortened. */
  readonly isWhole?: boolean
  /** Rows may be compared by bars of this column; at most one in a table. */
  readonly bar?: boolean
}

/** One cell for each column, in their order. */
export type Row = readonly Cell[]

export interface Table {
  /** Unique in its section: `by_project`, `by_day`. */
  readonly id: string
  readonly title: string
  readonly columns: readonly Column[]
  /** In the order to show. Where groups are left out, a row whose dimensions are null sums them up ("Other"). */
  readonly rows: readonly Row[]
  /** So many groups are left out; 0: all are shown. */
  readonly restOf: number
  /** Of everything in the range, also of rows that are not shown; null: adding up makes no sense. */
  readonly totals: Row | null
  /** What would stand here, and how to get it. Shown where there are no rows. */
  readonly empty: string
  /** What a reader must know of these figures: "calls with several tags count for each". */
  readonly notes: readonly string[]
}

export interface Axis {
  readonly title: string
  readonly unit: string
  readonly kind: Kind
}

export interface Chart {
  /** Unique in its section. */
  readonly id: string
  readonly title: string
  /** `stack`: series add up; `bars`: x is a text, or the beginning of a bucket; `lines`: series beside one another. */
  readonly form: "lines" | "stack" | "bars"
  readonly axes: { readonly x: Axis; readonly y: Axis }
  /** The units of all series, which is that of the y axis. */
  readonly units: string
  /** `key`: null is what is left ("Other"). */
  readonly series: readonly { readonly key: string | null; readonly title: string }[]
  /** `y`: one for each series. A gap is null. */
  readonly points: readonly { readonly x: Cell; readonly y: readonly Cell[] }[]
}

export interface Section {
  readonly id: SectionId
  readonly title: string
  /** A sentence on what the section tells. */
  readonly about: string
  readonly tables: readonly Table[]
  readonly charts: readonly Chart[]
  readonly notes: readonly string[]
  /** How to ask for what follows; null: this is all. */
  readonly next: string | null
}

/** `newest` and `oldest` are by time, `cost` and `latency` the largest first. */
export type SortName = Search["sort"] | "status" | "outcome" | "surface" | "reason"

/** A price to compare with: what the same tokens would have cost. */
export interface Baseline {
  readonly id: string
  readonly name: string
  /** Nano-USD per million tokens. */
  readonly inputPrice: bigint
  readonly outputPrice: bigint
}

/** What was asked, checked. */
export interface Asked {
  /** Unix milliseconds; `to` is outside. */
  readonly from: number
  readonly to: number
  /** An IANA name. */
  readonly zone: string
  /** How time is cut in series: by day, or by hour where the range is short. */
  readonly slot: Slot
  readonly where: readonly Filter[]
  /** The domain that the reader may see: a project in an environment; null: everything. Holds in every source. */
  readonly scope: { readonly project: string; readonly environment: string } | null
  /** At most three; at most one of them is a time. Empty: the section's own. */
  readonly by: readonly DimensionName[]
  /** So many rows of a table are shown. */
  readonly top: number
  /** All that are known; `savings` compares with each. */
  readonly baselines: readonly Baseline[]
  /** Of `calls` and of security events; each takes its own. */
  readonly sort: SortName
  /** The smallest first. */
  readonly isAscending: boolean
  /** Where a list goes on: what `next` of a section said. Null: at the first. */
  readonly after: string | null
  /** Only these tables of a section, by their ids; null: all. */
  readonly tables: readonly string[] | null
  /** Of `limits`: those that are used to so many percent or more. */
  readonly nearPercent: number
}

/** One limit of a caller or a project, and what is used of it. */
export interface LimitUse {
  readonly subject: "caller" | "project"
  readonly id: string
  readonly project: string
  readonly environment: string
  /** As the configuration names it: `monthly_budget_usd`. */
  readonly limit: string
  readonly unit: "requests" | "tokens" | "money"
  /** Money in nano-USD. */
  readonly allowed: bigint
  readonly used: bigint
  /** Held by calls in flight; null: only the running router knows. */
  readonly reserved: bigint | null
  /** Unix milliseconds, null: the limit counts for good. */
  readonly periodFrom: number | null
  /** Of `used`, in the last 24 hours; null: unknown. */
  readonly usedInLastDay: bigint | null
  readonly resetsAt: number | null
  /** Percent of use from which callers are warned; null: none. */
  readonly warnsAtPercent: number | null
}

/** A model of a provider, or an active target of a group. */
export interface CatalogEntry {
  readonly status: "active" | "catalogue"
  readonly group: string
  readonly provider: string
  readonly model: string
  readonly dialect: string
  /** Nano-USD per million tokens; null: not given. */
  readonly inputPrice: bigint | null
  readonly outputPrice: bigint | null
  readonly pricingSource: string
  readonly pricingDate: string
  readonly tools: string
  readonly structuredOutputs: string
  readonly reasoning: string
  readonly images: string
  /** `validated`, `expired`, `none`. */
  readonly validation: string
  readonly validatedOn: string
  /** Of an active target: each that can be proven. */
  readonly capabilities: readonly CapabilityFacts[]
  /** Where the configuration says what of it; null: it is not active. */
  readonly place: DeclaredPlace | null
}

/** Where figures come from. Whoever builds a section hands them in. */
export interface Sources {
  /** Of one moment, from the cube. */
  readonly queries: (queries: readonly Query[]) => Promise<readonly Rows[]>
  readonly search: (search: Search) => Promise<Found>

  /** Detail rows, by portable SQL that reads a bounded part of its tables. Null: the ledger has no such table yet. */
  readonly rows: <DetailRow>(sql: string, parameters: readonly Scalar[]) => Promise<readonly DetailRow[] | null>
  /** Null: there is no configuration to take limits from. */
  readonly limits: (() => Promise<readonly LimitUse[]>) | null
  /** Null: there is no configuration. */
  readonly catalog: (() => Promise<readonly CatalogEntry[]>) | null
  /** Unix milliseconds. */
  readonly nowMs: number
}

/** One section; `SECTIONS` (sections/list.ts) has all. */
export interface SectionDefinition {
  readonly id: SectionId
  readonly title: string
  /** A sentence on what the section tells. */
  readonly about: string
  /** Whether `by` changes its tables. */
  readonly takesBy: boolean
  /** Classes of retention whose rows it reads; absent: none. A section says itself which single calls are gone. */
  readonly reads?: readonly DataClass[]
  /** @throws ReportRefused where it was asked for something that it cannot tell, ReportUnavailable */
  readonly build: (
    asked: Asked,
    sources: Sources,
  ) => Promise<Pick<Section, "tables" | "charts" | "notes"> & { readonly next?: string | null }>
}
