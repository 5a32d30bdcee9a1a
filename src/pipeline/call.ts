/** One call: what is known about it after each step. */
import type { Loss } from "../canonical/loss.ts"
import type { Failure as VendorFailure } from "../canonical/reply.ts"
import type { Credential, Group, Snapshot, Target } from "../config/snapshot.ts"
import type { SpendCeiling } from "../config/compile/spend-ceiling.ts"
import type { StoredId, HeldId } from "../dialects/stored-ids.ts"
import { type AnswerFacts, type Dialect, NO_REQUEST_FACTS, type RequestFacts } from "../dialects/dialect.ts"
import type { CallAffinity } from "./affinity.ts"
import type { OutputMeter } from "../dialects/output-meter.ts"
import type { BodyShape } from "../dialects/shape-reader.ts"
import { RouterError } from "../errors.ts"
import type { ScannedObject } from "../json/scan.ts"
import type { TraceRow, UpstreamShapeRow } from "../ledger/record.ts"
import type { ConversationKeys } from "../routing/affinity/conversation-key.ts"
import type { PolicyExecution } from "../routing/policy/execution.ts"
import type { FeedbackTicket } from "../routing/policy/feedback.ts"
import type { Timer } from "../system/clock.ts"
import type { Failure } from "../upstream/failure.ts"
import type { TargetHealth } from "../upstream/health.ts"
import type { Waiting } from "../governance/line.ts"
import type { Lease, Refusal } from "../governance/state.ts"
import type { Decision } from "./decision.ts"
import type { DecodedRequest } from "./decode.ts"
import type { Estimate } from "./estimate.ts"
import type { Holder } from "./intake.ts"
import type { Incoming } from "./message.ts"
import type { Shaped } from "./reserve.ts"
import type { Rejection } from "./shortlist.ts"
import type { Translation } from "./translation.ts"
import type { Watched } from "./watchdog.ts"

/** One try at one target; becomes a row of `request_attempts`. */
export interface Attempt {
  readonly target: Target
  /** Null: the bytes pass. */
  readonly translation: Translation | null
  readonly startedAt: number
  readonly ts: number
  readonly requestBytes: number
  /** What the target's configuration took out of the request. */
  losses: readonly Loss[]
  responseBytes: number
  status: number | null
  durationMs: number
  failure: Failure | null
  /** What the upstream said about the request, masked, where another target may be tried first; null: nothing. */
  words: VendorFailure | null
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

export class Call implements Watched, Holder {
  readonly id: string
  readonly dialect: Dialect
  readonly request: Incoming
  readonly snapshot: Snapshot
  /** Unix milliseconds. */
  readonly ts: number
  /** On the monotonic clock. */
  readonly startedAt: number
  /** The peer's address, or what a trusted proxy says; null when it is not stored. */
  readonly address: string | null

