/**
 * Connections to one origin, kept alive between requests. Plain sockets instead of `fetch`: one write per request,
 * no copy of a large body, and answers without a hop between threads.
 */
import type { Socket } from "bun"
import type { Origin } from "../../config/snapshot.ts"
import type { Clock } from "../../system/clock.ts"
import { Exchange, type Carrier, type Listener } from "./exchange.ts"
import { NoRoom, type Sockets } from "./sockets.ts"

/** An idle connection is closed after this time; most servers close theirs later. */
const IDLE_MS = 50_000
const MOST_IDLE = 256
/**
 * A kept connection that closes so soon after a request was written was closing already: the end of it was on its way
 * here, which takes no longer than a round trip. The time that opening the connection took stands for one, within bounds.
 */
const STALE_WITHIN_MS = { least: 20, most: 200 }
/** Requests up to this size are sent as one piece. */
const SCRATCH_BYTES = 65_536

const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

export class Pool {
  private readonly origin: Origin
  private readonly sockets: Sockets
  private readonly clock: MonotonicClock
  private readonly idle: Connection[] = []

  constructor(origin: Origin, sockets: Sockets, clock: MonotonicClock) {
    this.origin = origin
    this.sockets = sockets
    this.clock = clock
  }

  /**
   * Sends once: on an idle connection, or on a new one with `fresh`. The pieces must not change until the answer comes.
   * An idle connection may fail with `StaleConnection`.
   */
  send(pieces: readonly Uint8Array[], listener: Listener, fresh: boolean): Exchange {
    const kept = fresh ? undefined : this.idle.pop()
    const connection = kept ?? new Connection(this.origin, this.sockets, this.clock, this.give)
    return connection.begin(pieces, listener, kept === undefined ? null : this.clock.monotonicMs())
  }

  close(): void {
    for (const connection of this.idle.splice(0)) connection.destroy()
  }

  /** Frees the connection that was idle longest; false: none is idle. */
  closeOneIdle(): boolean {
    const connection = this.idle[0]
    connection?.destroy()
    return connection !== undefined
  }

  /** To be called now and then. */
  closeIdle(now: number): void {
    for (const connection of this.idle.filter((idle) => idle.isIdleFor(now, IDLE_MS))) connection.destroy()
  }

  private readonly give = (connection: Connection, usable: boolean): void => {
    if (usable && this.idle.length < MOST_IDLE) {
      this.idle.push(connection)
      return
    }
    const at = this.idle.indexOf(connection)
    if (at >= 0) this.idle.splice(at, 1)
    if (usable) connection.destroy()
  }
}

type MonotonicClock = Pick<Clock, "monotonicMs">
type Give = (connection: Connection, usable: boolean) => void

class Connection implements Carrier {
  private readonly give: Give
  private readonly sockets: Sockets
  private readonly clock: MonotonicClock
  private readonly madeAt: number
  private openingMs = 0
  /** On the monotonic clock: when a request was written on the connection after it was kept; null for its first one. */
  private writtenAt: number | null = null
  private socket: Socket<Connection> | null = null
  private exchange: Exchange | null = null
  /** What the kernel has not taken yet. */
  private unsent: Uint8Array[] = []
  private ready = false
  private gone = false
  /** It counts among the sockets. */
  private hasPlace = false
  /** On the monotonic clock: when a sweep first found the connection idle. */
  private idleSince: number | null = null

  constructor(origin: Origin, sockets: Sockets, clock: MonotonicClock, give: Give) {
    this.give = give
    this.sockets = sockets
    this.clock = clock
    this.madeAt = clock.monotonicMs()
    this.connect(origin).catch((error: unknown) =>
      this.ended(error instanceof Error ? error : new Error(String(error))),
    )
  }

  begin(pieces: readonly Uint8Array[], listener: Listener, writtenAt: number | null): Exchange {
    const exchange = new Exchange(this, listener)
    this.exchange = exchange
    this.writtenAt = writtenAt
    this.idleSince = null
    if (this.ready) {
      listener.connected()
      this.write(pieces)
    } else this.unsent = [...pieces]
    return exchange
  }

  /** Looked at by a sweep: a clock reading for every release would cost more. */
  isIdleFor(now: number, atLeastMs: number): boolean {
    this.idleSince ??= now
    return now - this.idleSince >= atLeastMs
  }

  destroy(): void {
    if (this.gone) return
    this.leave()
    this.socket?.terminate()
  }

  // Carrier

  pause(): void {
    this.socket?.pause()
  }

  resume(): void {
    this.socket?.resume()
  }

  release(reusable: boolean): void {
    this.exchange = null
    // a server that answers before it has read the whole request will not read the next one either
    if (!reusable || this.gone || this.unsent.length > 0) return this.destroy()
    this.give(this, true)
  }

