/** What a query adds up of the cells that it selects, and the rows that it becomes. */
import { numberAt } from "../ledger/cube/columns.ts"
import type { ColumnName } from "../ledger/cube/segment.ts"
import { Accumulator, Sums, targetsOf } from "./figures.ts"
import { Groups } from "./groups.ts"
import { filterColumns, type Plan, dimensionColumns } from "./plan.ts"
import type { Figures, Group, Query, Rows } from "./query.ts"
import { firstFrom, type View } from "./view.ts"

/** Goes over the cells of the cube that a plan selects. */
export interface Scanner {
  readonly plan: Plan
  /** Beside those that select. */
  readonly columns: readonly ColumnName[]
  add(view: View, target: Int32Array): void
}

export interface Ranking {
  readonly groups: Groups
  /** Of each group, by its number less one: its rank from 0 on, the largest first. */
  readonly ranks: Int32Array
}

/** Groups of the same size stand in the order of their names, so that they are the same ones each time. */
function rankingOf(groups: Groups, sums: readonly bigint[]): Ranking {
  const { keys } = groups
  const order = keys.map((_, index) => index)
  const names = keys.map((key) => key.join("\u0000"))
  order.sort((one, other) => {
    const difference = (sums[other] ?? 0n) - (sums[one] ?? 0n)
    if (difference !== 0n) return difference > 0n ? 1 : -1
    return (names[one] ?? "") < (names[other] ?? "") ? -1 : 1
  })
  const ranks = new Int32Array(keys.length)
  order.forEach((index, rank) => (ranks[index] = rank))
  return { groups, ranks }
}

/** Adds up the first measure by group, however many there are. */
export class Tally implements Scanner {
  readonly plan: Plan
  readonly columns: readonly ColumnName[]
  readonly #groups: Groups
  readonly #sums = new Sums(0)

  constructor(plan: Plan) {
    this.plan = plan
    this.columns = [...keyColumns(plan.query), `m:${plan.query.measures[0] ?? "calls"}`]
    this.#groups = new Groups(plan.query.by)
  }

  add(view: View, target: Int32Array): void {
    this.#groups.assign(view, target)
    this.#sums.grow(this.#groups.keys.length)
    this.#sums.add(view.measure(this.plan.query.measures[0] ?? "calls"), targetsOf(target, view.count))
  }

  ranking(): Ranking {
    return rankingOf(
      this.#groups,
      this.#groups.keys.map((_, index) => this.#sums.of([index + 1])),
    )
  }
}

/** Sums and buckets that are kept at once for a query whose groups are not ranked yet. */
const MOST_KEPT_SUMS = 1_000_000
const MOST_KEPT_SPREADS = 12_000

/** What an answer has added up, by group and slot. */
export interface AnswerSums {
  readonly groups: Groups
  readonly accumulator: Accumulator
}

/** Everything about each group, or, where a ranking is given, about the largest, and about the others together. */
export class Answer implements Scanner {
  readonly plan: Plan
  readonly columns: readonly ColumnName[]
  /** There are too many groups to keep everything about each. */
  isCrowded = false
  readonly #ranking: Ranking | null
  #groups: Groups
  #accumulator: Accumulator

  constructor(plan: Plan, ranking: Ranking | null) {
    const { measures, histograms, buckets, by } = plan.query
    this.plan = plan
    this.columns = answerColumns(plan.query)
    this.#ranking = ranking
    this.#groups = ranking?.groups ?? new Groups(by)
    const told = ranking === null ? 1 : plan.top + 1
    this.#accumulator = new Accumulator(told * plan.slots.length, measures, histograms, buckets === true)
  }

