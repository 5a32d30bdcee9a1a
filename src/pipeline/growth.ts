/** How a stream grows: what came is counted, and where no cap bounds it more is reserved before it comes. */
import type { RouterError } from "../errors.ts"
import type { OutputMeter } from "../dialects/output-meter.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { reserveMore } from "./reserve.ts"

/** More is asked for when so much of the last step is left. */
const MARGIN = 1 / 8

export class Growth {
  readonly #meter: OutputMeter
  readonly #call: Call
  readonly #gateway: Gateway
  readonly #stop: (error: RouterError) => void
  /** Observed output tokens up to which nothing is to be done. */
  #allowance: number

  /** `stop` is called where a limit refuses more, or nobody can tell. */
  constructor(meter: OutputMeter, call: Call, gateway: Gateway, stop: (error: RouterError) => void) {
    this.#meter = meter
    this.#call = call
    this.#gateway = gateway
    this.#stop = stop
    this.#allowance = this.#nextAllowance()
    call.meter = meter
  }

  /** A frame of content came, and was metered. */
  saw(): void {
    if (this.#allowance !== Infinity && this.#meter.tokens > this.#allowance) this.#reserve()
  }

  #reserve(): void {
    const { lease, estimate } = this.#call
    // nothing is asked while an answer is awaited
    this.#allowance = Infinity
    if (lease === null || estimate === null) return
    const step = Math.min(estimate.stepTokens, estimate.maxOutputTokens - lease.outputTokens)
    const asked = reserveMore(this.#call, lease, step, this.#gateway)
    if (asked instanceof Promise) void asked.then(this.#judge)
    else this.#judge(asked)
  }

  readonly #judge = (error: RouterError | null): void => {
    if (error !== null) this.#stop(error)
    else this.#allowance = this.#nextAllowance()
  }

  #nextAllowance(): number {
    const { lease, estimate } = this.#call
    if (lease === null || estimate === null || estimate.stepTokens === 0) return Infinity
    if (lease.outputTokens >= estimate.maxOutputTokens) return Infinity
    return lease.outputTokens - Math.floor(estimate.stepTokens * MARGIN)
  }
}
