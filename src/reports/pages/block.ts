/** What a page of the console is made of, as data: the composer writes it, every surface shows it. */
import type { Dimension, Slot } from "../query.ts"

/**
 * How a value is shown. `money` is nano-USD, `price` nano-USD for a million tokens, `ms` milliseconds, `percent` 0 to 100, `time` Unix milliseconds, `call` the id of
 * a call, `state` one of `ok`, `warning`, `bad`, `off` before a colon and the words behind it (`bad: open`).
 */
export type Kind =
  | "text"
  | "count"
  | "money"
  | "price"
  | "tokens"
  | "ms"
  | "percent"
  | "tokens_per_second"
  | "time"
  | "bytes"
  | "call"
  | "state"

/** Whole numbers beyond 2^53 are decimal texts; null is unknown. */
export type Value = string | number | null

export interface Column {
  readonly key: string
  readonly title: string
  readonly kind: Kind
  /** A click on a value filters the page by it. */
  readonly filter?: Dimension
  /** Rows are compared by a bar of this column: a share of 100 for percent, else of the largest. */
  readonly bar?: boolean
  /** Of a time: the slot that begins then, or no more than its minute. Absent: the second. */
  readonly precision?: Slot | "minute"
}

interface Framed {
  /** Unique on its page. */
  readonly id: string
  readonly title: string
  /** One or two sentences: what is counted, what is left out. */
  readonly note?: string
  /** Asked again every few seconds, by its id in `only`. */
  readonly live?: boolean
  /** Two blocks of half the width stand side by side where there is room. */
  readonly half?: boolean
}

export interface Tile {
  readonly id: string
  readonly title: string
  readonly kind: Kind
  readonly value: Value
  /** Of the period before; absent: nothing is compared. */
  readonly before?: Value
  /** Which change is good news. */
  readonly good?: "more" | "less"
  readonly note?: string
}

export interface TilesBlock extends Framed {
  readonly show: "tiles"
  readonly tiles: readonly Tile[]
}

export interface TableBlock extends Framed {
  readonly show: "table"
  readonly columns: readonly Column[]
  /** A value for each column. */
  readonly rows: readonly (readonly Value[])[]
  /** Of all rows, those that are not shown included; null: adding up makes no sense here. */
  readonly totals: readonly Value[] | null
  /** The last row stands for all that are not told apart. */
  readonly hasRest: boolean
  /** How many rows there would be. */
  readonly rowCount: number
  /** Shown where there are no rows: what would stand here, and how it gets there. */
  readonly empty?: string
  /** The rows go on behind this cursor; null: these are the last. Absent: all rows are here. */
  readonly next?: string | null
  /** The order that the rows come in, and those there are (of cursors). */
  readonly order?: { readonly by: string; readonly choices: readonly { readonly by: string; readonly title: string }[] }
}

export interface Series {
  readonly name: string
  readonly points: readonly Value[]
  /** What is left of the others ("Other"). */
  readonly isRest?: boolean
}

/** `area` is stacked. Points are null where there is nothing to show. */
export interface TimeChart extends Framed {
  readonly show: "chart"
  readonly chart: "line" | "area"
  readonly kind: Kind
  /** Where each slot begins, Unix milliseconds. */
  readonly times: readonly number[]
  readonly slot: Slot
  readonly series: readonly Series[]
}

export interface BarChart extends Framed {
  readonly show: "bars"
  readonly kind: Kind
  readonly bars: readonly { readonly name: string; readonly value: Value; readonly isRest?: boolean }[]
}

/** Counts of values in ranges, ascending. */
export interface HistogramChart extends Framed {
  readonly show: "histogram"
  readonly kind: Kind
  readonly buckets: readonly { readonly from: number; readonly to: number; readonly count: number }[]
  readonly marks: readonly { readonly name: string; readonly value: number }[]
}

/** From left to right; the height of a band is its value. */
export interface FlowChart extends Framed {
  readonly show: "flow"
  readonly kind: Kind
  readonly links: readonly {
    readonly from: string
    readonly to: string
    readonly value: number
    readonly isBad?: boolean
  }[]
}

/** What happened within one call, in milliseconds from its beginning. */
export interface Timeline extends Framed {
  readonly show: "timeline"
  readonly totalMs: number
  readonly spans: readonly {
    readonly name: string
    readonly fromMs: number
    /** 0: an instant. */
    readonly durationMs: number
    readonly state: "ok" | "warning" | "bad" | "off"
    readonly note?: string
  }[]
}

export interface Facts extends Framed {
  readonly show: "facts"
  readonly facts: readonly {
    readonly name: string
    readonly kind: Kind
    readonly value: Value
    readonly note?: string
  }[]
}

/** What needs a look now; none: all is well. */
export interface Alerts extends Framed {
  readonly show: "alerts"
  readonly alerts: readonly {
    readonly state: "warning" | "bad"
    readonly text: string
    /** Where more stands: a page of the console and its parameters (`limits?…`). */
    readonly link?: string
  }[]
  /** Said where nothing needs a look. */
  readonly allIsWell: string
}

/** Why a block is not there; the rest of the page is. */
export interface Missing extends Framed {
  readonly show: "missing"
  readonly reason: string
}

export type Block =
  | TilesBlock
  | TableBlock
  | TimeChart
  | BarChart
  | HistogramChart
  | FlowChart
  | Timeline
  | Facts
  | Alerts
  | Missing

/** Everything that a page shows, from one request. */
export interface PageAnswer {
  readonly page: string
  /** Half-open, Unix milliseconds. */
  readonly from: number
  readonly to: number
  readonly zone: string
  readonly slot: Slot
  /** The period that is compared with; null: nothing is. */
  readonly before: { readonly from: number; readonly to: number } | null
  /** When the answer was made, Unix milliseconds. */
  readonly asOf: number
  /** The calls are made up, for newcomers. */
  readonly isSample: boolean
  readonly blocks: readonly Block[]
}
