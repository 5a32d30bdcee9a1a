/** Every path of administrators: signing in, explanations, reports and their pages. */
import type { Admin, Administrator } from "../admin/admin.ts"
import type { ReportsApi } from "../admin/api/reports-api.ts"
import { ENTRANCE, type Entrance, SIGN_IN_PATH } from "../admin/entrance.ts"
import { explainMadeCall, explainRequest, type ExplainTools } from "../admin/explain.ts"
import type { Permission } from "../admin/api/operation.ts"
import { homePage } from "../admin/pages.ts"
import { hasDoor } from "../config/compile/admin-rules.ts"
import { consoleAsset } from "../console/assets.ts"
import { asRouterError, RouterError } from "../errors.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import { noteAdministrator, noteRefusal } from "../pipeline/intake/security.ts"
import { json } from "./plain.ts"

export interface AdminParts {
  readonly store: ExplainTools["store"]
  readonly admin: Admin
  readonly entrance: Entrance
  readonly reportsApi: ReportsApi
  readonly rehearsed: ExplainTools["rehearsed"]
}

/** Pages of other origins have no business here. */
export function isForAdministrators({ path }: Incoming, { snapshot }: Gateway): boolean {
  const { reportsPrefix } = snapshot.admin
  return path === "/admin" || path.startsWith("/admin/") || isBelow(path, reportsPrefix)
}

const MADE_CALL = "/admin/api/explain/"

/** Throws `not-found` for all of them where nobody can sign in. */
export function adminRoute(
  request: Incoming,
  gateway: Gateway,
  parts: AdminParts,
  dialectAt: ExplainTools["dialectAt"],
): (requestId: string) => Promise<Outgoing> {
  const { path } = request
  const { snapshot } = gateway
  const { admin, entrance, store, rehearsed } = parts
  const tools = { gateway, store, rehearsed, dialectAt }
  const noted = async (requestId: string, coming: Promise<Administrator>): Promise<Administrator> => {
    const administrator = await coming
    noteAdministrator("admin", administrator, request, requestId, gateway)
    return administrator
  }
  const explainer = (id: string) => noted(id, admin.permitted(request, snapshot, "admin:explain", "read"))
  const only = (methods: string): void => {
    if (!methods.split(", ").includes(request.method))
      throw new RouterError("method-not-allowed", { headers: { allow: methods } })
  }
  return async (id) => {
    if (!hasDoor(snapshot.admin)) throw new RouterError("not-found")
    if (path === "/admin/auth/check") {
      only("GET, HEAD")
      const { source, subject, domain } = await noted(id, admin.welcome(request, snapshot))
      return json({ ok: true, source, subject, domain })
    }
    if (path.startsWith(ENTRANCE))
      return entrance.answer(request, snapshot, {
        passed: (type, who) => noteAdministrator(type, who, request, id, gateway),
        refused: (error) => noteRefusal(error, request, id, gateway),
      })
    if (path === "/admin/api/explain") {
      only("POST")
      return json(await explainRequest(request, await explainer(id), tools))
    }
    if (path.startsWith(MADE_CALL)) {
      only("GET, HEAD")
      return json(await explainMadeCall(path.slice(MADE_CALL.length), await explainer(id), tools))
    }
    if (isBelow(path, snapshot.admin.reportsPrefix)) return reports(request, id, gateway, parts)
    throw new RouterError("not-found")
  }
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`)
}

async function reports(
  request: Incoming,
  id: string,
  gateway: Gateway,
  { admin, reportsApi }: AdminParts,
): Promise<Outgoing> {
  const { snapshot, clock } = gateway
  const { reportsPrefix: prefix, reports: rules } = snapshot.admin
  const below = request.path.slice(prefix.length)
  const note = (asked: Permission, who: Administrator): void =>
    noteAdministrator(asked.object === "content:capture" ? "content" : asked.action, who, request, id, gateway)
  if (reportsApi.isAt(below)) return reportsApi.answer({ request, snapshot, nowMs: clock.now(), requestId: id, note })
  if (request.method !== "GET" && request.method !== "HEAD")
    throw new RouterError("method-not-allowed", { headers: { allow: "GET, HEAD" } })
  const place = { base: prefix, longestRangeMs: rules?.maxRangeMs ?? 0 }
  // files hold nothing of this installation
  if (below.startsWith("/assets/")) return (await consoleAsset(request, place)) ?? nothing()
  try {
    const { subject, domain } = await admin.signedIn(request, snapshot)
    if (rules === null) return homePage({ subject, domain })
    return (await consoleAsset(request, place)) ?? nothing()
  } catch (error) {
    // people come here by an address that they keep: they are shown where to sign in
    if (asRouterError(error).code !== "unauthorized" || request.headers.get("authorization") !== null) throw error
    const location = `${SIGN_IN_PATH}?return_to=${encodeURIComponent(request.target)}`
    return { status: 302, headers: { location }, body: "" }
  }
}

function nothing(): never {
  throw new RouterError("not-found")
}
