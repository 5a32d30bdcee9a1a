/** A scripted far end on a bare TCP socket: the test decides every byte, its timing and how the connection ends. */
import net from "node:net"

export interface UpstreamRequest {
  readonly method: string
  readonly target: string
  /** Header lines exactly as received, in order. */
  readonly headerLines: readonly string[]
  readonly body: Uint8Array
}

/** One request as the far end sees it, and the means to answer it. */
export interface Exchange {
  readonly request: UpstreamRequest
  /** Resolves when the kernel took the bytes, or the peer is gone. */
  write(bytes: string | Uint8Array): Promise<void>
  /** Ends the connection cleanly (FIN). */
  close(): void
  /** Ends the connection with a reset (RST). */
  reset(): void
  /** Whether the peer hung up before the behaviour was through. */
  readonly gone: boolean
  /** Settles when the peer hangs up. */
  readonly left: Promise<void>
  readonly sentBytes: number
  /** Whether the kernel takes no more bytes for now. */
  readonly isFull: boolean
}

/** What the far end does with one request. When it resolves the connection serves the next request, unless it was ended. */
export type Behaviour = (exchange: Exchange) => Promise<void>

export function headerOf(request: UpstreamRequest, name: string): string | undefined {
  const prefix = `${name.toLowerCase()}:`
  const line = request.headerLines.find((candidate) => candidate.toLowerCase().startsWith(prefix))
  return line?.slice(prefix.length).trim()
}

export function bodyText(request: UpstreamRequest): string {
  return Buffer.from(request.body).toString("utf8")
}

export class FakeUpstream {
  readonly exchanges: Exchange[] = []
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  readonly #plans: { readonly marker: string; readonly behaviours: Behaviour[] }[] = []
  #fallback: Behaviour | undefined
  #listeners: (() => void)[] = []
  connections = 0

  private constructor() {
    this.#server = net.createServer({ noDelay: true }, (socket) => void this.#serve(socket))
  }

  static async start(): Promise<FakeUpstream> {
    const upstream = new FakeUpstream()
    await new Promise<void>((resolve) => upstream.#server.listen(0, "127.0.0.1", () => resolve()))
    return upstream
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === "string") throw new Error("the fake upstream does not listen")
    return address.port
  }

  /** Base address without a path. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Requests whose body or target holds `marker` get these behaviours in turn; the last one repeats. */
  plan(marker: string, ...behaviours: Behaviour[]): this {
    this.#plans.unshift({ marker, behaviours })
    return this
  }

  /** What requests without a plan get. */
  otherwise(behaviour: Behaviour): this {
    this.#fallback = behaviour
    return this
  }

  received(marker: string): readonly Exchange[] {
    return this.exchanges.filter(({ request }) => holds(request, marker))
  }

