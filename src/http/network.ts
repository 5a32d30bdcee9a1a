/** Whom an address stands for, where addresses are counted. */
import { isIP } from "node:net"

const IPV4 = /^\d+\.\d+\.\d+\.\d+$/

/** An IPv4 address itself; of an IPv6 address its /64, because a host that has one address has all of them. */
export function networkOf(address: string): string {
  if (IPV4.test(address)) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (isIP(address) !== 6) return address
  const [head = "", tail = ""] = (address.split("%")[0] ?? "").toLowerCase().split("::")
  const before = head === "" ? [] : head.split(":")
  const after = tail === "" ? [] : tail.split(":")
  const groups = [...before, ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0"), ...after]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")
}
