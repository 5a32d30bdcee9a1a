/** The listening socket, and the connections that it took. */
import type { Clock } from "../../system/clock.ts"
import type { Connection, Host } from "./connection.ts"
import { Connections, type ConnectionRules } from "./connections.ts"
import type { BadRequest } from "./head.ts"
import type { Handler, Outgoing } from "../../pipeline/message.ts"

const SWEEP_MS = 5000
const STREAM_SWEEP_MS = 250

export interface ServerOptions {
  readonly hostname: string
  readonly port: number
  /** Other processes may listen there too: the system deals out the connections. */
  readonly isShared: boolean
  readonly clock: Clock
  /** How long a stream may be silent before a keep-alive is written; found out to half a second. */
  readonly keepAliveAfterMs: number
  readonly handle: Handler
  readonly connections: ConnectionRules
  /** The answer to what is no request. */
  readonly refuse: (fault: BadRequest) => Outgoing
  /** A handler that rejected, or a stream that broke: the connection was cut. */
  readonly failed: (error: unknown) => void
}

export interface HttpServer {
  readonly port: number
  /** Takes no new connections and closes the idle ones; with `force` all of them. */
  close(force: boolean): void
  /** Connections on which an answer is on its way. */
  busy(): number
}

export function serveHttp(options: ServerOptions): HttpServer {
  const { clock, keepAliveAfterMs } = options
  const connections = new Connections(hostOf(options), options.connections, clock)
  const listener = Bun.listen<Connection | undefined>({
    hostname: options.hostname,
    port: options.port,
    // SO_REUSEPORT; the types know it for other sockets only
    ...(options.isShared ? { reusePort: true } : {}),
    socket: {
      open(socket) {
        const connection = connections.open(socket)
        if (connection === null) return
        socket.setNoDelay(true)
        socket.data = connection
      },
      data: (socket, bytes) => socket.data?.received(bytes),
      drain: (socket) => socket.data?.writable(),
      close: (socket) => socket.data?.ended(),
      error: (socket) => socket.data?.ended(),
    },
  })
  const sweep = clock.every(SWEEP_MS, () => connections.closeIdle())
  sweep.unref()
  const streamSweep = clock.every(Math.min(STREAM_SWEEP_MS, keepAliveAfterMs), () =>
    bridgeSilence(connections.all, clock.monotonicMs(), keepAliveAfterMs),
  )
  streamSweep.unref()
  return {
    port: listener.port,
    busy: () => [...connections.all].filter((connection) => connection.isBusy).length,
    close(force) {
      listener.stop(false)
      sweep.close()
      if (force) streamSweep.close()
      for (const connection of connections.all) {
        if (force) connection.destroy()
        else connection.finish()
      }
    },
  }
}

function hostOf(options: ServerOptions): Omit<Host, "closed"> {
  let second = 0
  let date = ""
  return {
    handle: options.handle,
    refuse: options.refuse,
    failed: options.failed,
    date() {
      const now = Math.floor(options.clock.now() / 1000)
      if (now !== second) {
        second = now
        date = new Date(now * 1000).toUTCString()
      }
      return date
    },
  }
}

function bridgeSilence(connections: ReadonlySet<Connection>, now: number, afterMs: number): void {
  for (const connection of connections) connection.bridgeSilence(now, afterMs)
}
