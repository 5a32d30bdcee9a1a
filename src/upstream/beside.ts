/** Addresses of an upstream beside the endpoint that serves calls. */
import type { Target } from "../config/snapshot.ts"
import { WIRES } from "../dialects/wires.ts"

/** The address of the list of models, beside the endpoint that serves calls. */
export function listUrl(target: Pick<Target, "url" | "dialect">): string {
  const made = new URL(besideEndpoint(target, "/models"))
  const { listQuery } = WIRES[target.dialect]
  if (listQuery !== null) made.search += made.search === "" ? `?${listQuery}` : `&${listQuery}`
  return made.href
}

/** The target's address with another path behind the root of its API; its parameters stay. */
export function besideEndpoint({ url, dialect }: Pick<Target, "url" | "dialect">, path: string): string {
  const made = new URL(url)
  const { endpoint } = WIRES[dialect]
  made.pathname = `${made.pathname.endsWith(endpoint) ? made.pathname.slice(0, -endpoint.length) : made.pathname}${path}`
  return made.href
}
