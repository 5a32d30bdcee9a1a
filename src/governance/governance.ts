/** What the pipeline works with to govern callers. */
import { Estimator } from "./estimator.ts"
import { Line } from "./line.ts"
import type { Journal } from "./journal.ts"
import type { GovernanceState } from "./state.ts"
import type { Timers } from "../system/clock.ts"

export class Governance {
  readonly state: GovernanceState
  readonly estimator: Estimator = new Estimator()
  /** Null: reservations are not written down. */
  readonly journal: Journal | null
  readonly #lines = new Map<string, Line>()
  readonly #timers: Timers
  readonly #release: () => void

  /** `release` gives the journal's files to the next process. */
  constructor(state: GovernanceState, journal: Journal | null, timers: Timers, release: () => void = () => {}) {
    this.state = state
    this.journal = journal
    this.#timers = timers
    this.#release = release
  }

  /** Calls that wait for their caller's token buckets. */
  get queued(): number {
    let calls = 0
    for (const line of this.#lines.values()) calls += line.length
    return calls
  }

  /** No call is in flight any more. */
  async close(): Promise<void> {
    await this.state.close()
    this.journal?.end()
    this.#release()
  }

  /** The line of a caller, by the key of its subject; made when it is first needed. */
  line(key: string): Line {
    const known = this.#lines.get(key)
    if (known !== undefined) return known
    const fresh = new Line(this.#timers)
    this.#lines.set(key, fresh)
    return fresh
  }
}
