/** Answers outside the life of a call: they have a request id and the error shapes, but no row. */
import type { Dialect } from "../dialects/dialect.ts"
import { asRouterError, type RouterError } from "../errors.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { errorHeaders } from "../pipeline/answer/headers.ts"
import { requestId } from "../pipeline/intake/request-id.ts"
import { noteRefusal } from "../pipeline/intake/security.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"

export function json(value: unknown, status = 200): Outgoing {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) }
}

/** Of what only the holder of a token may see, no cache on the way keeps a copy, whatever header the token came in. */
export function privately(outgoing: Outgoing): Outgoing {
  return { ...outgoing, headers: { "cache-control": "no-store", ...outgoing.headers } }
}

/** Runs a handler, which is told the id of the request; what it throws becomes an error response. */
export async function answer(
  request: Incoming,
  dialect: Dialect,
  gateway: Gateway,
  handle: (requestId: string) => Outgoing | Promise<Outgoing>,
): Promise<Outgoing> {
  const startedAt = gateway.clock.monotonicMs()
  const id = requestId(gateway.clock.now(), gateway.random)
  const stamp = (outgoing: Outgoing): Outgoing =>
    stamped(outgoing, id, dialect, gateway.clock.monotonicMs() - startedAt)
  try {
    return stamp(await handle(id))
  } catch (thrown) {
    const error = asRouterError(thrown)
    if (error.code === "internal-error")
      gateway.log.error("a request failed inside the router", { request_id: id, error: thrown })
    noteRefusal(error, request, id, gateway)
    return stamp(privately(errorAnswer(error, id, dialect, gateway)))
  }
}

export function refuse(dialect: Dialect, gateway: Gateway, error: RouterError): Outgoing {
  const id = requestId(gateway.clock.now(), gateway.random)
  return stamped(privately(errorAnswer(error, id, dialect, gateway)), id, dialect, 0)
}

function errorAnswer(error: RouterError, id: string, dialect: Dialect, { snapshot }: Gateway): Outgoing {
  const body = dialect.renderError(error, id, snapshot.errorsPage)
  return { status: error.status, headers: errorHeaders(error), body }
}

function stamped(outgoing: Outgoing, id: string, dialect: Dialect, durationMs: number): Outgoing {
  const { requestIdHeader } = dialect.wire
  const headers = {
    ...outgoing.headers,
    "x-request-id": id,
    "server-timing": `router;dur=${durationMs.toFixed(2)}, upstream;dur=0`,
    ...(requestIdHeader === null ? {} : { [requestIdHeader]: id }),
  }
  return { ...outgoing, headers }
}
