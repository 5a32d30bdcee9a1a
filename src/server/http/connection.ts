/** One client connection: requests in order, one at a time, answers with backpressure. */
import type { Socket } from "bun"
import { IncomingBody } from "./body.ts"
import { BadRequest, parseRequestHead, type RequestHead } from "./head.ts"
import type { BodyStream, Incoming, Outgoing } from "../../pipeline/message.ts"
import { chunkOf, headOf, LAST_CHUNK } from "./write.ts"

const LARGEST_HEAD_BYTES = 65_536
/** After a refusal the rest of the request is read for a while: a client that is still sending never reads an answer. */
const LINGER_MS = 2000

export interface Host {
  handle(request: Incoming): Outgoing | Promise<Outgoing>
  /** The answer to something that is no request. */
  refuse(fault: BadRequest): Outgoing
  /** Unix seconds as an HTTP date. */
  date(): string
  closed(connection: Connection): void
  failed(error: unknown): void
}

export class Connection {
  /** On the monotonic clock: when the connection last did something. */
  activeAt: number
  /** A request is being served. */
  busy = false
  private readonly socket: Socket<Connection | undefined>
  private readonly host: Host
  private readonly now: () => number
  /** Bytes of a head that is not complete, or of requests that wait for their turn. */
  private pending: Uint8Array | null = null
  private request: { readonly head: RequestHead; readonly body: IncomingBody; readonly incoming: Incoming } | null =
    null
  private unsent: Uint8Array[] = []
  private drained: (() => void) | null = null
  private paused = false
  private closing = false
  private gone = false

  constructor(socket: Socket<Connection | undefined>, host: Host, now: () => number) {
    this.socket = socket
    this.host = host
    this.now = now
    this.activeAt = now()
  }

  // what the socket tells

  received(bytes: Uint8Array): void {
    this.activeAt = this.now()
    if (this.closing) return
    try {
      this.take(bytes)
    } catch (error) {
      this.refuse(error instanceof BadRequest ? error : new BadRequest("The request is malformed."))
    }
  }

  writable(): void {
    this.activeAt = this.now()
    const pieces = this.unsent
    this.unsent = []
    for (const piece of pieces) this.write(piece)
    if (this.unsent.length > 0) return
    const { drained } = this
    this.drained = null
    drained?.()
  }

  ended(): void {
    if (this.gone) return
    this.gone = true
    this.host.closed(this)
    const { request } = this
    request?.body.gone()
    request?.incoming.onGone?.()
    this.drained?.()
  }

  /** No further request is taken; an answer that is on its way is finished. */
  finish(): void {
    this.closing = true
    if (!this.busy) this.socket.end()
  }

  destroy(): void {
    this.socket.terminate()
    this.ended()
  }

  // requests

  private take(bytes: Uint8Array): void {
    const { request } = this
    if (request !== null && !request.body.done) {
      const at = request.body.push(bytes, 0)
      if (at < bytes.length) this.keep(bytes.subarray(at))
      else if (request.body.isFull) this.pause()
      return
    }
    this.keep(bytes)
    if (request === null) this.nextRequest()
  }

  private keep(bytes: Uint8Array): void {
    this.pending = this.pending === null ? bytes : Buffer.concat([this.pending, bytes])
    // requests behind the one that is served wait in the kernel
    if (this.request !== null && this.pending.length > LARGEST_HEAD_BYTES) this.pause()
  }

