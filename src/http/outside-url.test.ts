/** Which addresses of media no provider is sent to, in every spelling that some program understands. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { expectProperty } from "../../test/helpers/property.ts"
import { outsideUrlFault } from "./outside-url.ts"

const PRIVATE_IPV4 = ["127.0.0.1", "10.1.2.3", "172.16.0.9", "192.168.7.7", "169.254.169.254", "100.64.0.1", "0.0.0.0"]

function spellings(address: string): readonly string[] {
  const bytes = address.split(".").map(Number)
  const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  const hex = [0, 2].map((index) => (((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0)).toString(16)).join(":")
  const [first, second, third, last] = bytes
  return [
    address,
    `${address}.`,
    String(number),
    `0x${number.toString(16)}`,
    `0${number.toString(8)}`,
    bytes.map((byte) => `0x${byte.toString(16)}`).join("."),
    bytes.map((byte) => `0${byte.toString(8)}`).join("."),
    bytes.map((byte) => `00${byte}`).join("."),
    `${first}.${second}.${(third ?? 0) * 256 + (last ?? 0)}`,
    address.replace(/./g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    address.replaceAll(".", "。"),
    address.replace(/./g, (letter) => (letter === "." ? "．" : String.fromCharCode(letter.charCodeAt(0) + 0xfee0))),
    `someone:secret@${address}`,
    `images.example.com@${address}`,
    `${address}:8080`,
    `[::ffff:${address}]`,
    `[::ffff:${hex}]`,
    `[0:0:0:0:0:ffff:${hex}]`,
    `[64:ff9b::${hex}]`,
    `[2002:${hex}::1]`,
    `${address}.nip.io`,
  ]
}

describe("a private IPv4 address", () => {
  test.each(PRIVATE_IPV4)("%s in all spellings", (address) => {
    for (const host of spellings(address))
      for (const url of [`http://${host}/a.png`, `HTTPS://${host}`, `  http://${host}?x#y `, `https://${host}/../b`])
        expect([url, outsideUrlFault(url)]).toEqual([url, expect.stringMatching(/^(?:private|unreadable)$/)])
  })

  test("any of a private network", () => {
    expectProperty(
      fc.property(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)), (rest) => {
        expect(outsideUrlFault(`https://10.${rest.join(".")}/x`)).toBe("private")
        expect(outsideUrlFault(`https://127.${rest.join(".")}/x`)).toBe("private")
      }),
    )
  })
})

test.each([
  "http://[::1]/",
  "http://[::]/",
  "http://[fe80::1]/",
  "http://[fc00::1]/",
  "http://[fd12:3456::1]:80/",
  "http://[fec0::1]/",
  "http://[ff02::1]/",
  "http://[2001:db8::1]/",
  "http://[64:ff9b:1::1]/",
  "http://localhost",
  "http://LOCALHOST./x",
  "http://ⓛocalhost/x",
  "http://a.localhost/x",
  "http://printer.local/x",
  "http://metadata.google.internal/computeMetadata/v1/",
  "http://metadata.google.internal./",
  "http://metadata/computeMetadata/v1/",
  "http://instance-data/latest/",
  "http://kubernetes.default.svc/",
  "http://db.corp/",
  "http://router.home.arpa/",
  "http://.../",
  "//169.254.169.254/latest",
  "169.254.169.254/latest",
  "[::1]/x",
  "localhost",
])("private: %s", (url) => {
  expect(outsideUrlFault(url)).toBe("private")
})

test.each([
  "file:///etc/passwd",
  "ftp://example.com/a",
  "gopher://x/",
  "dict://a/",
  "jar:http://a!/",
  "localhost:80/x",
])("not by HTTP: %s", (url) => {
  expect(outsideUrlFault(url)).toBe("scheme")
})

test.each([
  "http://images.example.com\\@169.254.169.254/",
  "http:\\\\127.0.0.1\\x",
  "http:127.0.0.1/x",
  "http:///127.0.0.1/x",
  "http://127.0.0.1\t.example.com/",
  "ht\ntp://127.0.0.1/",
  "http://[fe80::1%25eth0]/",
  "http://[::1].example.com/",
  "http://a@b@example.com/",
  "http://256.256.256.256/",
  "http://127.0.0.1%00.example.com/",
  "https:/example.com",
  `https://example.com/${"a".repeat(9000)}`,
])("read in different ways, or by nobody: %p", (url) => {
  expect(outsideUrlFault(url)).not.toBeNull()
})

test.each([
  "https://images.example.com/a.png?size=1#x",
  "http://example.com:8080/a@b\\c d",
  "https://user:pass@example.com/a",
  "https://8.8.8.8/a.png",
  "https://[2606:4700::1111]/a.png",
  "https://172.15.0.1/",
  "https://172.32.0.1/",
  "https://localhost.example.com/",
  "https://internal.example.com/10.0.0.1",
  "https://bücher.example/a",
  "https://xn--bcher-kva.example/a",
  "https://a_b.example.com./x",
  "data:image/png;base64,AAAA",
  " DATA:text/plain,http://127.0.0.1",
  "iVBORw0KGgo=",
  "//uQxAAAAAANIAAAAAExBTUUzLjEwMFVV",
  "/9j/4AAQSkZJRg==",
  "file-abc123",
  "",
])("of the internet, or no address: %s", (url) => {
  expect(outsideUrlFault(url)).toBeNull()
})
