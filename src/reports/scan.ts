/** Answers queries from one reading of the cube: first which groups are the largest, then everything about those. */
import type { NumberColumn } from "../ledger/cube/columns.ts"
import type { ColumnName } from "../ledger/cube/segment.ts"
import { Accumulator, Sums } from "./figures.ts"
import { Groups } from "./groups.ts"
import { filterColumns, type Plan, planAll, storedDimension } from "./plan.ts"
import type { Figures, Group, Query, Rows } from "./query.ts"
import { type Moment, momentOf, type Reading, viewsOf } from "./reading.ts"
import { select, type View } from "./view.ts"

/** @throws ReportRefused, and what `reading.pause` throws */
export async function answerQueries(reading: Reading, queries: readonly Query[]): Promise<Rows[]> {
  const plans = planAll(queries)
  const from = Math.min(...queries.map((query) => query.from))
  const to = Math.max(...queries.map((query) => query.to))
  return await reading.connection.reading(async () => {
    const moment = await momentOf(reading, from, to)
    const largest = await largestGroups(reading, moment, plans)
    const answers = plans.map((plan, index) => new Answer(plan, largest[index] ?? null))
    const columns = plans.flatMap(({ query }) => answerColumns(query))
    await scan(reading, moment, plans, columns, (view, target, index) => answers[index]?.add(view, target))
    return answers.map((answer) => answer.rows())
  })
}

interface Ranking {
  readonly groups: Groups
  /** Of each group, by its number less one: its rank from 0 on, the largest first. */
  readonly ranks: Int32Array
}

/** Null for queries without groups. */
async function largestGroups(reading: Reading, moment: Moment, plans: readonly Plan[]): Promise<(Ranking | null)[]> {
  const grouped = plans.filter(({ query }) => query.by.length > 0)
  if (grouped.length === 0) return plans.map(() => null)
  const tallies = grouped.map(({ query }) => new Tally(query))
  const columns = grouped.flatMap(({ query }) => [
    ...dimensionColumns(query),
    `m:${query.measures[0] ?? "calls"}` as const,
  ])
  await scan(reading, moment, grouped, columns, (view, target, index) => tallies[index]?.add(view, target))
  return plans.map((plan) => tallies[grouped.indexOf(plan)]?.ranking() ?? null)
}

/** The first measure by group. */
class Tally {
  readonly #groups: Groups
  readonly #query: Query
  /** Grows with the groups. */
  #sums: bigint[] = []

  constructor(query: Query) {
    this.#query = query
    this.#groups = new Groups(query.by)
  }

