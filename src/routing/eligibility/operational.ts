/**
 * The part of a group's contract that live figures tell. A target that misses it gets no calls, so nothing new is learnt of
 * it: it comes back when so much of its window has passed that what is left says too little, and is judged anew from there.
 */
import type { OperationalTargets } from "../../config/compile/operational-targets.ts"
import type { Target } from "../../config/snapshot.ts"
import type { OperationalReason } from "../../config/compile/target-limits.ts"
import type { LiveView } from "../live-view.ts"
import { SLICES } from "../window.ts"
import type { Eligibility, Refused } from "./eligible.ts"
import type { RejectionReason } from "./reasons.ts"

const REASONS: ReadonlySet<RejectionReason> = new Set<OperationalReason>([
  "contract-operational-latency",
  "contract-operational-error-rate",
  "contract-operational-timeout-rate",
  "contract-operational-throughput",
])

/** It passes: what stands against the target is how it did lately. */
export function isOperational<R extends { readonly reason: RejectionReason }>(
  rejection: R,
): rejection is R & { readonly reason: OperationalReason } {
  return REASONS.has(rejection.reason)
}

/** `now` on the monotonic clock. */
export function keepingTargets(
  found: Eligibility,
  promised: OperationalTargets,
  live: LiveView,
  now: number,
): Eligibility {
  const missing: Refused[] = []
  const eligible = found.eligible.filter((target) => {
    const reason = missed(target, promised, live, now)
    if (reason !== null) missing.push({ target, reason })
    return reason === null
  })
  return missing.length === 0 ? found : { eligible, refused: [...found.refused, ...missing] }
}

function missed(target: Target, promised: OperationalTargets, live: LiveView, now: number): OperationalReason | null {
  const figures = live.figures(target, now)
  if (figures.observations < promised.leastObservations) return null
  if (figures.errorRate > promised.maxErrorRate) return "contract-operational-error-rate"
  if (figures.timeoutRate > promised.maxTimeoutRate) return "contract-operational-timeout-rate"
  if ((figures.p95LatencyMs ?? 0) > promised.maxP95LatencyMs) return "contract-operational-latency"
  const isSlow = (figures.outputTokensPerSecond ?? Infinity) < promised.minOutputTokensPerSecond
  return isSlow ? "contract-operational-throughput" : null
}

/** When figures change although nothing is observed: as the oldest slice of a window passes. */
export function changesWithinS(targets: readonly Target[]): number {
  const windows = targets.map(({ observed }) => observed?.windowMs ?? Infinity)
  return Math.min(60, Math.max(1, Math.ceil(Math.min(...windows) / SLICES / 1000)))
}
