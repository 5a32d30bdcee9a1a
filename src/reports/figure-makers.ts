/** What figures are made of: columns, sums, shares and spreads. */
import type { Figures, Histogram, Measure, Spread } from "./query.ts"
import type { Cell, Column, Kind } from "./section.ts"

export interface Figure {
  readonly column: Column
  readonly measures: readonly Measure[]
  readonly histograms: readonly Histogram[]
  readonly value: (figures: Figures) => Cell
}

const UNITS: Readonly<Record<Kind, string>> = {
  text: "",
  count: "",
  tokens: "tokens",
  money: "USD",
  ms: "ms",
  percent: "%",
  rate: "tokens/s",
  time: "",
}

export function columnOf(key: string, kind: Kind, title: string, about: string): Column {
  return { key, title, unit: UNITS[kind], kind, about }
}

/** A sum of the cube as it is. */
export function sum(measure: Measure, kind: "count" | "tokens" | "money", title: string, about: string): Figure {
  const key = kind === "money" ? measure.replace("_nano_usd", "_usd") : measure
  return {
    column: columnOf(key, kind, title, about),
    measures: [measure],
    histograms: [],
    value: ({ sums }) => sums[measure] ?? 0n,
  }
}

/** `part` of `whole`; unknown where there is no whole. */
export function share(key: string, part: Measure, whole: Measure, title: string, about: string): Figure {
  return {
    column: columnOf(key, "percent", title, about),
    measures: [part, whole],
    histograms: [],
    value: ({ sums }) => percentOf(sums[part] ?? 0n, sums[whole] ?? 0n),
  }
}

/** 0 to 100; null: there is no whole. */
export function percentOf(part: bigint, whole: bigint): number | null {
  return whole === 0n ? null : Number((part * 1_000_000n) / whole) / 10_000
}

/** Rounded half away from zero; null: there is nothing to divide by. */
export function divide(amount: bigint, by: bigint): bigint | null {
  if (by === 0n) return null
  const [size, divisor] = [amount < 0n ? -amount : amount, by < 0n ? -by : by]
  const result = (size + divisor / 2n) / divisor
  return amount < 0n === by < 0n ? result : -result
}

export function spread(
  key: string,
  histogram: Histogram,
  at: "p50" | "p95" | "p99" | "max",
  title: string,
  about: string,
): Figure {
  return {
    column: columnOf(key, histogram === "tokens_per_second" ? "rate" : "ms", title, about),
    measures: [],
    histograms: [histogram],
    value: ({ spreads }) => atOf(spreads[histogram], at),
  }
}

function atOf(told: Spread | undefined, at: "p50" | "p95" | "p99" | "max"): number | null {
  return told?.[at] ?? null
}
