/** The listening socket. */
import type { Call } from "../pipeline/call.ts"
import { RouterError } from "../errors.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { refuse } from "./plain.ts"
import { callRoutes, otherRoutes } from "./routes.ts"
import type { UsageStore } from "./usage.ts"

/** Seconds of silence after which a connection is closed; lifted for calls that take long (`Watchdog`). */
const IDLE_SECONDS = 60

export interface Listener {
  readonly url: string
  peerAddress(request: Request): string | null
  liftIdleLimit(call: Call): void
  /** Takes no new connections; resolves when the open ones are done, or at once with `force`. */
  close(force: boolean): Promise<void>
}

export function listen(
  gateway: Gateway,
  store: UsageStore,
  address: { readonly hostname: string; readonly port: number },
): Listener {
  const server = Bun.serve({
    hostname: address.hostname,
    port: address.port,
    idleTimeout: IDLE_SECONDS,
    // the router counts bodies itself, so that a refusal has the right shape
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    routes: callRoutes(gateway),
    fetch: otherRoutes(gateway, store),
    error: (cause) => {
      gateway.log.error("a request failed outside the pipeline", { error: cause })
      return refuse(DIALECTS["openai-chat"], gateway, new RouterError("internal-error"))
    },
  })
  return {
    url: `http://${address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname}:${server.port}`,
    peerAddress: (request) => server.requestIP(request)?.address ?? null,
    liftIdleLimit: (call) => server.timeout(call.request, 0),
    close: (force) => server.stop(force),
  }
}
