/** One client connection: requests in order, one at a time, answers with backpressure. */
import type { Socket } from "bun"
import type { IncomingBody } from "./body.ts"
import { BadRequest, type RequestHead } from "./head.ts"
import type { BodyStream, Incoming, Outgoing } from "../../pipeline/message.ts"
import { HttpFault } from "../../http/fault.ts"
import type { Clock, Timer } from "../../system/clock.ts"
import { Outlet } from "./outlet.ts"
import { LARGEST_HEAD_BYTES, Pending } from "./pending.ts"
import { HeadReader } from "./repeated-head.ts"
import { ServedRequest } from "./served-request.ts"
import { StreamedBody } from "./streamed-body.ts"
import { headOf } from "./write.ts"

/** A client that takes no byte of its answer for this time is given up. */
const STALLED_MS = 600_000
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
  /** Where the client is counted; null: it is beyond the bounds, and counted nowhere. */
  network: string | null = null
  /** On the monotonic clock: when the connection last did something. */
  private activeAt: number
  /** A request is being served. */
  private busy = false
  /** On the monotonic clock: when `pending` began; null where nothing is. */
  private waitingSince: number | null = null
  private readonly socket: Socket<Connection | undefined>
  private readonly outlet: Outlet
  /** Asked for once: it costs as much as parsing a head. */
  private readonly address: string
  private readonly host: Host
  private readonly clock: Clock
  private readonly pending = new Pending()
  private request: ServedRequest | null = null
  private readonly heads = new HeadReader()
  /** The stream that is being written. */
  private stream: StreamedBody | null = null
  private paused = false
  private closing = false
  private isLast = false
  private lingering: Timer | null = null
  private gone = false

  constructor(socket: Socket<Connection | undefined>, host: Host, clock: Clock) {
    this.socket = socket
    this.outlet = new Outlet(socket)
    this.address = socket.remoteAddress
    this.host = host
    this.clock = clock
    this.activeAt = clock.monotonicMs()
  }

  /** An answer is awaited, or on its way. */
  get isBusy(): boolean {
    return this.busy
  }

  // what the socket tells

  received(bytes: Uint8Array): void {
    this.activeAt = this.clock.monotonicMs()
    // after the last answer nobody listens; during it the rest of its request still counts
    if (this.closing && !this.busy) return
    try {
      this.take(bytes)
    } catch (error) {
      this.refuse(asBadRequest(error))
    }
  }

  writable(): void {
    this.activeAt = this.clock.monotonicMs()
    this.outlet.writable()
  }

  ended(): void {
    if (this.gone) return
    this.gone = true
    this.lingering?.close()
    this.host.closed(this)
    const { request } = this
    request?.received.gone()
    request?.onGone?.()
    this.outlet.close()
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

  /** One answer is the last, and it has to be asked for soon. */
  turnAway(): void {
    this.isLast = true
    this.linger()
  }

  /**
   * Called again and again: closes what waits for a request longer than `idleMs`, or for the rest of its head (every
   * byte of which may come slowly), and what has not taken a byte of its answer for long.
   */
  closeIfIdle(now: number, idleMs: number): void {
    if (this.outlet.isFull()) {
      if (now - this.activeAt > STALLED_MS) this.destroy()
    } else if (!this.busy && now - (this.waitingSince ?? this.activeAt) > idleMs) this.finish()
  }

  /** Called again and again: writes a keep-alive once the stream was found silent for `afterMs`. */
  bridgeSilence(now: number, afterMs: number): void {
    this.stream?.bridgeSilence(now, afterMs)
  }

  // requests

  private take(bytes: Uint8Array): void {
    const { request } = this
    if (request !== null && !request.received.done) {
      const at = request.received.push(bytes, 0)
      if (at < bytes.length) this.keep(bytes.subarray(at))
      else if (request.received.isFull) this.pause()
      return
    }
    this.keep(bytes)
    if (request === null) this.nextRequest()
  }

  private keep(bytes: Uint8Array): void {
    this.waitingSince ??= this.activeAt
    this.pending.add(bytes)
    // requests behind the one that is served wait in the kernel
    if (this.request !== null && this.pending.length > LARGEST_HEAD_BYTES) this.pause()
  }

  private nextRequest(): void {
    const text = this.pending.length === 0 ? null : this.pending.takeHead()
    if (text === null) return
    this.waitingSince = null
    const request = new ServedRequest(this, this.heads.read(text), this.address)
    this.request = request
    this.busy = true
    try {
      const rest = this.pending.takeRest()
      if (rest !== null) this.take(rest)
    } finally {
      void this.serve(request)
    }
  }

  /** The handler wants the body now. */
  readBody(
    { head, received }: ServedRequest,
    maxBytes: number,
    hold: (bytes: number) => void,
  ): Uint8Array | Promise<Uint8Array> {
    const read = received.read(maxBytes, hold)
    if (!received.done && head.headers.get("expect")?.toLowerCase() === "100-continue" && head.body !== 0)
      this.outlet.write(CONTINUE)
    this.unpause()
    return read
  }

  private async serve(request: ServedRequest): Promise<void> {
    const { head, received } = request
    try {
      const answer = await this.host.handle(request)
      received.discard()
      this.unpause()
      if (this.gone) return
      const { body: content } = answer
      if (typeof content === "object" && "pump" in content) await this.answerStream(answer, content, head, received)
      else this.answerWhole(answer, typeof content === "string" ? Buffer.from(content) : content, head, received)
    } catch (error) {
      this.host.failed(error)
      this.destroy()
    }
  }

  // answers

  private answerWhole(answer: Outgoing, bytes: Uint8Array, head: RequestHead, body: IncomingBody): void {
    const keepAlive = this.keepsAlive(head, body)
    const start = headOf(answer, bytes.length, keepAlive, this.host.date())
    this.outlet.writeWhole(start, head.method === "HEAD" ? null : bytes)
    if (!this.outlet.isFull()) this.conclude(keepAlive, body)
    else void this.outlet.drained().then(() => this.conclude(keepAlive, body))
  }

  private async answerStream(
    answer: Outgoing,
    content: BodyStream,
    head: RequestHead,
    body: IncomingBody,
  ): Promise<void> {
    const keepAlive = this.keepsAlive(head, body) && head.chunksAllowed
    this.outlet.writeWhole(headOf(answer, head.chunksAllowed ? "chunked" : "close", keepAlive, this.host.date()), null)
    if (head.method !== "HEAD") await this.pump(content, head.chunksAllowed)
    if (this.outlet.isFull()) await this.outlet.drained()
    this.conclude(keepAlive, body)
  }

  private keepsAlive(head: RequestHead, body: IncomingBody): boolean {
    return head.keepAlive && body.done && !this.closing && !this.isLast
  }

  private async pump(content: BodyStream, chunked: boolean): Promise<void> {
    this.stream = new StreamedBody(content, chunked, this.outlet)
    await this.stream.pump()
    this.stream = null
  }

  private conclude(keepAlive: boolean, body: IncomingBody): void {
    this.request = null
    this.busy = false
    this.activeAt = this.clock.monotonicMs()
    if (this.gone) return
    if (!keepAlive) return this.hangUp(body.done)
    this.unpause()
    try {
      this.nextRequest()
    } catch (error) {
      this.refuse(asBadRequest(error))
    }
  }

  private refuse(fault: BadRequest): void {
    // the fault is in the body of the request that is served, whose handler answers
    if (this.request !== null) return this.request.received.malformed(fault.message)
    const answer = this.host.refuse(fault)
    const bytes = Buffer.from(typeof answer.body === "string" ? answer.body : "")
    this.outlet.writeWhole(headOf(answer, bytes.length, false, this.host.date()), bytes)
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
    this.linger()
  }

  private linger(): void {
    this.lingering?.close()
    this.lingering = this.clock.after(LINGER_MS, () => this.destroy())
    this.lingering.unref()
  }

  // the socket

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

function asBadRequest(error: unknown): BadRequest {
  if (error instanceof BadRequest) return error
  return new BadRequest(error instanceof HttpFault ? error.message : "The request is malformed.")
}
