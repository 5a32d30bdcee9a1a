/** Which hosts and addresses a routing policy may call: what the operator listed, and nothing that a name could be bent to. */
import { isIP } from "node:net"
import type { PolicyHttp } from "../config/compile/policy-settings.ts"
import { ADDRESSES, isIn, unwrapAddress } from "../http/address.ts"

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
  const plain = unwrapAddress(address)
  if (isIP(plain) === 0 || isIn(ADDRESSES.special, plain)) return false
  const isLocal = isIn(ADDRESSES.loopback, plain)
  if (isLocal && !namesThisMachine(url)) return false
  return url.protocol === "https:" || isLocal || rules.allowHttp
}

function namesThisMachine({ hostname }: URL): boolean {
  const name = hostname.replace(/^\[|\]$/g, "")
  return name === "localhost" || name.endsWith(".localhost") || isIP(name) !== 0
}
