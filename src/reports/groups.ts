/** Tells the groups of a query apart: each combination of values gets a number, the same in all segments. */
import type { TextColumn } from "../ledger/cube/columns.ts"
import type { Dimension } from "./query.ts"
import { ReportRefused } from "./query.ts"
import type { View } from "./view.ts"

/** More than these would take more memory than an answer may. */
const MOST_TOLD_APART = 200_000
/** Combinations of a segment's texts that are looked up in a list; more go through a map. */
const LISTED = 1 << 20
const SEPARATOR = "\u0000"

export class Groups {
  readonly keys: (readonly string[])[] = []
  readonly #by: readonly Dimension[]
  #numbers = new Map<string, number>()
  #list = new Int32Array(1024)

  constructor(by: readonly Dimension[]) {
    this.#by = by
  }

  /** About how many it takes. */
  get bytes(): number {
    let bytes = 0
    for (const text of this.#numbers.keys()) bytes += 4 * text.length + 100
    return bytes
  }

  copy(): Groups {
    const copy = new Groups(this.#by)
    for (const key of this.keys) copy.keys.push(key)
    copy.#numbers = new Map(this.#numbers)
    return copy
  }

  /** Replaces the 1 of each selected cell by the number of its group, counted from 1 on. @throws ReportRefused */
  assign(view: View, target: Int32Array): void {
    const columns = this.#by.map((dimension) => view.dimension(dimension))
    const places = placesOf(columns, view.count)
    const fresh = (cell: number): number =>
      this.#numberOf(columns.map(({ texts, codes }) => texts[codes === null ? 0 : (codes[cell] ?? 0)] ?? ""))
    const combinations = columns.reduce((product, { texts }) => product * texts.length, 1)
    if (combinations <= LISTED) byList(places, this.#emptyList(combinations), view.count, target, fresh)
    else byMap(places, view.count, target, fresh)
  }

  #emptyList(length: number): Int32Array {
    if (this.#list.length < length) this.#list = new Int32Array(length)
    else this.#list.fill(0, 0, length)
    return this.#list
  }

  #numberOf(key: readonly string[]): number {
    const text = key.join(SEPARATOR)
    let number = this.#numbers.get(text)
    if (number === undefined) {
      if (this.keys.length === MOST_TOLD_APART) {
        const cure = "fewer dimensions, a filter or a shorter range are needed"
        throw new ReportRefused("by", `There are more than ${MOST_TOLD_APART} groups: ${cure}.`)
      }
      this.keys.push(key)
      number = this.keys.length
      this.#numbers.set(text, number)
    }
    return number
  }
}

/** Products beyond do not fit into 32 bits. */
const MOST_PLACES = 2 ** 31

/** For each cell a number that says which texts it has. */
function placesOf(columns: readonly TextColumn[], count: number): Int32Array | Float64Array {
  const [one, ...others] = columns
  if (one === undefined) return new Int32Array(count)
  if (others.length === 0) return one.codes ?? new Int32Array(count)
  if (columns.reduce((product, { texts }) => product * texts.length, 1) > MOST_PLACES)
    return largePlaces(columns, count)
  const places = one.codes === null ? new Int32Array(count) : one.codes.slice()
  for (const { texts, codes } of others) {
    const size = texts.length
    if (codes === null) for (let cell = 0; cell < count; cell += 1) places[cell] = (places[cell] ?? 0) * size
    else for (let cell = 0; cell < count; cell += 1) places[cell] = (places[cell] ?? 0) * size + (codes[cell] ?? 0)
  }
  return places
}

function largePlaces(columns: readonly TextColumn[], count: number): Float64Array {
  const places = new Float64Array(count)
  for (const { texts, codes } of columns)
    for (let cell = 0; cell < count; cell += 1)
      places[cell] = (places[cell] ?? 0) * texts.length + (codes === null ? 0 : (codes[cell] ?? 0))
  return places
}

function byList(
  places: Int32Array | Float64Array,
  list: Int32Array,
  count: number,
  target: Int32Array,
  fresh: (cell: number) => number,
): void {
  const own = places instanceof Int32Array ? places : new Int32Array(places)
  for (let cell = 0; cell < count; cell += 1) {
    if (target[cell] === 0) continue
    const place = own[cell] ?? 0
    let group = list[place] ?? 0
    if (group === 0) {
      group = fresh(cell)
      list[place] = group
    }
    target[cell] = group
  }
}

function byMap(
  places: Int32Array | Float64Array,
  count: number,
  target: Int32Array,
  fresh: (cell: number) => number,
): void {
  const numbers = new Map<number, number>()
  for (let cell = 0; cell < count; cell += 1) {
    if (target[cell] === 0) continue
    const place = places[cell] ?? 0
    let group = numbers.get(place)
    if (group === undefined) {
      group = fresh(cell)
      numbers.set(place, group)
    }
    target[cell] = group
  }
}
