/** Cross-origin calls from browser pages: off unless origins are configured. https://fetch.spec.whatwg.org/#http-cors-protocol */
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"

const EXPOSED =
  "x-request-id, request-id, server-timing, retry-after, x-should-retry, x-router-losses, x-router-estimate"

/** Adds what a browser needs; a preflight of an allowed origin is answered here. */
export function withCors(request: Incoming, gateway: Gateway, outgoing: Outgoing): Outgoing {
  const { corsOrigins } = gateway.snapshot
  const origin = request.headers.get("origin")
  if (origin === null || !(corsOrigins.includes(origin) || corsOrigins.includes("*"))) return outgoing
  const answer = request.method === "OPTIONS" ? preflight(request, outgoing) : outgoing
  const cors = { "access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED, vary: "origin" }
  return { ...answer, headers: { ...answer.headers, ...cors } }
}

function preflight(request: Incoming, refused: Outgoing): Outgoing {
  return {
    status: 204,
    headers: {
      "x-request-id": refused.headers["x-request-id"] ?? "",
      "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
      "access-control-allow-headers":
        request.headers.get("access-control-request-headers") ?? "authorization, content-type",
      "access-control-max-age": "600",
    },
    body: "",
  }
}
