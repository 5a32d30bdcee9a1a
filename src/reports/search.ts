/** Finds single calls in the cube: no index on the rows is needed, and filters are those of every other report. */
import { numberAt, type NumberColumn } from "../ledger/cube/columns.ts"
import { fillGap } from "../ledger/cube/fill.ts"
import type { ColumnName } from "../ledger/cube/segment.ts"
import type { StoredSegment } from "../ledger/cube/store.ts"
import { goneIn, marksIn } from "./gone.ts"
import { checkSearch, filterColumns } from "./plan.ts"
import type { Found, FoundCall, Search } from "./query.ts"
import { missingIn, type Moment, momentOf, type Reading, viewsOf } from "./reading.ts"
import { select, type View } from "./view.ts"

/** @throws ReportRefused, and what `reading.pause` throws */
export async function findCalls(reading: Reading, search: Search): Promise<Found> {
  checkSearch(search)
  const gone = goneIn(await marksIn(reading), search.from)
  return await reading.connection.reading(async () => {
    const moment = await momentOf(reading, search.from, search.to)
    const missing = missingIn(await fillGap(reading.connection), search.from, search.to)
    let kept = search.limit + 1
    for (;;) {
      const best = await bestOf(reading, moment, search, kept)
      if (!best.isShort) return { ...best.found(), ...missing, ...gone }
      kept *= 4
    }
  })
}

/** What orders the calls that filters leave; the times and the long ids of a segment are read where one of its calls is among the first. */
const ORDERING: readonly ColumnName[] = ["m:calls", "m:total_cost_nano_usd", "m:latency_ms"]

async function bestOf(reading: Reading, moment: Moment, search: Search, kept: number): Promise<Best> {
  const best = new Best(search, kept)
  const isByTime = search.sort === "newest" || search.sort === "oldest"
  const filters = filterColumns(search.where)
  const first = ({ firstMs, lastMs }: StoredSegment): readonly ColumnName[] =>
    firstMs < search.from || lastMs >= search.to ? ["ts", ...filters] : filters
  const rest = isByTime ? [...ORDERING, "ts" as const] : ORDERING
  let target = new Int32Array(0)
  const room = (count: number): Int32Array => (target.length < count ? (target = new Int32Array(count)) : target)
  const matters = (view: View): boolean =>
    !view.folded && select(view, search, room(view.count)) && room(view.count).subarray(0, view.count).includes(1)
  // one segment at a time: the next one may not be needed any more
  const batches: Moment = { batches: moment.batches, segments: [] }
  for await (const view of viewsOf(reading, batches, { first, rest, matters })) best.add(view, room(view.count))
  for (const segment of ordered(moment, search)) {
    if (best.isOver(segment)) break
    if (segment.folded === 1 || !best.mayHold(segment)) continue
    const one: Moment = { batches: null, segments: [segment] }
    for await (const view of viewsOf(reading, one, { first, rest, matters })) {
      if (!best.mayTake(view, room(view.count))) continue
      await view.more(reading.connection, ["ids", "ts"])
      best.add(view, room(view.count))
    }
  }
  return best
}

function ordered({ segments }: Moment, { sort }: Search): readonly StoredSegment[] {
  if (sort === "newest") return segments
  if (sort === "oldest") return segments.toSorted((one, other) => one.firstMs - other.firstMs)
  return segments.toSorted((one, other) => mostOf(other, sort) - mostOf(one, sort))
}

function mostOf({ mostNanoUsd, mostLatencyMs }: StoredSegment, sort: "cost" | "latency"): number {
  return sort === "cost" ? mostNanoUsd : mostLatencyMs
}

interface Candidate extends FoundCall {
  readonly value: number
  /** How many cells say that it is there, less those that take it back. */
  sign: number
}

/** The first calls of an order, as far as it was searched. */
class Best {
  readonly #search: Search
  /** -1: the largest value first. */
  readonly #direction: 1 | -1
  /** By id, more than are wanted: cells that take one back may still come. */
  #candidates = new Map<string, Candidate>()
  /** What is behind this value is not needed; null: not so many were found yet. */
  #worst: number | null = null

  /** So many are kept while the search goes on. */
  readonly #kept: number

  constructor(search: Search, kept: number) {
    this.#search = search
    this.#kept = kept
    this.#direction = search.sort === "oldest" ? 1 : -1
  }

  /** Nothing in this segment and in those behind it comes before what was found. */
  isOver(segment: StoredSegment): boolean {
    return this.#worst !== null && this.#isBehind(this.#bestOf(segment), this.#worst)
  }

  /** Calls were dropped in favour of others that later cells took back: more must be kept. */
  get isShort(): boolean {
    return this.#worst !== null && this.#sorted().length < this.#search.limit + 1
  }

