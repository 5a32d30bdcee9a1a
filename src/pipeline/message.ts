/** What a handler gets of a request and gives back: plain objects, because web `Request` and `Response` cost more than the work. */

/** Field values by lower-case name. */
export interface ReadableHeaders {
  get(name: string): string | null
}

export interface Incoming {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly path: string
  readonly headers: ReadableHeaders
  /** The peer's address as the socket has it. */
  readonly address: string | null
  /**
   * The whole body. Rejects with `BodyTooLarge`, or `Gone` when the client left before its end.
   * May be asked for once.
   */
  body(maxBytes: number): Promise<Uint8Array>
  /** Called once when the client leaves before it has its answer. */
  onGone: (() => void) | null
}

export interface Outgoing {
  readonly status: number
  /** Lower case. Length and framing are added by the server. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string | BodyStream
}

/** A body that is asked for piece by piece, as fast as the client takes it. */
export interface BodyStream {
  /** The next bytes; null at the end. When it rejects, the connection is cut, so that nobody takes the end for a whole answer. */
  next(): Promise<Uint8Array | null>
}

export type Handler = (request: Incoming) => Promise<Outgoing>

/** The client sends more than was allowed. */
export class BodyTooLarge extends Error {
  constructor() {
    super("the body is too large")
    this.name = "BodyTooLarge"
  }
}

/** The client is gone. */
export class Gone extends Error {
  constructor() {
    super("the client left")
    this.name = "Gone"
  }
}
