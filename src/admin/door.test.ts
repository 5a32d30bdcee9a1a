/** Which requests come over TLS, and which come from a page of the router itself. */
import { expect, test } from "bun:test"
import { blockListOf } from "../config/compile/client-ip.ts"
import { asRouterError } from "../errors.ts"
import type { Incoming } from "../pipeline/message.ts"
import { cameOverTls, expectOwnPage } from "./door.ts"

const PROXY = { allowsHttp: false, trusted: blockListOf(["10.0.0.0/8"]) }

function request(address: string, headers: Readonly<Record<string, string>>): Incoming {
  return {
    method: "POST",
    target: "/",
    path: "/",
    headers: { get: (name) => headers[name] ?? null },
    address,
    isWhole: true,
    receivedBytes: 0,
    body: () => new Uint8Array(),
    onGone: null,
  }
}

test("a v4 proxy is trusted by its v4 range, also where the socket speaks v6; of several words all must be https", () => {
  const https = { "x-forwarded-proto": "https" }
  const cases: readonly (readonly [address: string, headers: Record<string, string>, isSafe: boolean])[] = [
    ["10.1.2.3", https, true],
    ["::ffff:10.1.2.3", https, true],
    ["11.1.2.3", https, false],
    ["::ffff:11.1.2.3", https, false],
    ["10.1.2.3", {}, false],
    ["10.1.2.3", { "x-forwarded-proto": "http, https" }, false],
    ["10.1.2.3", { "x-forwarded-proto": "https,HTTPS" }, true],
  ]
  for (const [address, headers, isSafe] of cases)
    expect([address, cameOverTls(request(address, headers), PROXY)]).toEqual([address, isSafe])
})

test("what changes something comes from the router's own page, or from a program without a cookie", () => {
  const answer = (headers: Record<string, string>, hasCookie: boolean, address = "192.0.2.1"): string => {
    try {
      expectOwnPage(request(address, { host: "router.example", ...headers }), PROXY, hasCookie)
      return "taken"
    } catch (error) {
      return asRouterError(error).code
    }
  }
  expect(answer({}, false)).toBe("taken")
  expect(answer({}, true)).toBe("cross-site-request")
  for (const [site, told] of [
    ["same-origin", "taken"],
    ["none", "taken"],
    ["same-site", "cross-site-request"],
    ["cross-site", "cross-site-request"],
  ] as const) {
    expect(answer({ "sec-fetch-site": site }, true)).toBe(told)
    expect(answer({ "sec-fetch-site": site, origin: "http://router.example" }, false)).toBe(told)
  }
  expect(answer({ origin: "http://router.example" }, true)).toBe("taken")
  expect(answer({ origin: "http://evil.example" }, false)).toBe("cross-site-request")
  expect(answer({ origin: "null" }, false)).toBe("cross-site-request")
  // behind TLS the origin is another one
  const proxied = { "x-forwarded-proto": "https" }
  expect(answer({ ...proxied, origin: "http://router.example" }, true, "10.0.0.1")).toBe("cross-site-request")
  expect(answer({ ...proxied, origin: "https://router.example" }, true, "10.0.0.1")).toBe("taken")
})
