/** Subjects whose usage nobody could read yet: what no limit of theirs counts is admitted all the same. */
import { RouterError } from "../errors.ts"
import { CHECK_FACTS } from "./check-kinds.ts"
import type { Check, CompiledLimits } from "./state.ts"

/** A rolling minute counts nothing that is older. */
const MINUTE_MS = 61_000
const RETRY_AFTER_S = 5

export class Withheld {
  /** On the monotonic clock: since when, by key. */
  readonly #since = new Map<string, number>()

  add(keys: readonly string[], nowMs: number): void {
    for (const key of keys) if (!this.#since.has(key)) this.#since.set(key, nowMs)
  }

  has(key: string): boolean {
    return this.#since.has(key)
  }

  known(key: string): void {
    this.#since.delete(key)
  }

  /** @throws RouterError `usage-store-unavailable` where a limit counts what is not known */
  refuse(limits: CompiledLimits, nowMs: number): void {
    if (this.#since.size === 0) return
    for (const check of limits.checks) {
      const since = this.#since.get(limits.subjects[check.subject]?.key ?? "")
      if (since === undefined || !needsPast(check, nowMs - since)) continue
      throw new RouterError("usage-store-unavailable", { message: UNKNOWN, retryAfterS: RETRY_AFTER_S })
    }
  }
}

const UNKNOWN = "What was used before cannot be read at the moment, so the limits of this caller cannot be checked."

/** @param knownMs how long this process has counted by itself */
function needsPast({ kind }: Check, knownMs: number): boolean {
  switch (CHECK_FACTS[kind].over) {
    case "flight":
    case "bucket":
      return false
    case "minute":
      return knownMs < MINUTE_MS
    case "day":
    case "month":
    case "lifetime":
      return true
  }
}
