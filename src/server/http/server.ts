/** The listening socket, and the connections that it took. */
import type { Clock } from "../../system/clock.ts"
import { Connection, type Host } from "./connection.ts"
import type { BadRequest } from "./head.ts"
import type { Handler, Outgoing } from "../../pipeline/message.ts"

/** A connection that waits for a request, or for the rest of one, is closed after this silence. */
const IDLE_MS = 75_000
const SWEEP_MS = 5000

export interface ServerOptions {
  readonly hostname: string
  readonly port: number
  readonly clock: Clock
  readonly handle: Handler
  /** The answer to what is no request. */
  readonly refuse: (fault: BadRequest) => Outgoing
  /** A handler that rejected, or a stream that broke: the connection was cut. */
  readonly failed: (error: unknown) => void
}

export interface HttpServer {
  readonly port: number
  /** Takes no new connections and closes the idle ones; with `force` all of them. */
  close(force: boolean): void
}

export function serveHttp(options: ServerOptions): HttpServer {
  const connections = new Set<Connection>()
  const host = hostOf(options, connections)
  const now = (): number => options.clock.monotonicMs()
  const listener = Bun.listen<Connection | undefined>({
    hostname: options.hostname,
    port: options.port,
    socket: {
      open(socket) {
        socket.setNoDelay(true)
        socket.data = new Connection(socket, host, now)
        connections.add(socket.data)
      },
      data: (socket, bytes) => socket.data?.received(bytes),
      drain: (socket) => socket.data?.writable(),
      close: (socket) => socket.data?.ended(),
      error: (socket) => socket.data?.ended(),
    },
  })
  const sweep = setInterval(() => closeIdle(connections, now()), SWEEP_MS)
  sweep.unref()
  return {
    port: listener.port,
    close(force) {
      listener.stop(false)
      clearInterval(sweep)
      for (const connection of connections) {
        if (force) connection.destroy()
        else connection.finish()
      }
    },
  }
}

function hostOf(options: ServerOptions, connections: Set<Connection>): Host {
  let second = 0
  let date = ""
  return {
    handle: options.handle,
    refuse: options.refuse,
    failed: options.failed,
    closed: (connection) => void connections.delete(connection),
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

function closeIdle(connections: Set<Connection>, now: number): void {
  for (const connection of connections) {
    if (!connection.busy && now - connection.activeAt > IDLE_MS) connection.finish()
  }
}
