/** The router behind a listening socket. */
import { RouterError } from "../errors.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { BadRequest } from "./http/head.ts"
import { serveHttp, type HttpServer } from "./http/server.ts"
import { refuse } from "./plain.ts"
import { dialectOfPath, routesOf, type Parts } from "./routes.ts"

export interface Listener {
  readonly url: string
  /** Takes no new connections and closes the idle ones; with `force` all of them. */
  close(force: boolean): void
}

export interface ListenOptions {
  readonly hostname: string
  readonly port: number
  readonly isShared: boolean
  readonly keepAliveAfterMs: number
}

export function listen(gateway: Gateway, parts: Parts, options: ListenOptions): Listener {
  const server: HttpServer = serveHttp({
    ...options,
    clock: gateway.clock,
    handle: routesOf(gateway, parts),
    refuse: (fault) => refuse(dialectOfPath(fault.target), gateway, asRouterError(fault)),
    failed: (error) => gateway.log.error("a connection was cut by a fault of the router", { error }),
  })
  const host = options.hostname.includes(":") ? `[${options.hostname}]` : options.hostname
  return { url: `http://${host}:${server.port}`, close: (force) => server.close(force) }
}

function asRouterError(fault: BadRequest): RouterError {
  return new RouterError("invalid-request", { message: fault.message, status: fault.status })
}
