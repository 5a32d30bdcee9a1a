/** Every path of the router, on one screen. */
import { explainMadeCall, explainRequest, type ExplainTools } from "../admin/explain.ts"
import type { Admin, Administrator } from "../admin/admin.ts"
import type { Dialect } from "../dialects/dialect.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { RouterError } from "../errors.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Handler, Incoming, Outgoing } from "../pipeline/message.ts"
import { serve } from "../pipeline/pipeline.ts"
import { noteAdministrator } from "../pipeline/intake/security.ts"
import { forAdministrators } from "./administrators.ts"
import { serveDocs } from "./assets.ts"
import { withCors } from "./cors.ts"
import { codexModels } from "./codex-models.ts"
import { countTokens } from "../pipeline/aside/count-tokens.ts"
import { health, ready, version, type ReadyStore } from "./health.ts"
import { listModels, oneModel } from "./models.ts"
import { metricsPage, type Watched } from "./metrics.ts"
import { answer, json, privately, refuse } from "./plain.ts"
import { storedResponse, storedResponsePath } from "../pipeline/aside/stored-responses.ts"
import { isPasted, unknownPath } from "./unknown-path.ts"
import { usage, type UsageStore } from "./usage.ts"

/** What the endpoints beside the calls need of the ledger. */
export type Store = UsageStore & ReadyStore & ExplainTools["store"]

export interface Parts {
  readonly store: Store
  readonly watched: Watched
  readonly admin: Admin
  readonly rehearsed: ExplainTools["rehearsed"]
}

const CHAT = DIALECTS["openai-chat"]
const RESPONSES = DIALECTS["openai-responses"]
const MESSAGES = DIALECTS.anthropic

/** The endpoints that serve calls. */
const CALLS: ReadonlyMap<string, Dialect> = new Map([
  ["/v1/chat/completions", CHAT],
  ["/chat/completions", CHAT],
  ["/v1/responses", RESPONSES],
  ["/responses", RESPONSES],
  ["/v1/responses/compact", RESPONSES],
  ["/responses/compact", RESPONSES],
  ["/v1/messages", MESSAGES],
  ["/messages", MESSAGES],
  ["/anthropic/v1/messages", MESSAGES],
  ["/anthropic/messages", MESSAGES],
  // clients that add `/v1` to a base URL that has it
  ["/v1/v1/chat/completions", CHAT],
  ["/v1/v1/responses", RESPONSES],
  ["/v1/v1/messages", MESSAGES],
  ["/anthropic/v1/v1/messages", MESSAGES],
])

const COUNTS: ReadonlySet<string> = new Set([
  "/v1/messages/count_tokens",
  "/messages/count_tokens",
  "/anthropic/v1/messages/count_tokens",
  "/anthropic/messages/count_tokens",
  "/v1/v1/messages/count_tokens",
  "/anthropic/v1/v1/messages/count_tokens",
])

export function routesOf(gateway: Gateway, parts: Parts): Handler {
  return (request) => {
    const dialect = CALLS.get(request.path)
    const answered = dialect === undefined ? other(request, gateway, parts) : call(request, dialect, gateway)
    return gateway.snapshot.corsOrigins.length === 0 || isAdmin(request)
      ? answered
      : withCorsLater(request, gateway, answered)
  }
}

async function withCorsLater(
  request: Incoming,
  gateway: Gateway,
  answered: Outgoing | Promise<Outgoing>,
): Promise<Outgoing> {
  return withCors(request, gateway, await answered)
}

function call(request: Incoming, dialect: Dialect, gateway: Gateway): Promise<Outgoing> | Outgoing {
  if (request.method === "POST") return serve(request, dialect, gateway)
  const upgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket"
  return refuse(dialect, gateway, upgrade ? new RouterError("websocket-unsupported") : methodNotAllowed("POST"))
}

function count(request: Incoming, gateway: Gateway): Outgoing | Promise<Outgoing> {
  if (request.method !== "POST") return refuse(MESSAGES, gateway, methodNotAllowed("POST"))
  return answer(request, MESSAGES, gateway, () => countTokens(request, gateway))
}

