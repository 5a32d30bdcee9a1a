/**
 * What is to be booked in the store, and that nobody waits for: sent in batches, kept while the store is down, and sent
 * again when nobody knows whether it arrived. The scripts see to it that doing it twice is doing it once.
 */
import type { Timers } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import type { StoreLink } from "./link.ts"
import { BOOK, SETTLE } from "./scripts.ts"

/** Words of one call for the script `settle`; keys are named by their position once the batch is made. */
export interface Settlement {
  readonly id: string
  readonly calendar: readonly [day: string, month: string]
  readonly requests: 0 | 1
  readonly tokens: number
  readonly nanoUsd: number
  readonly keys: readonly string[]
  readonly generations: readonly string[]
}

const BATCH = 64
/** Batches whose answers are awaited at the same time. */
const MOST_IN_FLIGHT = 8

export class Settlements {
  readonly #link: StoreLink
  readonly #timers: Timers
  readonly #log: Log
  /** The time for scripts; empty: the store's own. */
  readonly #time: () => string
  #waiting: Settlement[] = []
  #bookings: (readonly string[])[] = []
  #inFlight = 0
  #isScheduled = false
  #isHeld = false
  #onIdle: (() => void) | null = null
  readonly #onBeat: (beat: number) => void

  /** `onBeat` hears how much the store has taken and booked. */
  constructor(link: StoreLink, timers: Timers, log: Log, time: () => string, onBeat: (beat: number) => void) {
    this.#onBeat = onBeat
    this.#link = link
    this.#timers = timers
    this.#log = log
    this.#time = time
  }

  add(settlement: Settlement): void {
    this.#waiting.push(settlement)
    this.#schedule()
  }

  /** Words for the script `book`. */
  book(words: readonly string[]): void {
    this.#bookings.push(words)
    this.#schedule()
  }

  /** Until `release` nothing is sent. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    this.flush()
  }

  /** Sends what waits, now, if the store can be reached. */
  flush(): void {
    if (this.#isHeld) return
    while (this.#link.isUp && this.#inFlight < MOST_IN_FLIGHT && this.#bookings.length > 0) {
      const booking = this.#bookings.shift()
      if (booking !== undefined) void this.#send(BOOK, booking, () => this.#bookings.unshift(booking))
    }
    while (this.#link.isUp && this.#inFlight < MOST_IN_FLIGHT && this.#waiting.length > 0) {
      const batch = this.#waiting.length > BATCH ? this.#waiting.splice(0, BATCH) : this.#waiting
      if (batch === this.#waiting) this.#waiting = []
      void this.#send(SETTLE, wordsOf(batch, this.#time()), () => void (this.#waiting = [...batch, ...this.#waiting]))
    }
    if (this.#inFlight === 0 && this.#waiting.length === 0 && this.#bookings.length === 0) this.#onIdle?.()
  }

  /** Resolves when everything is in the store, or after `withinMs`. */
  async drain(withinMs: number): Promise<void> {
    const done = Promise.withResolvers<void>()
    const timer = this.#timers.after(withinMs, done.resolve)
    this.#onIdle = done.resolve
    this.flush()
    await done.promise
    timer.close()
    this.#onIdle = null
  }

  /** At the end of this turn of the event loop: calls that end together go together. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#isScheduled = false
    this.flush()
  }

  async #send(script: typeof SETTLE, words: readonly string[], putBack: () => void): Promise<void> {
    this.#inFlight += 1
    try {
      const answer = await this.#link.run(script, words)
      if (script === SETTLE) this.#onBeat(Number(answer))
    } catch (error) {
      putBack()
      if (this.#link.isUp) {
        this.#log.error("the shared state refused to book calls; they are sent again", { cause: error })
        this.#timers.after(REFUSED_WAIT_MS, this.#turn).unref()
      }
      return
    } finally {
      this.#inFlight -= 1
    }
    if (this.#waiting.length > 0 || this.#bookings.length > 0 || this.#onIdle !== null) this.flush()
  }
}

const REFUSED_WAIT_MS = 1000

function wordsOf(batch: readonly Settlement[], time: string): readonly string[] {
  const positions = new Map<string, number>()
  const calls = batch.map(({ id, calendar, requests, tokens, nanoUsd, keys, generations }) => {
    let subjects = ""
    for (let index = 0; index < keys.length; index += 1) {
      const key = keys[index] ?? ""
      let position = positions.get(key)
      if (position === undefined) positions.set(key, (position = positions.size + 1))
      subjects += `,${position},"${generations[index] ?? ""}"`
    }
    return `["${id}",${calendar[0]},${calendar[1]},${requests},${tokens},${nanoUsd}${subjects}]`
  })
  return [String(positions.size), ...positions.keys(), time, `[${calls.join(",")}]`]
}
