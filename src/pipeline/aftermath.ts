/** What follows the end of a stream. */
import type { Timers } from "../system/clock.ts"
import type { UpstreamAnswer } from "../upstream/answer.ts"

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