  add(view: View, target: Int32Array): void {
    if (this.isCrowded) return
    const { slots, query } = this.plan
    if (query.by.length > 0 && !this.#place(view, target)) return
    if (slots.length > 1) addSlots(view, slots, target)
    this.#accumulator.add(view, target)
  }

  /** What was added until now; of an answer that is not ranked, and not crowded. */
  sums(): AnswerSums {
    return { groups: this.#groups.copy(), accumulator: this.#accumulator.copy() }
  }

  /** Begins with what was added before. */
  beginWith({ groups, accumulator }: AnswerSums): void {
    this.#groups = groups.copy()
    this.#accumulator = accumulator.copy()
  }

  rows(): Rows {
    const { query, slots } = this.plan
    const shownSlots = query.slot === undefined ? [] : slots
    if (query.by.length === 0) return { totals: this.#group(null, [0]), groups: [], groupCount: 0, slots: shownSlots }
    const { keys } = this.#groups
    const ranks = this.#ranking?.ranks ?? this.#ownRanks()
    const shown = Math.min(this.plan.top, keys.length)
    // where each rank stands: ranked groups by their rank, others by their number
    const places = Array.from({ length: keys.length }, (_, place) => place)
    const ordered: (readonly string[])[] = []
    keys.forEach((key, index) => {
      const rank = ranks[index] ?? 0
      ordered[rank] = key
      if (this.#ranking === null) places[rank] = index
    })
    const groups = Array.from({ length: shown }, (_, rank) => this.#group(ordered[rank] ?? [], [places[rank] ?? 0]))
    const others = this.#ranking === null ? places.slice(shown) : [shown]
    if (keys.length > shown) groups.push(this.#group(null, others))
    const all = this.#ranking === null ? places : [...places.slice(0, shown), shown]
    return { totals: this.#group(null, all), groups, groupCount: keys.length, slots: shownSlots }
  }

  #group(key: readonly string[] | null, places: readonly number[]): Group {
    const { query, slots } = this.plan
    const of = (indices: readonly number[]): Figures =>
      this.#accumulator.figures(places.flatMap((place) => indices.map((slot) => 1 + place * slots.length + slot)))
    const indices = slots.map((_, slot) => slot)
    return { key, figures: of(indices), series: query.slot === undefined ? [] : indices.map((slot) => of([slot])) }
  }

  #ownRanks(): Int32Array {
    const { length } = this.plan.slots
    const sums = this.#groups.keys.map((_, place) =>
      this.#accumulator.first(Array.from({ length }, (__, slot) => 1 + place * length + slot)),
    )
    return rankingOf(this.#groups, sums).ranks
  }

  /** Targets of the first slot of each cell's group. False: there are too many. */
  #place(view: View, target: Int32Array): boolean {
    this.#groups.assign(view, target)
    const { length } = this.plan.slots
    const { measures, histograms } = this.plan.query
    const ranks = this.#ranking?.ranks ?? null
    if (ranks === null) {
      const targets = this.#groups.keys.length * length
      this.isCrowded = targets * measures.length > MOST_KEPT_SUMS || targets * histograms.length > MOST_KEPT_SPREADS
      if (this.isCrowded) return false
      this.#accumulator.grow(targets)
    }
    const shown = Math.min(this.plan.top, this.#groups.keys.length)
    for (let cell = 0; cell < view.count; cell += 1) {
      const group = target[cell] ?? 0
      if (group === 0) continue
      const place = ranks === null ? group - 1 : Math.min(ranks[group - 1] ?? 0, shown)
      target[cell] = 1 + place * length
    }
    return true
  }
}

/** Adds to each selected cell's target the number of its slot. */
function addSlots(view: View, slots: readonly number[], target: Int32Array): void {
  const { count } = view
  if (!view.isSorted) {
    const ts = view.ts()
    for (let cell = 0; cell < count; cell += 1)
      if (target[cell] !== 0) target[cell] = (target[cell] ?? 0) + slotAt(slots, numberAt(ts, cell))
    return
  }
  const last = slotAt(slots, view.lastMs)
  let from = 0
  for (let slot = slotAt(slots, view.firstMs); slot <= last; slot += 1) {
    const to = slot === last ? count : firstFrom(view.ts(), count, slots[slot + 1] ?? Infinity)
    if (slot > 0) addTo(target, from, to, slot)
    from = to
  }
}

function addTo(target: Int32Array, from: number, to: number, slot: number): void {
  for (let cell = from; cell < to; cell += 1) {
    const own = target[cell] ?? 0
    if (own !== 0) target[cell] = own + slot
  }
}

export function slotAt(slots: readonly number[], ts: number): number {
  let low = 0
  let high = slots.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((slots[middle] ?? 0) <= ts) low = middle
    else high = middle - 1
  }
  return low
}

function keyColumns({ by, where }: Query): ColumnName[] {
  return [...filterColumns(where), ...by.flatMap(dimensionColumns)]
}

function answerColumns(query: Query): ColumnName[] {
  const measures = query.measures.map((name) => `m:${name}` as const)
  return [...keyColumns(query), ...measures, ...query.histograms.map((name) => `h:${name}` as const)]
}