  add(view: View, target: Int32Array): void {
    this.#groups.assign(view, target)
    const sums = new Sums(this.#groups.keys.length)
    sums.add(view.measure(this.#query.measures[0] ?? "calls"), target, view.count)
    for (let group = 1; group <= this.#groups.keys.length; group += 1)
      this.#sums[group] = (this.#sums[group] ?? 0n) + sums.of(group)
  }

  /** Groups of the same size stand in the order of their names, so that they are the same ones each time. */
  ranking(): Ranking {
    const { keys } = this.#groups
    const order = keys.map((_, index) => index)
    const names = keys.map((key) => key.join("\u0000"))
    order.sort((one, other) => {
      const difference = (this.#sums[other + 1] ?? 0n) - (this.#sums[one + 1] ?? 0n)
      if (difference !== 0n) return difference > 0n ? 1 : -1
      return (names[one] ?? "") < (names[other] ?? "") ? -1 : 1
    })
    const ranks = new Int32Array(keys.length)
    order.forEach((index, rank) => (ranks[index] = rank))
    return { groups: this.#groups, ranks }
  }
}

/** Everything about the largest groups, and about the others together. */
class Answer {
  readonly #plan: Plan
  readonly #ranking: Ranking | null
  readonly #accumulator: Accumulator
  /** How many groups are told apart, and one more where there are others. */
  readonly #told: number
  readonly #shown: number

  constructor(plan: Plan, ranking: Ranking | null) {
    this.#plan = plan
    this.#ranking = ranking
    const groupCount = ranking?.ranks.length ?? 0
    this.#shown = Math.min(plan.top, groupCount)
    this.#told = ranking === null ? 1 : this.#shown + (groupCount > this.#shown ? 1 : 0)
    const { measures, histograms, buckets } = plan.query
    this.#accumulator = new Accumulator(this.#told * plan.slots.length, measures, histograms, buckets === true)
  }

  add(view: View, target: Int32Array): void {
    const { slots } = this.#plan
    if (this.#ranking !== null) this.#toRanks(this.#ranking, view, target)
    if (slots.length > 1) addSlots(view.ts(), view.count, slots, target)
    this.#accumulator.add(view, target)
  }

  rows(): Rows {
    const { query, slots } = this.#plan
    const ranking = this.#ranking
    const all = Array.from({ length: this.#told }, (_, rank) => rank)
    const totals = this.#group(null, all)
    if (ranking === null) return { totals, groups: [], groupCount: 0, slots: query.slot === undefined ? [] : slots }
    const keys: (readonly string[])[] = []
    ranking.groups.keys.forEach((key, index) => {
      const rank = ranking.ranks[index] ?? 0
      if (rank < this.#shown) keys[rank] = key
    })
    const groups = all.map((rank) => this.#group(rank < this.#shown ? (keys[rank] ?? []) : null, [rank]))
    return { totals, groups, groupCount: ranking.ranks.length, slots: query.slot === undefined ? [] : slots }
  }

  #group(key: readonly string[] | null, ranks: readonly number[]): Group {
    const { query, slots } = this.#plan
    const of = (indices: readonly number[]): Figures =>
      this.#accumulator.figures(ranks.flatMap((rank) => indices.map((slot) => 1 + rank * slots.length + slot)))
    const indices = slots.map((_, slot) => slot)
    return { key, figures: of(indices), series: query.slot === undefined ? [] : indices.map((slot) => of([slot])) }
  }

  #toRanks({ groups, ranks }: Ranking, view: View, target: Int32Array): void {
    groups.assign(view, target)
    const { length } = this.#plan.slots
    const other = this.#told - 1
    for (let cell = 0; cell < view.count; cell += 1) {
      const group = target[cell] ?? 0
      if (group === 0) continue
      const rank = ranks[group - 1] ?? 0
      target[cell] = 1 + (rank < this.#shown ? rank : other) * length
    }
  }
}

/** Adds to each selected cell's target the number of its slot. Cells mostly follow one another in time. */
function addSlots({ base, values }: NumberColumn, count: number, slots: readonly number[], target: Int32Array): void {
  let slot = 0
  let begin = slots[0] ?? 0
  let end = slots[1] ?? Infinity
  for (let cell = 0; cell < count; cell += 1) {
    if (target[cell] === 0) continue
    const ts = values === null ? base : base + (values[cell] ?? 0)
    if (ts < begin || ts >= end) {
      slot = slotAt(slots, ts)
      begin = slots[slot] ?? 0
      end = slots[slot + 1] ?? Infinity
    }
    target[cell] = (target[cell] ?? 0) + slot
  }
}

function slotAt(slots: readonly number[], ts: number): number {
  let low = 0
  let high = slots.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((slots[middle] ?? 0) <= ts) low = middle
    else high = middle - 1
  }
  return low
}

function overlaps(view: View, { query }: Plan): boolean {
  return view.lastMs >= query.from && view.firstMs < query.to
}

async function scan(
  reading: Reading,
  moment: Moment,
  plans: readonly Plan[],
  columns: readonly ColumnName[],
  add: (view: View, target: Int32Array, index: number) => void,
): Promise<void> {
  let target = new Int32Array(0)
  const room = (count: number): Int32Array => (target.length < count ? (target = new Int32Array(count)) : target)
  const first = plans.some(({ query }) => query.where.length === 0)
    ? columns
    : plans.flatMap(({ query }) => filterColumns(query.where))
  const matters = (view: View): boolean =>
    plans.some((plan) => overlaps(view, plan) && select(view, plan.query, room(view.count)))
  for await (const view of viewsOf(reading, moment, { first, rest: columns, matters })) {
    plans.forEach((plan, index) => {
      const own = room(view.count)
      if (overlaps(view, plan) && select(view, plan.query, own)) add(view, own, index)
    })
  }
}

function dimensionColumns({ by, where }: Query): ColumnName[] {
  return [...filterColumns(where), ...by.map((name) => `d:${storedDimension(name)}` as const)]
}

function answerColumns(query: Query): ColumnName[] {
  const measures = query.measures.map((name) => `m:${name}` as const)
  return [...dimensionColumns(query), ...measures, ...query.histograms.map((name) => `h:${name}` as const)]
}
