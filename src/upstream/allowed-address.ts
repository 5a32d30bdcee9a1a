/** Which hosts and addresses a routing policy may call: what the operator listed, and nothing that a name could be bent to. */
import { BlockList, isIP, isIPv4 } from "node:net"
import type { PolicyHttp } from "../config/policy-settings.ts"

type Rules = Pick<PolicyHttp, "allowHosts" | "allowHttp">

/** The URL when its host may be called at all; which address is judged when the name is resolved. */
export function allowedUrl(text: string, rules: Rules): URL | null {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return null
  if (url.username !== "" || url.password !== "") return null
  const names = [url.hostname, url.hostname.replace(/^\[|\]$/g, "")]
  const listed = names.some((name) => rules.allowHosts.has(name) || rules.allowHosts.has(`${name}:${portOf(url)}`))
  return listed ? url : null
}

export function portOf(url: URL): number {
  if (url.port !== "") return Number(url.port)
  return url.protocol === "https:" ? 443 : 80
}

/**
 * May a connection for `url` go to this address? Never to link-local, multicast or metadata addresses; to this machine only
 * when the host says so itself; without TLS only to this machine, unless the operator allows it.
 */
export function isAllowedAddress(address: string, url: URL, rules: Rules): boolean {
  const plain = unwrapped(address)
  const family = isIPv4(plain) ? "ipv4" : "ipv6"
  if (isIP(plain) === 0 || NEVER.check(plain, family)) return false
  const isLocal = LOOPBACK.check(plain, family)
  if (isLocal && !namesThisMachine(url)) return false
  return url.protocol === "https:" || isLocal || rules.allowHttp
}

function namesThisMachine({ hostname }: URL): boolean {
  const name = hostname.replace(/^\[|\]$/g, "")
  return name === "localhost" || name.endsWith(".localhost") || isIP(name) !== 0
}

/** An IPv4 address in an IPv6 coat is that IPv4 address. */
function unwrapped(address: string): string {
  const bare = address.replace(/%.*$/, "").toLowerCase()
  if (isIP(bare) !== 6) return bare
  // the URL parser writes every IPv6 address in its shortest form
  const short = new URL(`http://[${bare}]/`).hostname.slice(1, -1)
  const coat = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short)
  if (coat === null) return short
  const [high, low] = [coat[1], coat[2]].map((part) => Number.parseInt(part ?? "", 16))
  if (high === undefined || low === undefined) return short
  return [high >> 8, high & 255, low >> 8, low & 255].join(".")
}

function listOf(entries: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of entries) list.addSubnet(network, prefix, isIPv4(network) ? "ipv4" : "ipv6")
  return list
}

const LOOPBACK = listOf([
  ["127.0.0.0", 8],
  ["::1", 128],
])
const NEVER = listOf([
  ["0.0.0.0", 8],
  ["169.254.0.0", 16],
  // metadata services outside of the link-local range
  ["100.100.100.200", 32],
  ["192.0.0.192", 32],
  ["fd00:ec2::254", 128],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  ["::", 128],
  ["fe80::", 10],
  ["ff00::", 8],
])
