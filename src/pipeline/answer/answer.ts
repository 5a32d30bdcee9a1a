/** What the client is to get. */
import type { Failure } from "../../upstream/failure.ts"
import type { AnswerEnd } from "../call/outcome.ts"
import type { UpstreamStream } from "./upstream-stream.ts"

export type Answer = WholeAnswer | StreamAnswer | Relay

/** It is all here: a body, or a stream that is sent at once. */
export interface WholeAnswer {
  readonly kind: "unary"
  readonly bytes: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  readonly end: AnswerEnd
}

/** It comes frame by frame; its first content is here. */
export interface StreamAnswer {
  readonly kind: "stream"
  readonly stream: UpstreamStream
  readonly headers: Readonly<Record<string, string>>
}

/** The upstream's refusal of the request, in its own words. */
export interface Relay {
  readonly kind: "relay"
  readonly status: number
  readonly bytes: Uint8Array
  readonly contentType: string
  readonly failure: Failure
  /** The upstream's name of the model, which the words may say. */
  readonly model: string
}
