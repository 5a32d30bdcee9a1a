/** Cross-origin calls from browser pages: off unless origins are configured. https://fetch.spec.whatwg.org/#http-cors-protocol */
import type { Gateway } from "../pipeline/gateway.ts"

const EXPOSED = "x-request-id, request-id, server-timing, retry-after, x-should-retry, x-router-losses"

/** Adds what a browser needs; a preflight of an allowed origin is answered here. */
export function withCors(request: Request, gateway: Gateway, response: Response): Response {
  const { corsOrigins } = gateway.snapshot
  if (corsOrigins.length === 0) return response
  const origin = request.headers.get("origin")
  if (origin === null || !(corsOrigins.includes(origin) || corsOrigins.includes("*"))) return response
  const answer = request.method === "OPTIONS" ? preflight(request) : response
  answer.headers.set("access-control-allow-origin", origin)
  answer.headers.set("access-control-expose-headers", EXPOSED)
  answer.headers.append("vary", "origin")
  return answer
}

function preflight(request: Request): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, POST, OPTIONS",
      "access-control-allow-headers":
        request.headers.get("access-control-request-headers") ?? "authorization, content-type",
      "access-control-max-age": "600",
    },
  })
}
