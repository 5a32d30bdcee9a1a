/**
 * What every dialect provides to a call that stays in it: reading what routing needs from the request's bytes,
 * watching the answer without changing it, and rendering errors. Pure functions over bytes; no I/O.
 */
import type { BilledUsage } from "../canonical/billed-usage.ts"
import type { RouterError } from "../errors.ts"
import type { ScannedObject } from "../json/scan.ts"
import type { BodyShape } from "./shape-reader.ts"
import type { Loose } from "./loose.ts"
import type { OutputCap } from "./output-cap.ts"
import type { OutputMeter, TokenFacts } from "./output-meter.ts"
import type { DialectName } from "./name.ts"
import type { StoredIds } from "./stored-ids.ts"
import type { WireFacts } from "./wire-facts.ts"

/** The facts that routing needs from a request body. */
export interface RequestFacts {
  /** The `model` value, null when absent. */
  readonly model: string | null
  readonly stream: boolean
  /** Chat only: the client asked for the usage frame itself. */
  readonly includeUsage: boolean
  /** The client's own bound of the output; null: none. */
  readonly outputCap: OutputCap | null
  /** `n`: answers that are asked for at once. */
  readonly choices: number
  /** Answers that are made: some servers make `best_of` and give the best `n`. */
  readonly drafts: number
}

/** Of a call whose body was not read, or does not matter. */
export const NO_REQUEST_FACTS: RequestFacts = {
  model: null,
  stream: false,
  includeUsage: true,
  outputCap: null,
  choices: 1,
  drafts: 1,
}

/** What an answer says about itself; gathered while its bytes pass. */
export interface AnswerFacts {
  readonly usage: BilledUsage | null
  readonly stopReason: string | null
  readonly serviceTier: string | null
}

/** A whole unary body, judged. */
export type ReplyVerdict =
  | ({ readonly kind: "answer" } & AnswerFacts)
  /** A status 200 that holds an error, or is no answer of this dialect. */
  | { readonly kind: "fault"; readonly fault: UpstreamFault }

/** What an upstream said when it failed; classified in `src/upstream/failure.ts`. Texts are for matching only and reach nobody. */
export interface UpstreamFault {
  readonly type: string | null
  readonly code: string | null
  readonly param: string | null
  readonly message: string | null
}

export const NO_FAULT: UpstreamFault = { type: null, code: null, param: null, message: null }

/** What a frame of a stream is; several may hold at once. */
export const FRAME = {
  /** Metadata, pings, comments. */
  plain: 0,
  /** Text, reasoning, refusal or tool delta: from here on there is no failover. */
  content: 1,
  /** The stream's own end; held back until the call is recorded. */
  terminal: 2,
  /** The upstream reports a failure inside the stream; `StreamObserver.fault` says which. */
  fault: 4,
  /** The usage frame that only the router asked for. */
  drop: 8,
} as const

/** Reads a copy of the stream, frame by frame. It never throws. */
export interface StreamObserver {
  /** Judges `bytes.subarray(start, end)`, one whole frame; returns `FRAME` bits. */
  frame(bytes: Uint8Array, start: number, end: number): number
  /** True once a finish reason was seen: a clean end without a terminal frame is then complete. */
  readonly finished: boolean
  readonly fault: UpstreamFault | null
  /** How much of an answer the frames brought. */
  readonly meter: OutputMeter
  facts(): AnswerFacts
  /** What the frames said so far, as far as it may hold ids of stored state; in the shape of a whole answer. */
  answer(): Loose
  /** The terminal error in this dialect, after frames were sent. */
  renderFailure(error: RouterError, requestId: string): string
  /** The same for an upstream's refusal of the request: `body` is its error, a JSON object, in this dialect. */
  renderRefusal(status: number, body: Uint8Array, requestId: string): string
  /** A whole frame that bridges silence between two frames and means nothing. May come before the first. */
  keepAlive(): string
  /** The terminal frame of a finished stream whose upstream did not send one; empty where the finish is that frame. */
  lastWord(): string
}

export interface Dialect {
  readonly name: DialectName
  readonly wire: WireFacts
  /**
   * Reads the governed keys.
   * @throws RouterError `duplicate-key`, `invalid-request` with `param`
   */
  peek(body: ScannedObject): RequestFacts
  /** What eligibility and strategies may know of the request; each part is read when it is asked for. Never throws. */
  shapeOf(body: ScannedObject): BodyShape
  readonly stored: StoredIds
  /** Of the models that usually speak it. */
  readonly tokens: TokenFacts
  judgeReply(bytes: Uint8Array): ReplyVerdict
  /** Reads an upstream's error body; null when it is no JSON object. */
  readFault(bytes: Uint8Array): UpstreamFault | null
  createObserver(request: RequestFacts): StreamObserver
  /** Is it an event with which a stream begins? */
  beginsStream(event: Loose): boolean
  /** Says that a request is too long, in the words by which clients know it. Estimated tokens; `cap`: 0 for none. */
  tooLong(inputTokens: number, cap: number, mostTokens: number): string
  /** The body of an error response. `page`: the address of the page about errors, for `doc_url`; null: it is not known. */
  renderError(error: RouterError, requestId: string, page: string | null): string
}
