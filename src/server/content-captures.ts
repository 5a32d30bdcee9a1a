/** `/v1/content-captures/…`: callers with a grant delete stored content, and take away what has expired. */
import type { Admin } from "../admin/admin.ts"
import { type ContentTools, deleteContent, purgeContent } from "../admin/content.ts"
import { domainOf } from "../admin/domain.ts"
import { CALLER_SUBJECT } from "../config/compile/admin-rules.ts"
import { RouterError } from "../errors.ts"
import { authenticate } from "../pipeline/authenticate.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { partyOf } from "../pipeline/intake/party.ts"
import type { Incoming } from "../pipeline/message.ts"

const PATH = /^(?:\/v1){0,2}\/content-captures\/([^/]+)$/
const PURGE = "purge-expired"

/** What stands behind the path: the id of a call, or `purge-expired`; null: the path is another one. */
export function contentPath(path: string): string | null {
  return PATH.exec(path)?.[1] ?? null
}

/** @throws RouterError `unauthorized`, `method-not-allowed`, `content-forbidden`, `not-found`, `usage-store-unavailable` */
export async function contentCaptures(
  name: string,
  request: Incoming,
  requestId: string,
  gateway: Gateway,
  { admin, content }: { readonly admin: Admin; readonly content: ContentTools },
): Promise<object> {
  const { snapshot, clock } = gateway
  const action = name === PURGE ? "purge" : "delete"
  const method = name === PURGE ? "POST" : "DELETE"
  if (request.method !== method) throw new RouterError("method-not-allowed", { headers: { allow: method } })
  const credential = authenticate(request.headers, snapshot, clock.now())
  const { caller } = credential
  const own = domainOf(caller.project, caller.environment)
  const may = (domain: string): boolean => admin.callerMay(caller, snapshot, domain, "content:capture", action)
  const domain = may("*") ? "*" : own
  if (!may(domain)) throw new RouterError("content-forbidden", { who: partyOf(credential) })
  const actor = { subject: CALLER_SUBJECT + caller.id, domain, requestId }
  if (action === "delete")
    return deleteContent(name, actor, ({ project, environment }) => may(domainOf(project, environment)), content)
  const scope = domain === "*" ? null : { project: caller.project, environment: caller.environment }
  return purgeContent(scope, actor, content)
}
