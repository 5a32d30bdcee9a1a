/** The router behind a listening socket. */
import { RouterError } from "../errors.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { BadRequest } from "./http/head.ts"
import { serveHttp, type HttpServer } from "./http/server.ts"
import { refuse } from "./plain.ts"
import { mostDescriptors } from "../system/descriptors.ts"
import { listeningOn } from "./listen-fault.ts"
import { connectionBounds } from "./connection-bounds.ts"
import type { ConnectionBounds } from "./http/connections.ts"
import { dialectOfPath, routesOf, type Parts } from "./routes.ts"

export interface Listener {
  readonly url: string
  /** Takes no new connections and closes the idle ones; with `force` all of them. */
  close(force: boolean): void
  /** Connections on which an answer is on its way. */
  busy(): number
}

export interface ListenOptions {
  readonly hostname: string
  readonly port: number
  readonly isShared: boolean
  readonly keepAliveAfterMs: number
}

/** @throws Error that names the address and why it cannot be had */
export function listen(gateway: Gateway, parts: Parts, options: ListenOptions): Listener {
  const serve = (): HttpServer =>
    serveHttp({
      ...options,
      clock: gateway.clock,
      handle: routesOf(gateway, parts),
      connections: {
        bounds: boundsOf(gateway),
        turnAway: ({ path }) =>
          refuse(dialectOfPath(path), gateway, new RouterError("overloaded", { message: TOO_MANY })),
        full: onceAMinute(gateway, () => gateway.log.warn("connections are refused", { reason: TOO_MANY })),
      },
      refuse: (fault) => refuse(dialectOfPath(fault.target), gateway, asRouterError(fault)),
      failed: (error) => gateway.log.error("a connection was cut by a fault of the router", { error }),
    })
  const server = listeningOn(options.hostname, options.port, serve)
  const host = options.hostname.includes(":") ? `[${options.hostname}]` : options.hostname
  return { url: `http://${host}:${server.port}`, close: (force) => server.close(force), busy: () => server.busy() }
}

const TOO_MANY = "There are too many connections, of all clients or of this address."

function onceAMinute({ clock }: Gateway, action: () => void): () => void {
  let until = -Infinity
  return () => {
    const now = clock.monotonicMs()
    if (now < until) return
    until = now + 60_000
    action()
  }
}

/** Made once for a configuration. */
function boundsOf(gateway: Gateway): () => ConnectionBounds {
  const descriptors = mostDescriptors()
  let made: { readonly snapshot: Gateway["snapshot"]; readonly bounds: ConnectionBounds } | null = null
  return () => {
    const { snapshot } = gateway
    if (made?.snapshot === snapshot) return made.bounds
    const bounds = connectionBounds(snapshot.connections, snapshot.clientIp, descriptors)
    const { max: wanted } = snapshot.connections
    if (wanted !== null && wanted > bounds.max)
      gateway.log.warn("fewer connections than configured are served, because the process may not open more files", {
        configured: wanted,
        served: bounds.max,
        open_files: descriptors,
      })
    made = { snapshot, bounds }
    return bounds
  }
}

function asRouterError(fault: BadRequest): RouterError {
  return new RouterError("invalid-request", { message: fault.message, status: fault.status })
}