  // authenticate
  credential: Credential | null = null
  // enter
  /** Its place among its caller's calls while its body is on its way; null: it holds none, or more than that. */
  entry: Lease | null = null
  // receive
  /** What its body takes of the memory for bodies. */
  heldBytes = 0
  share: Holder["share"] = null
  body: ScannedObject | null = null
  /** How long its client took to send it, where it was not here at once. */
  bodyWaitMs = 0
  facts: RequestFacts = NO_REQUEST_FACTS
  #shape: BodyShape | null = null
  /** Ids of state at a provider that the body points with; null: none. */
  heldIds: readonly HeldId[] | null = null
  // admit
  group: Group | null = null
  // reserve
  /** What the call holds of its caller's limits; null: nothing. */
  lease: Lease | null = null
  /** Null: no limit counts tokens or money. */
  estimate: Estimate | null = null
  /** The output cap of one answer that the router must send, because no more is left; null: the client's own counts. */
  grantedCap: number | null = null
  /** Its place while a token bucket makes it wait. */
  waiting: Waiting | null = null
  /** The bucket that made it wait. */
  queuedBy: Refusal | null = null
  /** Null: nothing shapes its caller. */
  shaped: Shaped | null = null
  // shortlist, rank
  /** How it is decided where the call goes; null: nobody will read it. */
  decision: Decision | null = null
  // rank, attempt
  /** By what its conversation is known; undefined: not looked yet. */
  conversation: ConversationKeys | null | undefined = undefined
  /** What is known of the conversation; null: nobody asked. */
  affinity: CallAffinity | null = null
  readonly attempts: Attempt[] = []
  /** Targets that did not keep the group's contract lately, or were passed over when their turn came; null: none. */
  rejected: Rejection[] | null = null
  /** How long each target that shared capacity has refused would have had to wait, in milliseconds; null: none. */
  throttledMs: number[] | null = null
  /** Decisions about shared capacity; null: none but plain admissions. */
  upstreamShapes: UpstreamShapeRow[] | null = null
  /** The body in the canonical form, once something needed it. */
  decoded: DecodedRequest | null = null
  /** Seals in no envelope, where another thread has decoded the body; null: none has. */
  nativeSeals: number | null = null
  /** Whether the body holds reasoning that the router sealed; null: not looked yet. */
  sealed: boolean | null = null
  /** What the router itself left out of the body, beside what translation loses. */
  losses: readonly Loss[] = []
  readonly trace: TraceRow[] = []
  /** How the group's policies ran; null: none was asked. */
  policies: PolicyExecution[] | null = null
  /** Who wants to know how the call ends; null: nobody. */
  feedback: FeedbackTicket | null = null
  // reply
  /** Ids of such state that the answer hands out; they are recorded with the call. */
  returnedIds: readonly StoredId[] = []
  answer: AnswerFacts = { usage: null, stopReason: null, serviceTier: null }
  /** The upstream's answer came to its end, whether or not anybody was there to take it. */
  answered = false
  /** How much came, as far as it can be seen: of streams, and of whole answers that report no output. */
  meter: OutputMeter | null = null
  firstContentAt: number | null = null
  upstreamEndedAt: number | null = null
  settled = false
  clientLeft = false
  /** Set when the router ended the call because it stops. */
  stopped: RouterError | null = null
  /** How its stream is ended; null: it has none yet. */
  onStop: ((error: RouterError) => void) | null = null
  /** Set while the call is read on without its client. */
  drainTimer: Timer | null = null
  // watchdog
  deadline: number = Infinity
  /** What happens when the deadline passes; each step sets its own. */
  onDeadline: (() => void) | null = null
  bridgeAt: number = Infinity
  /** Its client is told that the call lives; null: the client has heard something. */
  onSilence: (() => void) | null = null

  constructor(start: Pick<Call, "id" | "dialect" | "request" | "snapshot" | "ts" | "startedAt" | "address">) {
    this.id = start.id
    this.dialect = start.dialect
    this.request = start.request
    this.snapshot = start.snapshot
    this.ts = start.ts
    this.startedAt = start.startedAt
    this.address = start.address
  }

  /** `POST /v1/responses/compact`: the answer is a shorter conversation, which only the vendor of the dialect can make. */
  get compacts(): boolean {
    return this.request.path.endsWith("/responses/compact")
  }

  /** Made when it is first asked for, so that calls that nobody filters or scores do not pay. */
  get shape(): BodyShape {
    if (this.body === null) throw new Error("the body was not read yet")
    return (this.#shape ??= this.dialect.shapeOf(this.body))
  }

  /** Of the request; null: there was no body. */
  get imageCount(): number | null {
    return this.body === null ? null : this.shape.imageCount
  }

  get ceiling(): SpendCeiling | null {
    return this.credential?.caller.ceiling ?? null
  }

  /** Empty where nobody has said who calls. */
  get callerId(): string {
    return this.credential?.caller.id ?? ""
  }

  get holdsState(): boolean {
    return this.heldIds !== null
  }

  get bodyBytes(): number {
    return this.body?.bytes.length ?? 0
  }

  expire(): void {
    this.onDeadline?.()
  }

  bridge(): void {
    this.onSilence?.()
  }

  stop(error: RouterError): void {
    if (this.settled || this.stopped !== null) return
    this.stopped = this.clientLeft ? new RouterError("client-closed") : error
    this.waiting?.leave()
    if (this.onStop !== null) this.onStop(error)
    else this.expire()
  }

  /** The attempt that serves the call, or served it last. */
  get current(): Attempt | undefined {
    return this.attempts.at(-1)
  }
}

/** How a call ended: `error` is null when the client got a whole answer. */
export interface Outcome {
  readonly status: number
  readonly error: RouterError | null
}
