/** Tells the groups of a query apart: each combination of values gets a number, the same in all segments. */
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
  readonly #numbers = new Map<string, number>()
  #list = new Int32Array(1024)

  constructor(by: readonly Dimension[]) {
    this.#by = by
  }

  /** Replaces the 1 of each selected cell by the number of its group, counted from 1 on. @throws ReportRefused */
  assign(view: View, target: Int32Array): void {
    const columns = this.#by.map((dimension) => view.dimension(dimension))
    const [one, two, three] = columns
    if (one === undefined) return
    const sizes = columns.map(({ texts }) => texts.length)
    const combinations = sizes.reduce((product, size) => product * size, 1)
    const isListed = combinations <= LISTED
    const list = isListed ? this.#emptyList(combinations) : new Map<number, number>()
    for (let cell = 0; cell < view.count; cell += 1) {
      if (target[cell] === 0) continue
      let place = one.codes?.[cell] ?? 0
      if (two !== undefined) place = place * (sizes[1] ?? 1) + (two.codes?.[cell] ?? 0)
      if (three !== undefined) place = place * (sizes[2] ?? 1) + (three.codes?.[cell] ?? 0)
      let group = list instanceof Int32Array ? (list[place] ?? 0) : (list.get(place) ?? 0)
      if (group === 0) {
        group = this.#numberOf(columns.map(({ texts, codes }) => texts[codes?.[cell] ?? 0] ?? ""))
        if (list instanceof Int32Array) list[place] = group
        else list.set(place, group)
      }
      target[cell] = group
    }
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