  // what the socket tells

  opened(socket: Socket<Connection>): void {
    this.socket = socket
    this.openingMs = this.clock.monotonicMs() - this.madeAt
    if (this.gone) socket.terminate()
    else socket.setNoDelay(true)
  }

  start(): void {
    if (this.gone) return
    this.ready = true
    this.exchange?.connected()
    const pieces = this.unsent
    this.unsent = []
    this.write(pieces)
  }

  drained(): void {
    if (!this.ready || this.unsent.length === 0) return
    const pieces = this.unsent
    this.unsent = []
    this.writeEach(pieces)
  }

  received(bytes: Uint8Array): void {
    if (this.exchange === null) return this.ended(null)
    this.exchange.received(bytes)
  }

  ended(cause: Error | null): void {
    this.leave()
    const { exchange } = this
    this.exchange = null
    exchange?.ended(this.socket === null ? this.sockets.reasonFor(cause) : cause, this.isStale())
    this.socket?.terminate()
  }

  /** Did the connection close before the upstream can have worked on the request? It has not, without the whole of it. */
  private isStale(): boolean {
    if (this.writtenAt === null) return false
    const { least, most } = STALE_WITHIN_MS
    const withinMs = Math.min(most, Math.max(least, this.openingMs))
    return this.unsent.length > 0 || this.clock.monotonicMs() - this.writtenAt <= withinMs
  }

  private async connect({ hostname, port, tls }: Origin): Promise<void> {
    this.hasPlace = this.sockets.take()
    if (!this.hasPlace) throw new NoRoom()
    if (tls === null) await Bun.connect<Connection>({ hostname, port, socket: PLAIN, data: this })
    else
      await Bun.connect<Connection>({
        hostname,
        port,
        socket: SECURE,
        data: this,
        // said, because the environment could say otherwise (NODE_TLS_REJECT_UNAUTHORIZED)
        tls: { serverName: hostname, ...tls, rejectUnauthorized: true },
      })
  }

  /** May be called again. */
  private leave(): void {
    this.gone = true
    this.give(this, false)
    if (this.hasPlace) this.sockets.give()
    this.hasPlace = false
  }

  private write(pieces: readonly Uint8Array[]): void {
    let size = 0
    for (const piece of pieces) size += piece.length
    if (size > SCRATCH_BYTES) return this.writeEach(joinSmall(pieces))
    let at = 0
    for (const piece of pieces) {
      scratch.set(piece, at)
      at += piece.length
    }
    const written = this.socket?.write(scratch.subarray(0, size)) ?? 0
    // the scratch is shared: what is left must be copied out of it
    if (written < size) this.unsent.push(new Uint8Array(scratch.subarray(Math.max(0, written), size)))
  }

  private writeEach(pieces: readonly Uint8Array[]): void {
    for (const [index, piece] of pieces.entries()) {
      const written = Math.max(0, this.socket?.write(piece) ?? 0)
      if (written === piece.length) continue
      this.unsent.push(piece.subarray(written), ...pieces.slice(index + 1))
      return
    }
  }
}

/** A large request has one large piece; what is small around it goes out in one write each. */
function joinSmall(pieces: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = []
  let small: Uint8Array[] = []
  for (const piece of pieces) {
    if (piece.length < 4096) {
      small.push(piece)
      continue
    }
    if (small.length > 0) joined.push(Buffer.concat(small))
    small = []
    joined.push(piece)
  }
  if (small.length > 0) joined.push(Buffer.concat(small))
  return joined
}

/** Shared by all connections: a closure per connection would cost more than it says. */
const PLAIN = {
  open: (socket: Socket<Connection>) => {
    socket.data.opened(socket)
    socket.data.start()
  },
  data: (socket: Socket<Connection>, bytes: Buffer) => socket.data.received(bytes),
  drain: (socket: Socket<Connection>) => socket.data.drained(),
  // a reset is told here, and not as an error
  close: (socket: Socket<Connection>, error?: Error) => socket.data.ended(error ?? null),
  end: (socket: Socket<Connection>) => socket.data.ended(null),
  error: (socket: Socket<Connection>, error: Error) => socket.data.ended(error),
  connectError: (socket: Socket<Connection>, error: Error) => socket.data.ended(error),
}

/** Nothing is sent before the certificate and its host name are verified. */
const SECURE = {
  ...PLAIN,
  open: (socket: Socket<Connection>) => socket.data.opened(socket),
  handshake: (socket: Socket<Connection>, verified: boolean, error: Error | null) => {
    if (verified) socket.data.start()
    else socket.data.ended(error ?? new Error("the certificate could not be verified"))
  },
}
