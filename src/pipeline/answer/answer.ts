/** What the client is to get. */
import type { AnswerEnd } from "../call/outcome.ts"
import type { Relay } from "./relay.ts"
import type { UpstreamStream } from "./upstream-stream.ts"

export type Answer = WholeAnswer | StreamAnswer | Relay

/** It is all here: a body, or a stream that is sent at once. */
export interface WholeAnswer {
  readonly kind: "unary"
  readonly bytes: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  /** As its target said it, in the target's dialect; null: in another form than it was asked for. */
  readonly told: Uint8Array | null
  readonly end: AnswerEnd
}

/** It comes frame by frame; its first content is here. */
export interface StreamAnswer {
  readonly kind: "stream"
  readonly stream: UpstreamStream
  readonly headers: Readonly<Record<string, string>>
}
