/** Answers outside the life of a call: they have a request id and the error shapes, but no row. */
import type { Dialect } from "../dialects/dialect.ts"
import { asRouterError, type RouterError } from "../errors.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { errorHeaders } from "../pipeline/headers.ts"
import { requestId } from "../pipeline/request-id.ts"

/** Runs a handler; what it throws becomes an error response. */
export async function answer(
  dialect: Dialect,
  gateway: Gateway,
  handle: (requestId: string) => Response | Promise<Response>,
): Promise<Response> {
  const startedAt = gateway.clock.monotonicMs()
  const id = requestId(gateway.clock.now(), gateway.random)
  try {
    return stamped(await handle(id), id, dialect, gateway.clock.monotonicMs() - startedAt)
  } catch (thrown) {
    const error = asRouterError(thrown)
    if (error.code === "internal-error")
      gateway.log.error("a request failed inside the router", { request_id: id, error: thrown })
    return stamped(errorResponse(error, id, dialect), id, dialect, gateway.clock.monotonicMs() - startedAt)
  }
}

export function refuse(dialect: Dialect, gateway: Gateway, error: RouterError): Response {
  const id = requestId(gateway.clock.now(), gateway.random)
  return stamped(errorResponse(error, id, dialect), id, dialect, 0)
}

function errorResponse(error: RouterError, id: string, dialect: Dialect): Response {
  return new Response(dialect.renderError(error, id), { status: error.status, headers: errorHeaders(error) })
}

function stamped(response: Response, id: string, dialect: Dialect, durationMs: number): Response {
  response.headers.set("x-request-id", id)
  response.headers.set("server-timing", `router;dur=${durationMs.toFixed(2)}, upstream;dur=0`)
  if (dialect.name === "anthropic") response.headers.set("request-id", id)
  return response
}
