/**
 * How a call ended, and what answered it. Rows, limits, prices, metrics and live figures go by this value alone: whoever
 * answers without asking a target says so here.
 */
import type { Loss } from "../../canonical/loss.ts"
import type { Target } from "../../config/snapshot.ts"
import type { AnswerFacts } from "../../dialects/dialect.ts"
import type { StoredId } from "../../dialects/stored-ids.ts"
import type { RouterError } from "../../errors.ts"
import type { Call } from "../call.ts"
import type { Attempt } from "./attempt.ts"

export interface Outcome {
  /** The HTTP status that the client got, or would have got. */
  readonly status: number
  /** Null: the client got a whole answer. */
  readonly error: RouterError | null
  readonly answer: AnswerEnd
}

/** An answer that has come to its end. */
export interface AnswerEnd {
  /** `target`: the client got an answer of a target, or a part of one. `router`: an error, whoever worded it. */
  readonly source: "target" | "cache" | "router"
  /** The attempt that brought the answer; of an error, the last one. Null: no target was asked for this answer. */
  readonly attempt: Attempt | null
  /** As the target reports them; all null where nobody reports. */
  readonly facts: AnswerFacts
  /** All of the answer came, whether or not a client was left to take it. */
  readonly isWhole: boolean
  /** The target of `attempt` has worked for the call, and is paid for it also where it reports nothing. */
  readonly isOwed: boolean
  /** All that was lost of the request and the answer. */
  readonly losses: readonly Loss[]
  /** Ids of stored state that the answer hands out. */
  readonly storedIds: readonly StoredId[]
  /** Milliseconds on the monotonic clock when content could first leave for the client; null: it got none. */
  readonly firstContentAt: number | null
}

export const NO_FACTS: AnswerFacts = { usage: null, stopReason: null, serviceTier: null }
const NO_IDS: readonly StoredId[] = []
const NO_LOSSES: readonly Loss[] = []

/** The answer of a target, or as much of it as came. Ends the attempt that brought it. */
export function targetAnswer(
  attempt: Attempt,
  told: Pick<AnswerEnd, "facts" | "isWhole" | "storedIds">,
  call: Call,
  nowMs: number,
): AnswerEnd {
  attempt.endedAt ??= nowMs
  return {
    source: "target",
    attempt,
    facts: told.facts,
    isWhole: told.isWhole,
    isOwed: isOwed(attempt, call),
    losses: lossesOf(call, attempt),
    storedIds: told.storedIds,
    firstContentAt: attempt.firstContentAt,
  }
}

/** The end of a call that no target has answered. */
export function routerAnswer(call: Call): AnswerEnd {
  const attempt = call.lastAttempt
  return {
    source: "router",
    attempt,
    facts: NO_FACTS,
    isWhole: false,
    isOwed: attempt !== null && isOwed(attempt, call),
    losses: lossesOf(call, attempt),
    storedIds: NO_IDS,
    firstContentAt: null,
  }
}

/** A target that has made content is paid, and one that was still at work when the client left: who hangs up pays. */
function isOwed({ failure, status, firstContentAt }: Attempt, { life: { clientLeft } }: Call): boolean {
  if (firstContentAt !== null) return true
  if (!clientLeft || (failure !== null && failure.class !== "client_cancel")) return false
  return status === null || (status >= 200 && status < 300)
}

/** The target whose answer, or part of an answer, the client got; null: none. */
export function servedBy({ source, attempt }: AnswerEnd): Target | null {
  return source === "target" && attempt !== null ? attempt.target : null
}

/** All that was lost until now: by the router itself, by the target's configuration, by translation. */
export function lossesOf({ request, lastAttempt }: Call, attempt: Attempt | null = lastAttempt): readonly Loss[] {
  const own = request?.losses ?? NO_LOSSES
  const edited = attempt?.losses ?? NO_LOSSES
  const translated = attempt?.translation?.losses() ?? NO_LOSSES
  return own.length === 0 && edited.length === 0 ? translated : [...own, ...edited, ...translated]
}
