/** Request ids sort by time, so that the ledger's indexes grow at their end. */
import type { Random } from "../../system/random.ts"

let last = -1
let prefix = ""

/** `req_` and 32 hex digits: 48 bits of Unix milliseconds, 80 random bits. */
export function requestId(nowMs: number, random: Random): string {
  if (nowMs !== last) {
    last = nowMs
    prefix = `req_${nowMs.toString(16).padStart(12, "0").slice(-12)}`
  }
  return prefix + random.hex(10)
}
