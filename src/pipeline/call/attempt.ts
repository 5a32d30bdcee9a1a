/** One try of a call at one target; becomes a row of `request_attempts`. */
import type { Loss } from "../../canonical/loss.ts"
import type { Failure } from "../../canonical/reply.ts"
import type { Target } from "../../config/snapshot.ts"
import type { OutputMeter } from "../../dialects/output-meter.ts"
import type { Clock } from "../../system/clock.ts"
import type { AttemptFailure } from "../../upstream/failure.ts"
import type { Health, TargetHealth } from "../../upstream/health.ts"
import type { Translation } from "../translation/translation.ts"

export interface Attempt {
  readonly target: Target
  /** Null: the bytes pass. */
  readonly translation: Translation | null
  /** On the monotonic clock. */
  readonly startedAt: number
  /** Unix milliseconds. */
  readonly ts: number
  readonly requestBytes: number
  /** What the target's configuration took out of the request. */
  losses: readonly Loss[]
  responseBytes: number
  status: number | null
  /** On the monotonic clock; null: it goes on. */
  endedAt: number | null
  /** When its first content came, on the monotonic clock; null: none has. */
  firstContentAt: number | null
  /** How much came, as far as it can be seen: of streams, and of whole answers that report no output. */
  meter: OutputMeter | null
  failure: AttemptFailure | null
  /** What the upstream said about the request, masked, where another target may be tried first; null: nothing. */
  words: Failure | null
  /** The body of a refusal, where it is kept; null: it is not, or there was none. */
  refusal: Uint8Array | null
  retryAfterMs: number | null
  upstreamRequestId: string | null
  readonly health: TargetHealth
  /** The one call that finds out whether the target has recovered. */
  isProbe: boolean
  /** The time that a probe may take until first content; 0: as long as any attempt. */
  patienceMs: number
  /** What its end says about the target is counted. */
  isJudged: boolean
  /** Cancels the upstream request; set once it is sent. */
  cancel: () => void
}

const NO_LOSSES: readonly Loss[] = []

/** `bodyBytes`: of the client's body, where its bytes pass. */
export function newAttempt(
  target: Target,
  translation: Translation | null,
  bodyBytes: number,
  { clock, health }: { readonly clock: Clock; readonly health: Health },
): Attempt {
  return {
    target,
    translation,
    startedAt: clock.monotonicMs(),
    ts: clock.now(),
    requestBytes: translation?.requestBytes ?? bodyBytes,
    losses: NO_LOSSES,
    responseBytes: 0,
    status: null,
    endedAt: null,
    firstContentAt: null,
    meter: null,
    failure: null,
    words: null,
    refusal: null,
    retryAfterMs: null,
    upstreamRequestId: null,
    health: health.of(target),
    isProbe: false,
    patienceMs: 0,
    isJudged: false,
    cancel: () => {},
  }
}
