/** Which hosts and addresses a routing policy may call: what the operator listed, and nothing that a name could be bent to. */
import { BlockList, isIP, isIPv4 } from "node:net"
import type { PolicyHttp } from "../config/compile/policy-settings.ts"

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
  const bare = address.replace(/%.*$/s, "").toLowerCase()
  if (isIP(bare) !== 6) return bare
  const words = wordsOf(bare)
  const coat = COATS.find(({ begins }) => begins.every((word, index) => word === null || word === words[index]))
  // the unspecified address and this machine are no IPv4 addresses
  const isOwn = coat?.begins === COMPATIBLE && words[6] === 0 && (words[7] ?? 0) <= 1
  if (coat === undefined || isOwn) return bare
  return words
    .slice(coat.at, coat.at + 2)
    .flatMap((word) => [word >> 8, word & 255])
    .join(".")
}

/** The eight numbers of an IPv6 address; the URL parser has its last part in hexadecimal as well. */
function wordsOf(address: string): readonly number[] {
  const [front = "", back] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split("::")
  const [before, behind] = [numbers(front), numbers(back ?? "")]
  return [...before, ...Array.from({ length: 8 - before.length - behind.length }, () => 0), ...behind]
}

function numbers(text: string): readonly number[] {
  return text === "" ? [] : text.split(":").map((word) => Number.parseInt(word, 16))
}

const COMPATIBLE = [0, 0, 0, 0, 0, 0]

/** What an address begins with (null: any number), and where the IPv4 address stands then. */
const COATS: readonly { readonly begins: readonly (number | null)[]; readonly at: number }[] = [
  // mapped: https://www.rfc-editor.org/rfc/rfc4291#section-2.5.5
  { begins: [0, 0, 0, 0, 0, 0xffff], at: 6 },
  { begins: COMPATIBLE, at: 6 },
  // translated: https://www.rfc-editor.org/rfc/rfc7915
  { begins: [0, 0, 0, 0, 0xffff, 0], at: 6 },
  // NAT64: https://www.rfc-editor.org/rfc/rfc6052
  { begins: [0x64, 0xff9b, 0, 0, 0, 0], at: 6 },
  // 6to4: https://www.rfc-editor.org/rfc/rfc3056
  { begins: [0x2002], at: 1 },
  // ISATAP: https://www.rfc-editor.org/rfc/rfc5214
  { begins: [null, null, null, null, 0, 0x5efe], at: 6 },
  { begins: [null, null, null, null, 0x200, 0x5efe], at: 6 },
]

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
  // metadata services outside of the link-local range: Alibaba, Oracle, Azure; AWS, Google, Oracle, Linode, Scaleway
  ["100.100.100.200", 32],
  ["192.0.0.192", 32],
  ["168.63.129.16", 32],
  ["fd00:ec2::254", 128],
  ["fd00:ec2::23", 128],
  ["fd20:ce::254", 128],
  ["fd00:c1::a9fe:a9fe", 128],
  ["fd00:a9fe:a9fe::1", 128],
  ["fd00:42::42", 128],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  ["::", 128],
  ["fe80::", 10],
  // once link-local to a site, discarded, Teredo, and NAT64 of a network's own, which puts the IPv4 address anywhere
  ["fec0::", 10],
  ["100::", 64],
  ["2001::", 32],
  ["64:ff9b:1::", 48],
  ["ff00::", 8],
])
