/** Endpoints that vendors have below the one that serves calls. */
import type { Target } from "../../config/snapshot.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import type { CallRequest } from "../call/request.ts"

/** https://platform.openai.com/docs/api-reference/responses/compact */
export const COMPACT = "/compact"

/** The request goes to the vendor's own endpoint for compactions. */
export function compactsAtVendor({ dialect }: Target, request: Pick<CallRequest, "compacts" | "dialect">): boolean {
  return request.compacts && dialect === request.dialect.name
}

/** The heads of requests are kept by target, so each has one counterpart for each path. */
const counterparts = new WeakMap<Target, Map<string, Target | null>>()

/** The target at `below` its endpoint, e.g. `/compact`; null where that is not named as the vendor's is. */
export function targetBelow(target: Target, below: string): Target | null {
  const ofTarget = counterparts.get(target) ?? new Map<string, Target | null>()
  counterparts.set(target, ofTarget)
  const known = ofTarget.get(below)
  if (known !== undefined) return known
  const url = urlBelow(target, below)
  const made = url === null ? null : { ...target, url }
  ofTarget.set(below, made)
  return made
}

function urlBelow({ url, dialect }: Target, below: string): string | null {
  const made = new URL(url)
  if (!made.pathname.endsWith(DIALECTS[dialect].endpoint.replace(/^\/v1/, ""))) return null
  made.pathname += below
  return made.href
}
