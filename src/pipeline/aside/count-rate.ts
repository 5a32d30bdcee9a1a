/**
 * How often a caller's counts of tokens go to a provider: as often in a minute as its `rpm` and its project's allow calls,
 * beside the calls. Each process counts for itself, and anew after a reload.
 */
import type { Caller, Snapshot } from "../../config/snapshot.ts"
import { TokenBucket } from "../../upstream/token-bucket.ts"

/** Of a caller without such a limit. Agents ask some dozen times at a start, and once or twice a turn. */
const USUAL_PER_MINUTE = 600
const SECONDS_PER_MINUTE = 60

const buckets = new WeakMap<Snapshot, Map<string, TokenBucket>>()

/** Takes one of what is left; false: nothing is. `nowMs` on the monotonic clock. */
export function mayAskProvider(caller: Caller, snapshot: Snapshot, nowMs: number): boolean {
  const asked = bucketsOf(caller, snapshot, nowMs)
  if (asked.some((bucket) => bucket.waitMs(1, nowMs) > 0)) return false
  for (const bucket of asked) bucket.take(1)
  return true
}

function bucketsOf({ id }: Caller, snapshot: Snapshot, nowMs: number): readonly TokenBucket[] {
  const limits = snapshot.callerLimits.get(id) ?? null
  const rates = (limits?.checks ?? []).flatMap(({ kind, subject, limit }) =>
    kind === "rpm" ? [{ key: limits?.subjects[subject]?.key ?? id, perMinute: limit }] : [],
  )
  if (rates.length === 0) rates.push({ key: id, perMinute: USUAL_PER_MINUTE })
  const known = buckets.get(snapshot) ?? new Map<string, TokenBucket>()
  buckets.set(snapshot, known)
  return rates.map(({ key, perMinute }) => {
    const rule = { perSecond: perMinute / SECONDS_PER_MINUTE, burst: perMinute }
    const bucket = known.get(key) ?? new TokenBucket(rule, nowMs)
    known.set(key, bucket)
    return bucket
  })
}