  private nextRequest(): void {
    const bytes = this.pending
    if (bytes === null) return
    const start = skipBlankLines(bytes)
    const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, bytes.length - start)
    const end = view.indexOf("\r\n\r\n")
    if (end > LARGEST_HEAD_BYTES || (end < 0 && view.length > LARGEST_HEAD_BYTES))
      throw new BadRequest("The header fields are too large.", 431)
    if (end < 0) return
    this.pending = null
    const head = parseRequestHead(view.toString("latin1", 0, end))
    const body = new IncomingBody(head.body)
    const rest = end + 4 === view.length ? null : view.subarray(end + 4)
    const incoming = this.incoming(head, body)
    this.request = { head, body, incoming }
    this.busy = true
    if (rest !== null) this.take(rest)
    void this.serve(incoming, head, body)
  }

  private incoming(head: RequestHead, body: IncomingBody): Incoming {
    const query = head.target.indexOf("?")
    return {
      method: head.method,
      target: head.target,
      path: query < 0 ? head.target : head.target.slice(0, query),
      headers: head.headers,
      address: this.socket.remoteAddress,
      body: (maxBytes) => {
        if (!body.done && head.headers.get("expect")?.toLowerCase() === "100-continue" && head.body !== 0)
          this.write(CONTINUE)
        const read = body.read(maxBytes)
        this.unpause()
        return read
      },
      onGone: null,
    }
  }

  private async serve(incoming: Incoming, head: RequestHead, body: IncomingBody): Promise<void> {
    try {
      const answer = await this.host.handle(incoming)
      body.discard()
      this.unpause()
      if (this.gone) return
      const { body: content } = answer
      if (typeof content === "object" && "pump" in content) await this.answerStream(answer, content, head, body)
      else this.answerWhole(answer, typeof content === "string" ? Buffer.from(content) : content, head, body)
    } catch (error) {
      this.host.failed(error)
      this.destroy()
    }
  }

  // answers

  private answerWhole(answer: Outgoing, bytes: Uint8Array, head: RequestHead, body: IncomingBody): void {
    const keepAlive = this.keepsAlive(head, body)
    const start = headOf(answer, bytes.length, keepAlive, this.host.date())
    this.write(start, head.method === "HEAD" ? null : bytes)
    if (this.unsent.length === 0) this.conclude(keepAlive, body)
    else void this.drain().then(() => this.conclude(keepAlive, body))
  }

  private async answerStream(
    answer: Outgoing,
    content: BodyStream,
    head: RequestHead,
    body: IncomingBody,
  ): Promise<void> {
    const keepAlive = this.keepsAlive(head, body) && head.chunksAllowed
    this.write(headOf(answer, head.chunksAllowed ? "chunked" : "close", keepAlive, this.host.date()))
    if (head.method !== "HEAD") await this.stream(content, head.chunksAllowed)
    if (this.unsent.length > 0) await this.drain()
    this.conclude(keepAlive, body)
  }

  private keepsAlive(head: RequestHead, body: IncomingBody): boolean {
    return head.keepAlive && body.done && !this.closing
  }

  private async stream(content: BodyStream, chunked: boolean): Promise<void> {
    await content.pump({
      write: (bytes) => {
        if (bytes.length > 0) this.write(chunked ? chunkOf(bytes) : bytes)
      },
      isFull: () => this.unsent.length > 0,
      drained: () => this.drain(),
    })
    if (chunked && !this.gone) this.write(LAST_CHUNK)
  }

  private conclude(keepAlive: boolean, body: IncomingBody): void {
    this.request = null
    this.busy = false
    this.activeAt = this.now()
    if (this.gone) return
    if (!keepAlive) return this.hangUp(body.done)
    this.unpause()
    try {
      this.nextRequest()
    } catch (error) {
      this.refuse(error instanceof BadRequest ? error : new BadRequest("The request is malformed."))
    }
  }

  private refuse(fault: BadRequest): void {
    // an answer that has begun cannot become another one
    if (this.busy) {
      this.request?.body.gone()
      return this.destroy()
    }
    const answer = this.host.refuse(fault)
    const bytes = Buffer.from(typeof answer.body === "string" ? answer.body : "")
    this.write(headOf(answer, bytes.length, false, this.host.date()), bytes)
    this.hangUp(false)
  }

  /** `heard`: the client has sent all it wanted to. */
  private hangUp(heard: boolean): void {
    this.closing = true
    if (heard) {
      this.socket.end()
      return
    }
    this.unpause()
    this.socket.shutdown()
    setTimeout(() => this.destroy(), LINGER_MS).unref()
  }

  // the socket

  private write(first: Uint8Array, second: Uint8Array | null = null): void {
    if (this.gone) return
    const bytes = second === null || second.length === 0 ? first : Buffer.concat([first, second])
    if (this.unsent.length > 0) {
      this.unsent.push(bytes)
      return
    }
    const written = Math.max(0, this.socket.write(bytes))
    if (written < bytes.length) this.unsent.push(bytes.subarray(written))
  }

  private drain(): Promise<void> {
    return new Promise((resolve) => {
      this.drained = resolve
      if (this.gone || this.unsent.length === 0) resolve()
    })
  }

  private pause(): void {
    if (this.paused) return
    this.paused = true
    this.socket.pause()
  }

  private unpause(): void {
    if (!this.paused) return
    this.paused = false
    this.socket.resume()
  }
}

const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n")

/** A client may send empty lines before a request (RFC 9112, 2.2). */
function skipBlankLines(bytes: Uint8Array): number {
  let at = 0
  while (bytes[at] === 13 && bytes[at + 1] === 10) at += 2
  return at
}
