/** Sums and histograms by target: a number from 1 on; what is added to target 0 is thrown away. */
import { type HistogramColumn, numberAt, type NumberColumn, type Numbers } from "../ledger/cube/columns.ts"
import { BUCKETS, boundsOf, valueOf } from "../ledger/cube/histogram.ts"
import { HISTOGRAM_SCALES } from "../ledger/cube/measures.ts"
import type { View } from "./view.ts"
import type { Figures, Histogram, Measure, Spread } from "./query.ts"

/** Cells that are added up at once. */
const PIECE = 2048
const MIXED = -1

/** Where each cell of a view is added. */
export interface Targets {
  /** By cell. */
  readonly target: Int32Array
  readonly count: number
  /** By piece of `PIECE` cells: the target of all of them, or `MIXED`. */
  readonly same: Int32Array
}

export function targetsOf(target: Int32Array, count: number): Targets {
  const same = new Int32Array(Math.ceil(count / PIECE))
  for (let piece = 0; piece < same.length; piece += 1)
    same[piece] = sameIn(target, piece * PIECE, Math.min(count, (piece + 1) * PIECE))
  return { target, count, same }
}

function sameIn(target: Int32Array, from: number, to: number): number {
  const first = target[from] ?? 0
  for (let cell = from + 1; cell < to; cell += 1) if (target[cell] !== first) return MIXED
  return first
}

/** Adds whole numbers exactly: as floats while they provably fit, as big integers beyond. */
export class Sums {
  #floats: Float64Array
  /** What was taken out of `#floats`; null: nothing. */
  #large: bigint[] | null = null
  /** No float is further from 0. */
  #bound = 0

  constructor(targets: number) {
    this.#floats = new Float64Array(targets + 1)
  }

  add({ base, values, most }: NumberColumn, { target, count, same }: Targets): void {
    if (most === 0) return
    const rows = Math.min(PIECE, Math.max(1, Math.floor(Number.MAX_SAFE_INTEGER / most)))
    for (let from = 0; from < count; from += rows) {
      const to = Math.min(count, from + rows)
      if (this.#bound + most * (to - from) > Number.MAX_SAFE_INTEGER) this.#takeOut()
      this.#bound += most * (to - from)
      const all = rows === PIECE ? (same[from / PIECE] ?? MIXED) : MIXED
      if (all === 0) continue
      const piece = values === null ? constantPiece(base, to - from) : pieceOf(base, values, from, to)
      if (all === MIXED) addEach(this.#floats, piece, target, from, to)
      else this.#floats[all] = (this.#floats[all] ?? 0) + sumOf(piece, to - from)
    }
  }

  /** Makes room for more targets. */
  grow(targets: number): void {
    if (targets >= this.#floats.length) this.#floats = grown(this.#floats, 2 * targets + 1)
  }

  get bytes(): number {
    return this.#floats.byteLength + 50 * (this.#large?.length ?? 0)
  }

  copy(): Sums {
    const copy = new Sums(0)
    copy.#floats = this.#floats.slice()
    copy.#large = this.#large?.slice() ?? null
    copy.#bound = this.#bound
    return copy
  }

  /** Of several targets together. */
  of(targets: readonly number[]): bigint {
    let sum = 0
    for (const target of targets) sum += this.#floats[target] ?? 0
    const large = this.#large
    if (large === null) return BigInt(sum)
    return targets.reduce((all, target) => all + (large[target] ?? 0n), BigInt(sum))
  }

  #takeOut(): void {
    const large = (this.#large ??= [])
    this.#floats.forEach((sum, target) => {
      if (sum !== 0) large[target] = (large[target] ?? 0n) + BigInt(sum)
    })
    this.#floats.fill(0)
    this.#bound = 0
  }
}

function add(sums: Float64Array, index: number, value: number): void {
  sums[index] = (sums[index] ?? 0) + value
}

/** The floats of a piece; loops over one kind of array are fast, and this one stays near the processor. */
const PIECE_FLOATS = new Float64Array(PIECE)

function constantPiece(value: number, count: number): Float64Array {
  return PIECE_FLOATS.fill(value, 0, count)
}

function pieceOf(base: number, values: Numbers, from: number, to: number): Float64Array {
  PIECE_FLOATS.set(values.subarray(from, to))
  if (base !== 0) for (let at = 0; at < to - from; at += 1) PIECE_FLOATS[at] = (PIECE_FLOATS[at] ?? 0) + base
  return PIECE_FLOATS
}

function addEach(sums: Float64Array, piece: Float64Array, target: Int32Array, from: number, to: number): void {
  for (let cell = from; cell < to; cell += 1) {
    const at = target[cell] ?? 0
    sums[at] = (sums[at] ?? 0) + (piece[cell - from] ?? 0)
  }
}

/** Two sums at once, because each addition waits for the one before. */
function sumOf(piece: Float64Array, count: number): number {
  let [even, odd] = [0, 0]
  for (let at = 0; at + 1 < count; at += 2) {
    even += piece[at] ?? 0
    odd += piece[at + 1] ?? 0
  }
  return even + odd + (count % 2 === 1 ? (piece[count - 1] ?? 0) : 0)
}

function countEach(counts: Float64Array, buckets: Uint8Array, target: Int32Array, count: number): void {
  for (let cell = 0; cell < count; cell += 1) {
    const at = (target[cell] ?? 0) * BUCKETS + (buckets[cell] ?? 0)
    counts[at] = (counts[at] ?? 0) + 1
  }
}

function grown(values: Float64Array, length: number): Float64Array {
  const larger = new Float64Array(length)
  larger.set(values)
  return larger
}

class Counts {
  #counts: Float64Array

