/** Refusals of who calls, and what administrators did, as events for the record. */
import type { ErrorCode } from "../../error-catalogue.ts"
import type { RouterError } from "../../errors.ts"
import type { SecurityEvent } from "../../ledger/security-events.ts"
import type { Party } from "../../party.ts"
import type { Gateway } from "../gateway.ts"
import type { Incoming } from "../message.ts"
import { clientAddress } from "./client-address.ts"
import { clientName } from "./client-name.ts"

export type EventType = SecurityEvent["event_type"]

const TYPES: Partial<Record<ErrorCode, EventType>> = {
  unauthorized: "credential",
  "ambiguous-credentials": "credential",
  "key-disabled": "credential",
  "key-suspended": "credential",
  "key-expired": "credential",
  "key-rotated": "credential",
  "model-not-allowed": "model",
  "metrics-forbidden": "metrics",
  "admin-forbidden": "admin",
  "cross-site-request": "admin",
  "reports-forbidden": "read",
  "content-forbidden": "content",
  "sign-in-limited": "admin",
  "oidc-login-rate-limited": "admin",
}

const METHODS = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/
/** What follows these in a path is somebody's name or id. */
const BEFORE_IDS = new Set(["models", "responses", "explain", "request", "content", "content-captures"])
const WORD = /^[a-z][a-z_-]{0,31}(?:\.(?:json|csv|md))?$|^v1$/
const MOST_SEGMENTS = 6

/** Nothing where the error refuses nobody in particular. The log names the caller of a known token, once a minute. */
export function noteRefusal(error: RouterError, request: Incoming, requestId: string, gateway: Gateway): void {
  const type = TYPES[error.code]
  if (type === undefined) return
  const party = error.detail.who ?? {}
  const isFirst = gateway.security.note({
    ...eventOf(request, requestId, party, gateway),
    event_type: refusedType(type, request, gateway),
    outcome: "denied",
    reason_code: error.code,
    status_code: error.status,
  })
  if (!isFirst || party.caller_id === undefined || type !== "credential") return
  const { caller_id, token_id } = party
  gateway.log.warn("a known token was refused", { caller_id, token_id, reason: error.code, request_id: requestId })
}

const SIGN_IN = /^\/admin\/auth\/(?:login|callback|once)$/

function refusedType(type: EventType, { path }: Incoming, gateway: Gateway): EventType {
  if (SIGN_IN.test(path)) return "sign_in"
  const surface = surfaceOf(path, gateway)
  if (surface === "admin") return "admin"
  return surface === "reports" && type === "credential" ? "read" : type
}

/** What an administrator was let do. */
export function noteAdministrator(
  type: EventType,
  { subject, domain }: { readonly subject: string; readonly domain: string },
  request: Incoming,
  requestId: string,
  gateway: Gateway,
): void {
  gateway.security.note({
    ...eventOf(request, requestId, { admin_subject: subject, admin_domain: domain }, gateway),
    event_type: type,
    outcome: "allowed",
    reason_code: null,
    status_code: 200,
  })
}

type Surroundings = Omit<SecurityEvent, "event_type" | "outcome" | "reason_code" | "status_code">

function eventOf(request: Incoming, requestId: string, party: Party, gateway: Gateway): Surroundings {
  return {
    surface: surfaceOf(request.path, gateway),
    http_method: METHODS.test(request.method) ? request.method : "other",
    path_template: templateOf(request.path),
    request_id: requestId,
    auth_source: sourceOf(request),
    caller_id: party.caller_id ?? null,
    caller_user: party.caller_user ?? null,
    caller_project: party.caller_project ?? null,
    caller_environment: party.caller_environment ?? null,
    token_id: party.token_id ?? null,
    admin_subject: party.admin_subject ?? null,
    admin_domain: party.admin_domain ?? null,
    client: clientName(request.headers.get("user-agent")),
    ip_address: clientAddress(request, gateway),
    requested_model: party.requested_model ?? null,
  }
}

const CALLS = /\/(?:chat\/completions|responses|messages|responses\/compact)$/

function surfaceOf(path: string, { snapshot }: Gateway): SecurityEvent["surface"] {
  if (path.startsWith(`${snapshot.admin.reportsPrefix}/`)) return "reports"
  if (path === "/admin" || path.startsWith("/admin/")) return "admin"
  if (path === "/metrics") return "metrics"
  return CALLS.test(path) ? "calls" : "api"
}

function sourceOf({ headers, path }: Incoming): string {
  const authorization = headers.get("authorization")
  if (authorization !== null && /^basic /i.test(authorization)) return "basic"
  if (authorization !== null || headers.get("x-api-key") !== null) return "token"
  return headers.get("cookie") !== null && !SIGN_IN.test(path) ? "session" : "none"
}

/** `/v1/responses/resp_1` is `/v1/responses/{id}`. */
export function templateOf(path: string): string {
  const segments = path.split("/").slice(1, MOST_SEGMENTS + 1)
  const kept = segments.map((segment, index) => {
    const isId = BEFORE_IDS.has(segments[index - 1] ?? "") && segment !== "compact"
    return isId || !WORD.test(segment) ? "{id}" : segment
  })
  return `/${kept.join("/")}`
}
