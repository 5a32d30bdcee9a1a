/** The caller's address: the peer's, or what a trusted proxy says it is. */
import { isIP, type BlockList } from "node:net"
import type { Gateway } from "../gateway.ts"
import type { Incoming } from "../message.ts"

/** Null when addresses are not stored. */
export function clientAddress(request: Incoming, { snapshot }: Pick<Gateway, "snapshot">): string | null {
  const rule = snapshot.clientIp
  if (!rule.store) return null
  return addressBehind(request, rule.trusted, rule.headers)
}

/** The peer itself, unless it is trusted and one of the headers says for whom it speaks. */
export function addressBehind(
  { address: peer, headers }: Pick<Incoming, "address" | "headers">,
  trusted: BlockList | null,
  names: readonly string[],
): string | null {
  if (peer === null || trusted === null || !isTrusted(peer, trusted)) return peer
  for (const name of names) {
    const value = headers.get(name)
    if (value !== null) return originOf(value, trusted) ?? peer
  }
  return peer
}

/** The last address of the list that is not one of our own proxies: what stands before it, anyone may have written. */
function originOf(header: string, trusted: BlockList): string | null {
  for (const part of header.split(",").toReversed()) {
    // a zone is a name of the proxy's own network, of any length
    const address = part.trim().replace(/%.*$/s, "")
    if (isIP(address) === 0) return null
    if (!isTrusted(address, trusted)) return address
  }
  return null
}

export function isTrusted(address: string, trusted: BlockList): boolean {
  return trusted.check(address, isIP(address) === 6 ? "ipv6" : "ipv4")
}
