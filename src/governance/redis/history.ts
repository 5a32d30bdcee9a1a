/** What this process has seen of the store's past: enough to notice that the store lost it, and what others count there. */
import { storeKey, subjectOf } from "./lease.ts"
import type { StoreLink } from "./link.ts"
import { LOOK } from "./scripts.ts"

export interface HistoryRules {
  /** The time for scripts; empty: the store's own. */
  readonly time: () => string
  /** A text that no other process draws. */
  readonly drawId: () => string
  /** These subjects are counted in the store, as is seen now; by their own keys. */
  readonly onCounted?: ((keys: readonly string[]) => void) | undefined
}

const MARK = storeKey("since")
const COUNTED = storeKey("subjects")

export class StoreHistory {
  readonly #link: StoreLink
  readonly #rules: HistoryRules
  /** Since when the store has its data, and how much it has taken and booked since. */
  #seen = { mark: "", beat: 0 }
  /** By their names in the store: the subjects that are, or were, counted there. */
  #counted: ReadonlySet<string> = new Set()
  #size = -1

  constructor(link: StoreLink, rules: HistoryRules) {
    this.#link = link
    this.#rules = rules
  }

  /** The store has taken and booked so much. */
  saw(beat: number): void {
    if (beat > this.#seen.beat) this.#seen.beat = beat
  }

  /** Is the subject with this name counted in the store? */
  counts(name: string): boolean {
    return this.#counted.has(name)
  }

  /** What the store says since when it has its data: another word when it has lost it, or is back with an older state. */
  async since(): Promise<string> {
    const { mark: known, beat: last } = this.#seen
    const words = ["1", MARK, this.#rules.time(), this.#rules.drawId(), known, String(last)]
    const [mark, beat, counted] = (await this.#link.run(LOOK, words)) as readonly [string, number, number]
    if (mark === known) this.saw(beat)
    else this.#seen = { mark, beat }
    if (counted !== this.#size) await this.#learn(counted)
    return mark
  }

  async forget(names: readonly string[]): Promise<void> {
    await this.#link.ask("SREM", [COUNTED, ...names])
  }

  /** Other processes count subjects that this one may have no limits for. */
  async #learn(size: number): Promise<void> {
    const before = this.#counted
    this.#counted = new Set((await this.#link.ask("SMEMBERS", [COUNTED])) as readonly string[])
    this.#size = size
    this.#rules.onCounted?.([...this.#counted].filter((name) => !before.has(name)).map(subjectOf))
  }
}
