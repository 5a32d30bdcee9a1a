/** Tells the live figures how an attempt ended. */
import { STALE } from "../../upstream/failure.ts"
import type { Call } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { AnswerEnd } from "../call/outcome.ts"
import type { Gateway } from "../gateway.ts"

/**
 * Called once for each attempt, as soon as its end is known. Of the caller's own doing (departures, refused requests)
 * nothing counts against the target, nor for it. `answer`: what the client got as a whole; null: it got none of this attempt.
 */
export function observe(
  { target, failure, startedAt, endedAt, firstContentAt }: Attempt,
  answer: AnswerEnd | null,
  call: Call,
  gateway: Gateway,
): void {
  const now = gateway.clock.monotonicMs()
  const durationMs = (endedAt ?? now) - startedAt
  if (call.life.clientLeft || failure === STALE || (failure !== null && !failure.failover)) gateway.live.dropped(target)
  else if (failure !== null)
    gateway.live.failed(target, now, durationMs, failure.class === "timeout", firstContentAt === null)
  // an attempt that neither failed nor answered was cut by a fault of the router's own
  else if (answer === null || firstContentAt === null) gateway.live.dropped(target)
  else {
    const firstTokenMs = call.facts.stream ? firstContentAt - startedAt : null
    gateway.live.answered(target, now, durationMs, firstTokenMs, answer.facts.usage)
  }
}
