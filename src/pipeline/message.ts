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
  /** All of the body is here. */
  readonly isWhole: boolean
  /** Bytes of the body so far. */
  readonly receivedBytes: number
  /**
   * The whole body, at once when it is here. Rejects with `BodyTooLarge`, `BadFraming`, or `Gone` when the client left before its end.
   * `hold` is told how many bytes are to be held: before they come where the head says so, else again and again. It may
   * refuse them by an error, which is thrown or rejected with. May be asked for once.
   */
  body(maxBytes: number, hold: (bytes: number) => void): Uint8Array | Promise<Uint8Array>
  /** Called once when the client leaves before it has its answer. */
  onGone: (() => void) | null
}

export interface Outgoing {
  readonly status: number
  /** Lower case. Length and framing are added by the server. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string | BodyStream
}

/** Where the bytes of a stream go. */
export interface Writer {
  write(bytes: Uint8Array): void
  /** The client takes bytes more slowly than they come. */
  isFull(): boolean
  /** Resolves when the client has taken all, or is gone. */
  drained(): Promise<void>
}

/** A body that is written as it comes. */
export interface BodyStream {
  /** Writes everything; resolves at the end. When it rejects, the connection is cut, so that nobody takes the end for a whole answer. */
  pump(writer: Writer): Promise<void>
  /** What may be written, between two writes of `pump`, when nothing was for a while; empty: nothing may. */
  keepAlive?(): Uint8Array
}

export type Handler = (request: Incoming) => Outgoing | Promise<Outgoing>

/** The client sends more than was allowed. */
export class BodyTooLarge extends Error {
  constructor() {
    super("the body is too large")
    this.name = "BodyTooLarge"
  }
}

/** The body is not framed as its head says. */
export class BadFraming extends Error {
  constructor(message: string) {
    super(message)
    this.name = "BadFraming"
  }
}

/** The client is gone. */
export class Gone extends Error {
  constructor() {
    super("the client left")
    this.name = "Gone"
  }
}
