/** What callers had used before is read when the ledger answers, be that at the start or hours later. */
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"

interface Parts {
  /** Rejects while the ledger does not answer. May be called again. */
  readonly recover: () => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

const FIRST_WAIT_MS = 250
const SLOWEST_WAIT_MS = 2000

export class LateTotals {
  readonly #parts: Parts
  #isLate = false
  #isClosed = false
  #waitMs = FIRST_WAIT_MS
  #timer: Timer | null = null
  #trying: Promise<void> | null = null

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Tries once, and where that fails again and again. Resolves after the first try. */
  async start(): Promise<void> {
    this.#trying ??= this.#try().finally(() => {
      this.#trying = null
    })
    await this.#trying
  }

  /** There is more to read: a configuration came into force without it. */
  again(): void {
    this.#isLate = true
    this.#schedule()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.close()
    await this.#trying
  }

  async #try(): Promise<void> {
    const { recover, log } = this.#parts
    this.#timer = null
    try {
      await recover()
      if (this.#isLate) log.info("what callers had used is known: their limits are checked again")
      this.#isLate = false
      this.#waitMs = FIRST_WAIT_MS
    } catch (error) {
      if (!this.#isLate)
        log.error("what callers had used cannot be read; calls are refused whose limits count it", causeOf(error))
      this.#isLate = true
      this.#schedule()
    }
  }

  #schedule(): void {
    if (this.#isClosed || this.#timer !== null) return
    this.#timer = this.#parts.clock.after(this.#waitMs, () => void this.start())
    this.#timer.unref()
    this.#waitMs = Math.min(this.#waitMs * 2, SLOWEST_WAIT_MS)
  }
}

function causeOf(error: unknown): { readonly cause: unknown } {
  return { cause: error instanceof Error && error.cause !== undefined ? error.cause : error }
}
