import { describe, expect, test } from "bun:test"
import { isAllowedAddress } from "./allowed-address.ts"

const FAR = new URL("http://policy.example/")
const HERE = new URL("http://localhost/")
const RULES = { allowHosts: new Set(["policy.example"]), allowHttp: true }
const isAllowed = (address: string, url = FAR): boolean => isAllowedAddress(address, url, RULES)

/** An IPv4 address in every IPv6 form that a network turns back into it. */
function coatsOf(address: string): readonly string[] {
  const bytes = address.split(".").map(Number)
  const words = [0, 2].map((at) => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16))
  const hex = words.join(":")
  return [
    `::ffff:${address}`,
    `::ffff:${hex}`,
    `0:0:0:0:0:ffff:${hex}`,
    `::${address}`,
    `::ffff:0:${hex}`,
    `64:ff9b::${address}`,
    `2002:${hex}::`,
    `2002:${hex}:1:2:3:4:5`,
    `2001:db8:1:2:0:5efe:${hex}`,
    `2001:db8:1:2:200:5efe:${address}`,
  ]
}

const METADATA = ["169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16"]

describe("never called", () => {
  test.each(METADATA)("%s, the metadata service of a cloud, in no form", (address) => {
    for (const form of [address, ...coatsOf(address)]) expect([form, isAllowed(form)]).toEqual([form, false])
  })

  test.each([
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fd00:a9fe:a9fe::1",
    "fd00:42::42",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "::",
    "100::1",
    "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1::169.254.169.254",
    "2001:0:1:2:3:4:5601:5601",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "no address",
    "",
  ])("%p", (address) => {
    expect(isAllowed(address)).toBeFalse()
    expect(isAllowed(address, HERE)).toBeFalse()
  })
})

test("this machine only for a host that says so, in whatever form the address comes", () => {
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", ...coatsOf("127.0.0.1")]) {
    expect([address, isAllowed(address)]).toEqual([address, false])
    expect([address, isAllowed(address, HERE)]).toEqual([address, true])
  }
})

test("other addresses are called, private ones as well", () => {
  for (const address of [
    "203.0.113.7",
    "10.0.0.1",
    "2001:db8::1",
    "fd12:3456::1",
    "fd00:ec2::1",
    ...coatsOf("10.0.0.1"),
  ])
    expect([address, isAllowed(address)]).toEqual([address, true])
})
