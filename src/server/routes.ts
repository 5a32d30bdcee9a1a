/** Every path of the router, on one screen. */
import type { Dialect } from "../dialects/dialect.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { RouterError } from "../errors.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { serve } from "../pipeline/pipeline.ts"
import { serveDocs } from "./assets.ts"
import { withCors } from "./cors.ts"
import { health, ready, version } from "./health.ts"
import { listModels, oneModel } from "./models.ts"
import { answer, refuse } from "./plain.ts"
import { usage, type UsageStore } from "./usage.ts"

export type Handler = (request: Request) => Response | Promise<Response>

const CHAT = DIALECTS["openai-chat"]
const RESPONSES = DIALECTS["openai-responses"]
const MESSAGES = DIALECTS.anthropic

/** The endpoints that serve calls: exact paths, so that the server finds them without looking at the URL. */
const CALLS: readonly (readonly [string, Dialect])[] = [
  ["/v1/chat/completions", CHAT],
  ["/chat/completions", CHAT],
  ["/v1/responses", RESPONSES],
  ["/responses", RESPONSES],
  ["/v1/messages", MESSAGES],
  ["/messages", MESSAGES],
  ["/anthropic/v1/messages", MESSAGES],
  ["/anthropic/messages", MESSAGES],
]

export function callRoutes(gateway: Gateway): Record<string, Handler> {
  return Object.fromEntries(CALLS.map(([path, dialect]) => [path, callHandler(dialect, gateway)]))
}

function callHandler(dialect: Dialect, gateway: Gateway): Handler {
  return (request) => {
    if (request.method === "POST") {
      const response = serve(request, dialect, gateway)
      return gateway.snapshot.corsOrigins.length === 0
        ? response
        : response.then((served) => withCors(request, gateway, served))
    }
    if (request.method === "OPTIONS")
      return withCors(request, gateway, refuse(dialect, gateway, methodNotAllowed("POST")))
    const upgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket"
    return refuse(dialect, gateway, upgrade ? new RouterError("websocket-unsupported") : methodNotAllowed("POST"))
  }
}

/** Everything else. */
export function otherRoutes(gateway: Gateway, store: UsageStore): Handler {
  return async (request) => {
    const path = new URL(request.url).pathname
    return withCors(request, gateway, await other(request, path, gateway, store))
  }
}

function other(request: Request, path: string, gateway: Gateway, store: UsageStore): Response | Promise<Response> {
  const dialect = dialectOf(request, path)
  const route = readRoute(request, path, gateway, store)
  if (route === null) return refuse(dialect, gateway, new RouterError("not-found"))
  if (request.method !== "GET" && request.method !== "HEAD")
    return refuse(dialect, gateway, methodNotAllowed("GET, HEAD"))
  return answer(dialect, gateway, route)
}

type Route = (requestId: string) => Response | Promise<Response>

function readRoute(request: Request, path: string, gateway: Gateway, store: UsageStore): Route | null {
  const api = path.replace(/^\/anthropic(?=\/)/, "").replace(/^\/v1(?=\/)/, "")
  if (path === "/") return () => new Response(null, { status: 302, headers: { location: "/docs/" } })
  if (path === "/healthz") return () => health()
  if (path === "/readyz") return () => ready(gateway)
  if (path === "/version") return () => version()
  if (path === "/docs" || path.startsWith("/docs/")) {
    const page = serveDocs(path)
    return page === null ? null : () => page
  }
  if (api === "/usage") return () => usage(request, gateway, store)
  if (api === "/models") return () => listModels(request, gateway)
  if (api.startsWith("/models/")) return () => oneModel(request, gateway, decoded(api.slice("/models/".length)))
  return null
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new RouterError("not-found")
  }
}

/** Whose error shape a path's client understands. */
function dialectOf(request: Request, path: string): Dialect {
  if (path.startsWith("/anthropic") || /^(?:\/v1)?\/messages(?:\/|$)/.test(path)) return MESSAGES
  if (/^(?:\/v1)?\/models(?:\/|$)/.test(path) && request.headers.has("anthropic-version")) return MESSAGES
  return /^(?:\/v1)?\/responses(?:\/|$)/.test(path) ? RESPONSES : CHAT
}

function methodNotAllowed(allow: string): RouterError {
  return new RouterError("method-not-allowed", { headers: { allow } })
}
