/** Whose word counts for the address of a client. */
import { BlockList, isIP } from "node:net"
import type { ClientIpConfig } from "./config.ts"
import type { ClientIpRule } from "./snapshot.ts"

export function clientIpRule(entry: ClientIpConfig): ClientIpRule {
  const trusted = new BlockList()
  for (const cidr of entry.trusted_proxy_cidrs) {
    const [address = "", prefix] = cidr.split("/")
    const family = isIP(address) === 6 ? "ipv6" : "ipv4"
    trusted.addSubnet(address, prefix === undefined ? (family === "ipv6" ? 128 : 32) : Number(prefix), family)
  }
  return {
    trusted: entry.trusted_proxy_cidrs.length === 0 ? null : trusted,
    headers: entry.header_order.map((name) => name.toLowerCase()),
    store: entry.store_ip,
  }
}
