/** A page as data: which blocks, of which figures. The composer asks for all of them at once. */
import type { Dimension, Filter, Histogram, Slot } from "../query.ts"
import type { FigureName } from "./figure.ts"

/** What the reader chose, or a dimension that the page is about. */
export type By = Dimension | "chosen"

interface Placed {
  readonly id: string
  readonly title: string
  readonly note?: string
  readonly half?: boolean
}

export type BlockDefinition =
  /** Figures of the range, beside those of the period before. */
  | (Placed & { readonly show: "tiles"; readonly figures: readonly FigureName[] })
  /** A figure over time, for each of the largest groups, or as a whole. */
  | (Placed & {
      readonly show: "over-time"
      readonly chart: "line" | "area"
      readonly figure: FigureName
      readonly by?: By
      readonly where?: readonly Filter[]
    })
  /** Several figures of one kind over time. */
  | (Placed & { readonly show: "figures-over-time"; readonly figures: readonly FigureName[] })
  | (Placed & {
      readonly show: "bars"
      readonly figure: FigureName
      readonly by: By
      readonly where?: readonly Filter[]
    })
  | (Placed & { readonly show: "histogram"; readonly histogram: Histogram })
  /** A row for each group, sorted by the first figure. */
  | (Placed & {
      readonly show: "groups"
      readonly by: readonly By[]
      readonly figures: readonly FigureName[]
      readonly where?: readonly Filter[]
      readonly top?: number
      /** Also what part of all each row has of this figure, in percent. */
      readonly share?: FigureName
    })
  /** The groups whose figure differs most from the period before. */
  | (Placed & { readonly show: "changes"; readonly figure: FigureName; readonly by: By })
  /** The calls themselves. */
  | (Placed & { readonly show: "calls"; readonly limit: number; readonly sort?: CallOrder })
  /** Not from the cube: the state of the router, its configuration, tables of the ledger. */
  | (Placed & { readonly show: "part"; readonly part: PartName; readonly live?: boolean })

export type CallOrder = "newest" | "oldest" | "cost" | "latency"

export interface PageDefinition {
  readonly name: PageName
  readonly title: string
  /** One sentence: which questions the page answers. */
  readonly about: string
  /** What the reader may choose for `chosen`, the first by default; empty: the page has no choice. */
  readonly by: readonly Dimension[]
  /** False: what the page shows has no range. */
  readonly hasRange: boolean
  /** The row of a call opens the page of that call: `calls/ID`. */
  readonly blocks: readonly BlockDefinition[]
}

export type PageName =
  | "overview"
  | "spend"
  | "performance"
  | "reliability"
  | "routing"
  | "calls"
  | "call"
  | "catalogue"
  | "limits"
  | "security"
  | "system"

/** What is not in the cube; each is answered by one function (`sources.ts`). */
export type PartName =
  | "now"
  | "budgets"
  | "savings"
  | "engines"
  | "flows"
  | "shaping"
  | "breakers"
  | "decisions"
  | "left-out"
  | "shadow"
  | "score-terms"
  | "policies"
  | "call"
  | "targets"
  | "prices"
  | "capabilities"
  | "findings"
  | "limits"
  | "security"
  | "system"
  | "state"
  | "retention"
  | "inactive"

/** What a reader asks of a page, checked. */
export interface PageQuestion {
  readonly page: PageName
  /** Half-open, Unix milliseconds. */
  readonly from: number
  readonly to: number
  readonly zone: string
  readonly slot: Slot
  readonly where: readonly Filter[]
  /** `project/environment` that the reader sees, or `*`; the filters hold it, too. */
  readonly domain: string
  readonly by: Dimension
  /** The period before, of the same length, is compared. */
  readonly compare: boolean
  readonly sort: CallOrder
  /** Goes on behind this call. */
  readonly after: { readonly value: number; readonly requestId: string } | null
  /** A call, by its id. */
  readonly call: string | null
  /** These blocks alone; null: all. */
  readonly only: readonly string[] | null
}