  mayHold(segment: StoredSegment): boolean {
    const { sort, after } = this.#search
    if (this.isOver(segment)) return false
    // the order of cost and latency is that of the largest: what was shown before may stand in any segment
    return after === undefined || sort === "cost" || sort === "latency" || this.#mayFollow(segment, after.value)
  }

  #bestOf(segment: StoredSegment): number {
    const { sort } = this.#search
    return sort === "newest" ? segment.lastMs : sort === "oldest" ? segment.firstMs : mostOf(segment, sort)
  }

  #mayFollow({ firstMs, lastMs }: StoredSegment, value: number): boolean {
    return this.#search.sort === "newest" ? firstMs <= value : lastMs >= value
  }

  /** Is one of the selected cells among the first, as far as its value tells? */
  mayTake(view: View, target: Int32Array): boolean {
    const worst = this.#worst
    if (worst === null) return true
    const sorted = this.#sortedColumn(view)
    for (let cell = 0; cell < view.count; cell += 1)
      if (target[cell] !== 0 && !this.#isBehind(Math.abs(numberAt(sorted, cell)), worst)) return true
    return false
  }

  #sortedColumn(view: View): NumberColumn {
    const { sort } = this.#search
    return sort === "cost"
      ? view.measure("total_cost_nano_usd")
      : sort === "latency"
        ? view.measure("latency_ms")
        : view.ts()
  }

  add(view: View, target: Int32Array): void {
    const [ts, calls] = [view.ts(), view.measure("calls")]
    const [cost, latency] = [view.measure("total_cost_nano_usd"), view.measure("latency_ms")]
    const sorted = this.#sortedColumn(view)
    const idOf = view.ids()
    if (idOf === null) return
    for (let cell = 0; cell < view.count; cell += 1) {
      if (target[cell] === 0) continue
      const value = Math.abs(numberAt(sorted, cell))
      if (this.#worst !== null && this.#isBehind(value, this.#worst)) continue
      const sign = numberAt(calls, cell)
      if (sign === 0 || !this.#isAfter(value, cell, idOf)) continue
      const call = { totalCostNanoUsd: Math.abs(numberAt(cost, cell)), latencyMs: Math.abs(numberAt(latency, cell)) }
      this.#take({ requestId: idOf(cell), ts: numberAt(ts, cell), ...call, value, sign })
    }
    this.#trim()
  }

  found(): Found {
    const { limit } = this.#search
    const all = this.#sorted()
    const shown = all.slice(0, limit)
    const last = shown.at(-1)
    const calls = shown.map(({ requestId, ts, totalCostNanoUsd, latencyMs }) => ({
      requestId,
      ts,
      totalCostNanoUsd,
      latencyMs,
    }))
    const next = all.length > limit && last !== undefined ? { value: last.value, requestId: last.requestId } : null
    return { calls, next }
  }

  #take(candidate: Candidate): void {
    const known = this.#candidates.get(candidate.requestId)
    // what a correction puts in the place of a call comes with its own values
    if (known === undefined || (known.sign <= 0 && candidate.sign > 0)) {
      this.#candidates.set(candidate.requestId, { ...candidate, sign: candidate.sign + (known?.sign ?? 0) })
    } else known.sign += candidate.sign
    if (this.#candidates.size > 8 * this.#kept + 4096) this.#trim()
  }

  /** Keeps as many as are wanted, one more that says that there are more, and all that are worth the same as the last. */
  #trim(): void {
    const sorted = this.#sorted()
    const last = sorted[this.#kept - 1]
    if (last === undefined) return
    this.#worst = last.value
    for (const [id, { value }] of this.#candidates) if (this.#isBehind(value, last.value)) this.#candidates.delete(id)
  }

  #sorted(): Candidate[] {
    const there = [...this.#candidates.values()].filter(({ sign }) => sign > 0)
    return there.toSorted((one, other) => this.#compare(one, other))
  }

  #compare(one: { value: number; requestId: string }, other: { value: number; requestId: string }): number {
    const difference = (one.value - other.value) * this.#direction
    if (difference !== 0) return difference
    return (one.requestId < other.requestId ? -1 : one.requestId > other.requestId ? 1 : 0) * this.#direction
  }

  #isAfter(value: number, cell: number, idOf: (cell: number) => string): boolean {
    const { after } = this.#search
    if (after === undefined) return true
    if (value !== after.value) return this.#isBehind(value, after.value)
    return this.#compare({ value, requestId: idOf(cell) }, after) > 0
  }

  #isBehind(value: number, other: number): boolean {
    return (value - other) * this.#direction > 0
  }
}
