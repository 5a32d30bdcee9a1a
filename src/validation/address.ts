/** Where checks are asked: the upstream of a target, or a router whose group leads to it. */
import type { Target } from "../config/snapshot.ts"
import { WIRES } from "../dialects/wires.ts"

/** A router that serves one group by one target. */
export interface RouterDoor {
  readonly url: string
  readonly token: string
  readonly group: string
}

/** The door as a target: requests for it are written and sent as those for an upstream. */
export function behindDoor(target: Target, { url, token, group }: RouterDoor): Target {
  const [path = ""] = WIRES[target.dialect].paths
  const at = new URL(url.replace(/\/+$/u, "") + path)
  const isSecure = at.protocol === "https:"
  return {
    ...target,
    url: at.href,
    origin: {
      key: at.origin,
      hostname: at.hostname.replace(/^\[|\]$/g, ""),
      port: at.port === "" ? (isSecure ? 443 : 80) : Number(at.port),
      tls: isSecure ? {} : null,
    },
    proxy: null,
    headers: {
      "content-type": "application/json",
      "accept-encoding": "identity",
      authorization: `Bearer ${token}`,
    },
    model: group,
    // the router makes them
    edits: null,
    betas: null,
  }
}

/** Beside the endpoint that serves calls: the list of models. */
export function besideEndpoint({ url, dialect }: Target): string {
  const made = new URL(url)
  const { endpoint, listQuery } = WIRES[dialect]
  made.pathname = `${made.pathname.endsWith(endpoint) ? made.pathname.slice(0, -endpoint.length) : made.pathname}/models`
  if (listQuery !== null) made.search += made.search === "" ? `?${listQuery}` : `&${listQuery}`
  return made.href
}