  constructor(targets: number) {
    this.#counts = new Float64Array((targets + 1) * BUCKETS)
  }

  add({ single, cells, buckets, counts }: HistogramColumn, target: Int32Array, count: number): void {
    const all = this.#counts
    if (single !== null) {
      countEach(all, single, target, count)
      return
    }
    for (let pair = 0; pair < cells.length; pair += 1)
      add(all, (target[cells[pair] ?? 0] ?? 0) * BUCKETS + (buckets[pair] ?? 0), numberAt(counts, pair))
  }

  grow(targets: number): void {
    this.#counts = grown(this.#counts, (targets + 1) * BUCKETS)
  }

  get bytes(): number {
    return this.#counts.byteLength
  }

  copy(): Counts {
    const copy = new Counts(0)
    copy.#counts = this.#counts.slice()
    return copy
  }

  of(target: number): Float64Array {
    return this.#counts.subarray(target * BUCKETS, (target + 1) * BUCKETS)
  }
}

/** What a query adds up for each target. */
export class Accumulator {
  #sums: ReadonlyMap<Measure, Sums>
  #counts: ReadonlyMap<Histogram, Counts>
  readonly #withBuckets: boolean
  #targets: number

  constructor(targets: number, measures: readonly Measure[], histograms: readonly Histogram[], withBuckets: boolean) {
    this.#sums = new Map(measures.map((name) => [name, new Sums(targets)]))
    this.#counts = new Map(histograms.map((name) => [name, new Counts(targets)]))
    this.#withBuckets = withBuckets
    this.#targets = targets
  }

  get bytes(): number {
    let bytes = 0
    for (const part of [...this.#sums.values(), ...this.#counts.values()]) bytes += part.bytes
    return bytes
  }

  copy(): Accumulator {
    const copy = new Accumulator(0, [], [], this.#withBuckets)
    copy.#targets = this.#targets
    copy.#sums = new Map([...this.#sums].map(([name, sums]) => [name, sums.copy()]))
    copy.#counts = new Map([...this.#counts].map(([name, counts]) => [name, counts.copy()]))
    return copy
  }

  /** There are so many targets now. */
  grow(targets: number): void {
    if (targets <= this.#targets) return
    this.#targets = Math.max(targets, 2 * this.#targets)
    for (const sums of this.#sums.values()) sums.grow(this.#targets)
    for (const counts of this.#counts.values()) counts.grow(this.#targets)
  }

  /** The first measure of several targets together. */
  first(targets: readonly number[]): bigint {
    const [sums] = this.#sums.values()
    return sums?.of(targets) ?? 0n
  }

  add(view: View, target: Int32Array): void {
    const targets = targetsOf(target, view.count)
    for (const [name, sums] of this.#sums) sums.add(view.measure(name), targets)
    for (const [name, counts] of this.#counts) counts.add(view.histogram(name), target, view.count)
  }

  /** Of several targets together. */
  figures(targets: readonly number[]): Figures {
    const sums: Partial<Record<Measure, bigint>> = {}
    for (const [name, all] of this.#sums) sums[name] = all.of(targets)
    const spreads: Partial<Record<Histogram, Spread>> = {}
    for (const [name, all] of this.#counts) {
      const counts = new Float64Array(BUCKETS)
      for (const target of targets) all.of(target).forEach((count, bucket) => add(counts, bucket, count))
      spreads[name] = spreadOf(counts, HISTOGRAM_SCALES[name], this.#withBuckets)
    }
    return { sums, spreads }
  }
}

function spreadOf(counts: Float64Array, scale: number, withBuckets: boolean): Spread {
  let count = 0
  for (let bucket = 1; bucket < BUCKETS; bucket += 1) count += counts[bucket] ?? 0
  const at = (share: number): number | null => quantile(counts, count, share, scale)
  const spread = { count, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
  return withBuckets ? { ...spread, buckets: bucketsOf(counts, scale) } : spread
}

/** The value of the nearest rank. */
function quantile(counts: Float64Array, count: number, share: number, scale: number): number | null {
  if (count <= 0) return null
  const rank = Math.max(1, Math.ceil(share * count))
  let seen = 0
  for (let bucket = 1; bucket < BUCKETS; bucket += 1) {
    seen += counts[bucket] ?? 0
    if (seen >= rank) return valueOf(bucket) / scale
  }
  return null
}

function bucketsOf(counts: Float64Array, scale: number): NonNullable<Spread["buckets"]> {
  const buckets: { from: number; to: number; count: number }[] = []
  counts.forEach((count, bucket) => {
    const [from, to] = boundsOf(bucket)
    if (bucket > 0 && count !== 0) buckets.push({ from: from / scale, to: to / scale, count })
  })
  return buckets
}
