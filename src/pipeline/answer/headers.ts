/** The headers that every answer of the router carries. */
import type { RouterError } from "../../errors.ts"
import type { Call } from "../call.ts"
import type { Gateway } from "../gateway.ts"

export function routerHeaders(
  call: Call,
  gateway: Pick<Gateway, "clock">,
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  const headers: Record<string, string> = {
    ...more,
    "x-request-id": call.id,
    "server-timing": serverTiming(call, gateway),
  }
  const { caching } = call
  if (caching !== null) {
    headers["x-router-cache"] = caching.outcome
    if (caching.hit !== null) headers["age"] = String(caching.hit.ageS)
  }
  const { requestIdHeader } = call.dialect.wire
  if (requestIdHeader !== null) headers[requestIdHeader] = call.id
  return headers
}

/** Time spent waiting for upstreams until the headers leave, and the rest, which is the router's own. */
function serverTiming(call: Call, { clock }: Pick<Gateway, "clock">): string {
  const now = clock.monotonicMs()
  let upstream = 0
  for (const tried of call.attempts) upstream += (tried.endedAt ?? tried.firstContentAt ?? now) - tried.startedAt
  const router = Math.max(0, now - call.startedAt - upstream)
  return `router;dur=${router.toFixed(2)}, upstream;dur=${upstream.toFixed(2)}`
}

export function errorHeaders(error: RouterError): Record<string, string> {
  const headers: Record<string, string> = { "content-type": "application/json", ...error.detail.headers }
  if (error.retryAfterS !== null) headers["retry-after"] = String(error.retryAfterS)
  if (!error.retryable) headers["x-should-retry"] = "false"
  return headers
}