  /** The `count`-th exchange whose request holds `marker`, as soon as its request has arrived. */
  async arrival(marker: string, count = 1): Promise<Exchange> {
    for (;;) {
      const found = this.received(marker)[count - 1]
      if (found !== undefined) return found
      await new Promise<void>((resolve) => this.#listeners.push(resolve))
    }
  }

  /** Every connection breaks, as when the far end dies; it takes new ones. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #serve(socket: net.Socket): Promise<void> {
    this.connections += 1
    this.#sockets.add(socket)
    const left = Promise.withResolvers<void>()
    const inbox = new Inbox()
    const leave = (): void => {
      inbox.end()
      left.resolve()
    }
    socket.on("data", (chunk: Buffer) => inbox.push(chunk))
    socket.on("error", leave)
    socket.on("end", leave)
    socket.on("close", () => {
      this.#sockets.delete(socket)
      leave()
    })
    for (;;) {
      const request = await readRequest(inbox)
      if (request === undefined) return
      const exchange = new SocketExchange(request, socket, left.promise)
      this.exchanges.push(exchange)
      for (const notify of this.#listeners.splice(0)) notify()
      await this.#behaviourFor(request)(exchange)
      if (socket.writableEnded || socket.destroyed) return
    }
  }

  #behaviourFor(request: UpstreamRequest): Behaviour {
    const plan = this.#plans.find(({ marker }) => holds(request, marker))
    const behaviour =
      plan === undefined ? this.#fallback : plan.behaviours.length > 1 ? plan.behaviours.shift() : plan.behaviours[0]
    return behaviour ?? unplanned
  }
}

/** A request that no test expected: the status says so and makes the test fail. */
const unplanned: Behaviour = async (exchange) => {
  await exchange.write("HTTP/1.1 418 Unplanned\r\nContent-Length: 0\r\n\r\n")
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const upstream = await FakeUpstream.start()
  const { port } = upstream
  await upstream.stop()
  return port
}

function holds(request: UpstreamRequest, marker: string): boolean {
  return (
    request.target.includes(marker) ||
    Buffer.from(request.body.buffer, request.body.byteOffset, request.body.length).includes(marker)
  )
}

class SocketExchange implements Exchange {
  readonly request: UpstreamRequest
  readonly left: Promise<void>
  readonly #socket: net.Socket
  #gone = false
  #sentBytes = 0

  constructor(request: UpstreamRequest, socket: net.Socket, left: Promise<void>) {
    this.request = request
    this.#socket = socket
    this.left = left
    void this.#watch()
  }

  async #watch(): Promise<void> {
    await this.left
    this.#gone = true
  }

  get gone(): boolean {
    return this.#gone
  }

  get sentBytes(): number {
    return this.#sentBytes
  }

  get isFull(): boolean {
    return this.#socket.writableNeedDrain
  }

  async write(bytes: string | Uint8Array): Promise<void> {
    if (this.#gone || this.#socket.destroyed) return
    this.#sentBytes += typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.length
    if (this.#socket.write(bytes)) return
    const drained = new Promise<void>((resolve) => {
      this.#socket.once("drain", () => resolve())
    })
    await Promise.race([drained, this.left])
  }

  close(): void {
    this.#socket.end()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }
}

/** Bytes received and not yet read. */
class Inbox {
  #bytes: Buffer = Buffer.alloc(0)
  #chunks: Buffer[] = []
  #size = 0
  #ended = false
  #wake: (() => void) | undefined

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** Bytes up to and including `delimiter`; undefined when the connection ends first. */
  async until(delimiter: string): Promise<Buffer | undefined> {
    for (;;) {
      const end = this.#joined().indexOf(delimiter)
      if (end >= 0) return this.#cut(end + delimiter.length)
      if (!(await this.#more())) return undefined
    }
  }

  async take(length: number): Promise<Buffer | undefined> {
    while (this.#size < length) if (!(await this.#more())) return undefined
    return this.#cut(length)
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false
    const before = this.#size
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    return this.#size > before || !this.#ended
  }

  #joined(): Buffer {
    if (this.#chunks.length > 0) this.#bytes = Buffer.concat([this.#bytes, ...this.#chunks.splice(0)])
    return this.#bytes
  }

  #cut(length: number): Buffer {
    const bytes = this.#joined()
    this.#bytes = bytes.subarray(length)
    this.#size -= length
    return bytes.subarray(0, length)
  }
}

async function readRequest(inbox: Inbox): Promise<UpstreamRequest | undefined> {
  const head = await inbox.until("\r\n\r\n")
  if (head === undefined) return undefined
  const [start = "", ...headerLines] = head.subarray(0, -4).toString("latin1").split("\r\n")
  const [method = "", target = ""] = start.split(" ")
  const bare: UpstreamRequest = { method, target, headerLines, body: new Uint8Array() }
  const chunked = headerOf(bare, "transfer-encoding")?.toLowerCase() === "chunked"
  const body = chunked ? await readChunked(inbox) : await inbox.take(Number(headerOf(bare, "content-length") ?? 0))
  return body === undefined ? undefined : { ...bare, body }
}

async function readChunked(inbox: Inbox): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  for (;;) {
    const line = await inbox.until("\r\n")
    if (line === undefined) return undefined
    const size = Number.parseInt(line.toString("latin1"), 16)
    const part = await inbox.take(size + 2)
    if (part === undefined) return undefined
    if (size === 0) return Buffer.concat(parts)
    parts.push(part.subarray(0, size))
  }
}
