/** Divides the descriptors of the process: among clients, upstreams, and what it needs itself. */
import { isIP } from "node:net"
import type { ClientIpRule } from "../config/compile/client-ip.ts"
import type { ConnectionRule } from "../config/compile/connection-rule.ts"
import { isTrusted } from "../pipeline/intake/client-address.ts"
import { canOpenAnother, mostDescriptors } from "../system/descriptors.ts"
import type { SocketRules } from "../upstream/http/sockets.ts"
import type { ConnectionBounds } from "./http/connections.ts"

/** For the ledger, the request log, threads, the shared state, and a reload. */
const RESERVED = 64
const FEWEST = 8
const MOST_BY_DEFAULT = 10_000
const LARGEST_SHARE = 0.75

/** Client connections that are served at once, given what the process may hold open. */
export function mostConnections({ max }: ConnectionRule, descriptors: number): number {
  const free = Math.max(0, descriptors - RESERVED)
  const wanted = max ?? Math.min(MOST_BY_DEFAULT, Math.floor(free / 2))
  return Math.max(FEWEST, Math.min(wanted, Math.floor(free * LARGEST_SHARE)))
}

/** Upstreams get what clients leave. */
export function upstreamSockets(rule: ConnectionRule): SocketRules {
  const descriptors = mostDescriptors()
  const most = Math.max(FEWEST, descriptors - RESERVED - mostConnections(rule, descriptors))
  return { most, canOpen: canOpenAnother }
}

export function connectionBounds(rule: ConnectionRule, clientIp: ClientIpRule, descriptors: number): ConnectionBounds {
  const max = mostConnections(rule, descriptors)
  const { trusted } = clientIp
  return {
    max,
    perAddress: rule.perAddress ?? Math.ceil(max / 2),
    isExempt: (address) => trusted !== null && isIP(address) !== 0 && isTrusted(address, trusted),
  }
}