/** Everything else. */
function other(request: Incoming, gateway: Gateway, parts: Parts): Outgoing | Promise<Outgoing> {
  if (COUNTS.has(request.path)) return count(request, gateway)
  if (isAdmin(request)) return forAdministrators(request, gateway, adminRoute(request, gateway, parts))
  const dialect = dialectOf(request)
  // before stored responses: no response has an endpoint's name
  if (isPasted(request.path)) return refuse(dialect, gateway, unknownPath(request.path))
  const stored = storedResponsePath(request.path)
  if (stored !== null)
    return answer(request, RESPONSES, gateway, async () => privately(await storedResponse(request, stored, gateway)))
  const route = readRoute(request, gateway, parts)
  if (route === null) return refuse(dialect, gateway, unknownPath(request.path))
  if (request.method !== "GET" && request.method !== "HEAD")
    return refuse(dialect, gateway, methodNotAllowed("GET, HEAD"))
  return answer(request, dialect, gateway, route)
}

/** Pages of other origins have no business here. */
function isAdmin({ path }: Incoming): boolean {
  return path === "/admin" || path.startsWith("/admin/")
}

const MADE_CALL = "/admin/api/explain/"

/** Throws `not-found` for all of them where nobody can sign in. */
function adminRoute(request: Incoming, gateway: Gateway, { admin, store, rehearsed }: Parts): Route {
  const { path } = request
  const { snapshot } = gateway
  const tools = { gateway, store, rehearsed, dialectAt: (served: string) => CALLS.get(served) }
  const noted = async (requestId: string, coming: Promise<Administrator>): Promise<Administrator> => {
    const administrator = await coming
    noteAdministrator(administrator, request, requestId, gateway)
    return administrator
  }
  const explainer = (id: string) => noted(id, admin.permitted(request, snapshot, "admin:explain", "read"))
  const only = (methods: string): void => {
    if (!methods.split(", ").includes(request.method)) throw methodNotAllowed(methods)
  }
  return async (id) => {
    if (snapshot.admin.basic === null) throw new RouterError("not-found")
    if (path === "/admin/auth/check") {
      only("GET, HEAD")
      return json({ ok: true, ...(await noted(id, admin.welcome(request, snapshot))) })
    }
    if (path === "/admin/api/explain") {
      only("POST")
      return json(await explainRequest(request, await explainer(id), tools))
    }
    if (path.startsWith(MADE_CALL)) {
      only("GET, HEAD")
      return json(await explainMadeCall(path.slice(MADE_CALL.length), await explainer(id), tools))
    }
    throw new RouterError("not-found")
  }
}

type Route = (requestId: string) => Outgoing | Promise<Outgoing>

function readRoute(request: Incoming, gateway: Gateway, { store, watched, admin }: Parts): Route | null {
  const { path } = request
  const api = path.replace(/^\/anthropic(?=\/)/, "").replace(/^(?:\/v1){1,2}(?=\/)/, "")
  if (path === "/") return () => ({ status: 302, headers: { location: "/docs/" }, body: "" })
  if (path === "/healthz") return () => health()
  if (path === "/readyz") return () => ready(request, gateway, store, { admin, reloads: watched.reloads })
  if (path === "/version") return () => version()
  if (path === "/metrics") return () => privately(metricsPage(request, gateway, watched, admin))
  if (path === "/docs" || path.startsWith("/docs/")) {
    const page = serveDocs(path)
    return page === null ? null : () => fromResponse(page)
  }
  if (api === "/usage") return async () => privately(await usage(request, gateway, store))
  if (api === "/codex/models.json") return () => privately(codexModels(request, gateway))
  if (api === "/models") return () => privately(listModels(request, gateway))
  if (api.startsWith("/models/"))
    return () => privately(oneModel(request, gateway, decoded(api.slice("/models/".length))))
  return null
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new RouterError("not-found")
  }
}

async function fromResponse(response: Response): Promise<Outgoing> {
  return { status: response.status, headers: response.headers.toJSON(), body: await response.bytes() }
}

/** Whose error shape a request's client understands. */
function dialectOf(request: Incoming): Dialect {
  const isModels = /^(?:\/v1){0,2}\/models(?:\/|$)/.test(request.path)
  return isModels && request.headers.get("anthropic-version") !== null ? MESSAGES : dialectOfPath(request.path)
}

export function dialectOfPath(path: string): Dialect {
  if (path.startsWith("/anthropic") || /^(?:\/v1){0,2}\/messages(?:[/?]|$)/.test(path)) return MESSAGES
  return /^(?:\/v1){0,2}\/responses(?:[/?]|$)/.test(path) ? RESPONSES : CHAT
}

function methodNotAllowed(allow: string): RouterError {
  return new RouterError("method-not-allowed", { headers: { allow } })
}
