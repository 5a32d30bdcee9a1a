/** Whose word counts for the address of a client. */
import { BlockList, isIP } from "node:net"
import type { ClientIpConfig } from "../config.ts"

export interface ClientIpRule {
  /** Proxies whose word counts; null: none. */
  readonly trusted: BlockList | null
  readonly headers: readonly string[]
  readonly store: boolean
}

export function clientIpRule(entry: ClientIpConfig): ClientIpRule {
  return {
    trusted: blockListOf(entry.trusted_proxy_cidrs),
    headers: entry.header_order.map((name) => name.toLowerCase()),
    store: entry.store_ip,
  }
}

/** Null: none. */
export function blockListOf(cidrs: readonly string[]): BlockList | null {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = "", prefix] = cidr.split("/")
    const family = isIP(address) === 6 ? "ipv6" : "ipv4"
    list.addSubnet(address, prefix === undefined ? (family === "ipv6" ? 128 : 32) : Number(prefix), family)
  }
  return cidrs.length === 0 ? null : list
}
