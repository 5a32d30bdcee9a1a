/** Watches how a stream grows: what came is counted, and more is reserved before it comes, or when it comes in spite of a cap. */
import type { OutputMeter } from "../../dialects/output-meter.ts"
import { RouterError } from "../../errors.ts"
import type { Lease } from "../../governance/state.ts"
import type { Hold } from "../call/hold.ts"

/** More is asked for when so much of the last step is left. */
const MARGIN = 1 / 8
/**
 * What is seen may be off by this much (`bench/meter.ts`), so an answer is not taken to be beyond its cap before. One that is
 * beyond it by twice as much is not bound by it: an honest one would have to be measured far worse than any that was recorded.
 */
const ERROR = 1 / 4
const ERROR_TOKENS = 32

/** Where an answer of a cap is, that many errors of measurement beyond it. */
const beyond = (capTokens: number, errors: number): number => capTokens + errors * (capTokens * ERROR + ERROR_TOKENS)

/** Reserves so many more tokens of output. Null: granted. */
export type ReserveMore = (lease: Lease, tokens: number) => RouterError | null | Promise<RouterError | null>

export class Growth {
  readonly #meter: OutputMeter
  readonly #hold: Hold
  readonly #reserveMore: ReserveMore
  readonly #stop: (error: RouterError) => void
  /** Observed output tokens up to which nothing is to be done. */
  #allowance: number

  /** `stop` is called where a limit refuses more, or nobody can tell. */
  constructor(meter: OutputMeter, hold: Hold, more: ReserveMore, stop: (error: RouterError) => void) {
    this.#meter = meter
    this.#hold = hold
    this.#reserveMore = more
    this.#stop = stop
    this.#allowance = this.#nextAllowance()
  }

  /** A frame of content came, and was metered. */
  saw(): void {
    if (this.#allowance !== Infinity && this.#meter.tokens > this.#allowance) this.#reserve()
  }

  #reserve(): void {
    const { lease, estimate } = this.#hold
    // nothing is asked while an answer is awaited, nor once it is over
    this.#allowance = Infinity
    if (lease === null || estimate === null) return
    if (estimate.isCapped) {
      const most = beyond(estimate.outputTokens, 2)
      if (this.#meter.tokens > most) return this.#stop(new RouterError("output-cap-ignored"))
      this.#allowance = most
    }
    const left = estimate.maxOutputTokens - lease.outputTokens
    const step = left > 0 ? Math.min(estimate.stepTokens, left) : estimate.stepTokens
    const asked = this.#reserveMore(lease, step)
    if (asked instanceof Promise) void asked.then(this.#judge)
    else this.#judge(asked)
  }

  readonly #judge = (error: RouterError | null): void => {
    if (error !== null)
      this.#stop(
        this.#hold.estimate?.isCapped === true ? new RouterError("output-cap-ignored", { cause: error }) : error,
      )
    else this.#allowance = this.#nextAllowance()
  }

  #nextAllowance(): number {
    const { lease, estimate } = this.#hold
    if (lease === null || estimate === null) return Infinity
    if (estimate.isCapped) return Math.min(beyond(lease.outputTokens, 1), beyond(estimate.outputTokens, 2))
    return lease.outputTokens - Math.floor(estimate.stepTokens * MARGIN)
  }
}
