/** A call that a sandbox has begun and not ended. */
import type { Timer } from "../../system/clock.ts"
import type { CallSource } from "./call-source.ts"

export interface Running {
  readonly source: CallSource
  /** Null until the call has to wait. */
  settled: PromiseWithResolvers<string> | null
  remainingMs: number
  fetches: number
  /** The numbers of those that are under way. */
  readonly open: Set<number>
  /** What its promise came to. The call is over when its last job has run. */
  answer: string | null
  timer: Timer | null
}

const NOTHING: CallSource = { json: "", places: "", counts: () => "{}", text: () => "", body: () => "{}", fetch: null }
/** For what belongs to no call. */
export const IDLE: Omit<Running, "remainingMs"> = {
  source: NOTHING,
  settled: null,
  fetches: 0,
  open: new Set<number>(),
  answer: null,
  timer: null,
}
