/** How a stream of an upstream ends, and what follows its end. */
import type { RouterError } from "../errors.ts"
import type { Timers } from "../system/clock.ts"
import type { UpstreamAnswer } from "../upstream/answer.ts"
import type { Failure } from "../upstream/failure.ts"

export type StreamEnd =
  | { readonly kind: "complete" }
  /** The upstream broke off, or said that it failed. */
  | { readonly kind: "failed"; readonly failure: Failure }
  /** A limit of the caller allows no more. */
  | { readonly kind: "stopped"; readonly error: RouterError }

/** How long a stream may go on after its terminal frame before its rest is given up. */
const AFTERMATH_MS = 200

/** Reads to the end of the body, so that the connection can be used again; most upstreams end at once. False: it was given up. */
export async function readRest(
  answer: UpstreamAnswer,
  take: (piece: Uint8Array) => void,
  cancel: () => void,
  timers: Timers,
): Promise<boolean> {
  const timer = timers.after(AFTERMATH_MS, cancel)
  try {
    for (let pieces = await answer.read(); pieces !== null; pieces = await answer.read()) pieces.forEach(take)
    return true
  } catch {
    // the answer is whole already
    return false
  } finally {
    timer.close()
  }
}
