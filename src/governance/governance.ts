/** What the pipeline works with to govern callers. */
import { Estimator } from "./estimator.ts"
import { Line } from "./line.ts"
import type { Journal } from "./journal.ts"
import type { Amounts, GovernanceState } from "./state.ts"

/** What was taken from limits for an answer whose usage is told later. */
export type Taken = Pick<Amounts, "tokens" | "nanoUsd">

const NOTHING: Taken = { tokens: 0, nanoUsd: 0 }
const MOST_PENDING = 10_000

export class Governance {
  readonly state: GovernanceState
  readonly estimator: Estimator = new Estimator()
  /** Null: reservations are not written down. */
  readonly journal: Journal | null
  /** By request id; null: its usage is booked. */
  readonly #pending = new Map<string, Taken | null>()
  readonly #lines = new Map<string, Line>()
  readonly #release: () => void

  /** `release` gives the journal's files to the next process. */
  constructor(state: GovernanceState, journal: Journal | null, release: () => void = () => {}) {
    this.state = state
    this.journal = journal
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

  /** The limits keep all that the call may use, until its usage is booked. */
  awaitUsage(requestId: string, taken: Taken): void {
    this.#remember(requestId, taken)
  }

  /** What limits hold for the call so far, asked once; null: nobody knows, or it was asked before. */
  usageKnown(requestId: string): Taken | null {
    const taken = this.#pending.get(requestId)
    this.#remember(requestId, null)
    // counts that began anew had nothing but its row, which told no usage
    return taken === undefined && this.state.isStoreUp === null ? NOTHING : (taken ?? null)
  }

  #remember(requestId: string, taken: Taken | null): void {
    this.#pending.delete(requestId)
    this.#pending.set(requestId, taken)
    const [oldest] = this.#pending.keys()
    if (this.#pending.size > MOST_PENDING && oldest !== undefined) this.#pending.delete(oldest)
  }

  /** The line of a caller, by the key of its subject; made when it is first needed. */
  line(key: string): Line {
    const known = this.#lines.get(key)
    if (known !== undefined) return known
    const fresh = new Line()
    this.#lines.set(key, fresh)
    return fresh
  }
}
