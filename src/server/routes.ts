/** Every path of the router, on one screen. */
import type { ContentTools } from "../admin/content.ts"
import type { ExplainTools } from "../admin/explain.ts"
import type { Dialect } from "../dialects/dialect.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { RouterError } from "../errors.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Handler, Incoming, Outgoing } from "../pipeline/message.ts"
import { serve } from "../pipeline/pipeline.ts"
import { adminRoute, type AdminParts, isForAdministrators } from "./admin-routes.ts"
import { forAdministrators } from "./administrators.ts"
import { docsAnswer } from "./assets.ts"
import { withCors } from "./cors.ts"
import { codexModels } from "./codex-models.ts"
import { contentCaptures, contentPath } from "./content-captures.ts"
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

export interface Parts extends AdminParts {
  readonly content: ContentTools
  readonly store: Store
  readonly watched: Watched
}

const CHAT = DIALECTS["openai-chat"]
const RESPONSES = DIALECTS["openai-responses"]
const MESSAGES = DIALECTS.anthropic

/** The endpoints that serve calls. */
const CALLS: ReadonlyMap<string, Dialect> = new Map(
  Object.values(DIALECTS).flatMap((dialect) => dialect.wire.paths.map((path) => [path, dialect] as const)),
)
const COUNTS: ReadonlySet<string> = new Set(MESSAGES.wire.countPaths)

export function routesOf(gateway: Gateway, parts: Parts): Handler {
  return (request) => {
    const dialect = CALLS.get(request.path)
    const answered = dialect === undefined ? other(request, gateway, parts) : call(request, dialect, gateway)
    return gateway.snapshot.corsOrigins.length === 0 || isForAdministrators(request, gateway)
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
  if (isForAdministrators(request, gateway))
    return forAdministrators(
      request,
      gateway,
      adminRoute(request, gateway, parts, (path) => CALLS.get(path)),
    )
  const dialect = dialectOf(request)
  // before stored responses: no response has an endpoint's name
  if (isPasted(request.path)) return refuse(dialect, gateway, unknownPath(request.path))
  const stored = storedResponsePath(request.path)
  if (stored !== null)
    return answer(request, RESPONSES, gateway, async () => privately(await storedResponse(request, stored, gateway)))
  const content = contentPath(request.path)
  if (content !== null)
    return answer(request, dialect, gateway, async (id) =>
      privately(json(await contentCaptures(content, request, id, gateway, parts))),
    )
  const route = readRoute(request, gateway, parts)
  if (route === null) return refuse(dialect, gateway, unknownPath(request.path))
  if (request.method !== "GET" && request.method !== "HEAD")
    return refuse(dialect, gateway, methodNotAllowed("GET, HEAD"))
  return answer(request, dialect, gateway, route)
}

type Route = (requestId: string) => Outgoing | Promise<Outgoing>

function readRoute(request: Incoming, gateway: Gateway, { store, watched, admin }: Parts): Route | null {
  const { path } = request
  const api = path.replace(/^\/anthropic(?=\/)/, "").replace(/^(?:\/v1){1,2}(?=\/)/, "")
  if (path === "/") return () => ({ status: 302, headers: { location: "/docs/" }, body: "" })
  if (path === "/healthz") return () => health()
  if (path === "/readyz") return () => ready(request, gateway, store, { admin, ...watched })
  if (path === "/version") return () => version()
  if (path === "/metrics") return async () => privately(await metricsPage(request, gateway, watched, admin))
  if (path === "/docs" || path.startsWith("/docs/") || path === "/llms.txt") return docsAnswer(request)
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

/** Whose error shape a request's client understands. */
function dialectOf(request: Incoming): Dialect {
  const isModels = /^(?:\/v1){0,2}\/models(?:\/|$)/.test(request.path)
  return (isModels ? VERSIONED.find((dialect) => saysVersion(request, dialect)) : null) ?? dialectOfPath(request.path)
}

/** Dialects whose clients name a version in each request. */
const VERSIONED = Object.values(DIALECTS).filter(({ wire }) => wire.versionHeader !== null)

function saysVersion({ headers }: Incoming, { wire: { versionHeader } }: Dialect): boolean {
  return versionHeader !== null && headers.get(versionHeader.name) !== null
}

export function dialectOfPath(path: string): Dialect {
  return CLAIMING.find(({ wire }) => wire.claims?.test(path) === true) ?? CHAT
}

const CLAIMING = Object.values(DIALECTS)

function methodNotAllowed(allow: string): RouterError {
  return new RouterError("method-not-allowed", { headers: { allow } })
}
