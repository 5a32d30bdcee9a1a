/** What happens to a call from outside, at any time: its client leaves, a deadline passes, the router stops. */
import { RouterError } from "../../errors.ts"
import type { Timer } from "../../system/clock.ts"
import type { Holder } from "./body-memory.ts"
import type { Watched } from "./watchdog.ts"

export class Life implements Watched, Holder {
  clientLeft = false
  /** Why the router ended the call; null: it did not. */
  stopped: RouterError | null = null
  /** The call is settled. */
  isOver = false
  /** What the call's body takes of the memory for bodies. */
  heldBytes = 0
  share: Holder["share"] = null
  /** Milliseconds that the client took to send its body, where it was not here at once. */
  bodyWaitMs = 0
  /** What the call waits for: a token bucket, or the answer of an equal call. */
  waiting: { leave(): void } | null = null
  /** Runs while the call is read on without its client. */
  drainTimer: Timer | null = null
  deadline: number = Infinity
  /** What happens when the deadline passes; each step sets its own. */
  onDeadline: (() => void) | null = null
  bridgeAt: number = Infinity
  /** The client is told that the call lives; null: it has heard something. */
  onSilence: (() => void) | null = null
  /** Ends the call's stream; null: it has none yet. */
  onStop: ((error: RouterError) => void) | null = null

  expire(): void {
    this.onDeadline?.()
  }

  bridge(): void {
    this.onSilence?.()
  }

  stop(error: RouterError): void {
    if (this.isOver || this.stopped !== null) return
    this.stopped = this.clientLeft ? new RouterError("client-closed") : error
    this.waiting?.leave()
    if (this.onStop !== null) this.onStop(error)
    else this.expire()
  }
}
