/** Kinds of IP addresses: which are this machine's, special, or of private networks, in whatever form they are written. */
import { BlockList, isIP, isIPv4 } from "node:net"

/** An IPv4 address in an IPv6 coat is that IPv4 address. */
export function unwrapAddress(address: string): string {
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
const SPECIAL = listOf([
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
/** Of networks that are not part of the internet, and what is reserved: https://www.iana.org/assignments/iana-ipv4-special-registry */
const PRIVATE = listOf([
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["3fff::", 20],
])
/** Everything else in IPv6 is reserved, or no internet: https://www.iana.org/assignments/ipv6-address-space */
const GLOBAL = listOf([["2000::", 3]])

export const ADDRESSES: { readonly loopback: BlockList; readonly special: BlockList } = {
  loopback: LOOPBACK,
  special: SPECIAL,
}

/** `address` without brackets and zone. */
export function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6")
}

/** An address that only machines of some network reach: this machine, private, link-local, metadata, reserved. */
export function isPrivateAddress(address: string): boolean {
  const plain = unwrapAddress(address)
  if ([LOOPBACK, SPECIAL, PRIVATE].some((list) => isIn(list, plain))) return true
  return !isIPv4(plain) && !isIn(GLOBAL, plain)
}
