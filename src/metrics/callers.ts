/** What callers were billed for and refused: a bounded number of them by themselves. */
import type { UsageRow } from "../ledger/record.ts"
import { CallerSeries } from "./series.ts"

/** In place of the labels of callers beyond the bound: no id has parentheses that the configuration does not give it. */
export const OTHER_CALLERS = "(other)"

export class Callers {
  /** Callers with series of their own; further ones are counted together. */
  most: number = Infinity
  /** By id: where the caller stands now. */
  readonly #current = new Map<string, CallerSeries>()
  /** Of callers that were in another project or environment before, and of those beyond the bound. */
  readonly #others = new Map<string, CallerSeries>();

  *[Symbol.iterator](): Iterator<CallerSeries> {
    yield* this.#current.values()
    yield* this.#others.values()
  }

  of({ caller_id: id, caller_project: project, caller_environment: environment }: UsageRow): CallerSeries {
    const known = this.#current.get(id)
    if (known !== undefined && known.project === project && known.environment === environment) return known
    if (known !== undefined) {
      this.#other(known.id, known.project, known.environment).add(known)
      this.#current.delete(id)
    }
    if (this.#current.size + this.#others.size >= this.most)
      return this.#other(OTHER_CALLERS, OTHER_CALLERS, OTHER_CALLERS)
    const fresh = new CallerSeries(id, project, environment)
    this.#current.set(id, fresh)
    return fresh
  }

  #other(id: string, project: string, environment: string): CallerSeries {
    const key = JSON.stringify([id, project, environment])
    let series = this.#others.get(key)
    if (series === undefined) {
      series = new CallerSeries(id, project, environment)
      this.#others.set(key, series)
    }
    return series
  }
}
