import { expect, test } from "bun:test"
import { BadRequest, parseRequestHead } from "./head.ts"

const head = (...lines: readonly string[]): string =>
  ["POST /v1/messages?beta=true HTTP/1.1", "Host: x", ...lines].join("\r\n")
const refused = (text: string): number => {
  try {
    parseRequestHead(text)
    return 0
  } catch (error) {
    if (error instanceof BadRequest) return error.status
    throw error
  }
}

test("names match in any case, values are trimmed, and repeated fields are joined", () => {
  const parsed = parseRequestHead(head("X-One:  a ", "x-one: b", "Content-Length: 12"))
  expect(parsed.headers.get("x-one")).toBe("a, b")
  expect([parsed.method, parsed.target, parsed.body, parsed.keepAlive]).toEqual([
    "POST",
    "/v1/messages?beta=true",
    12,
    true,
  ])
})

test("a head that two parsers could read differently is refused", () => {
  for (const lines of [
    ["Content-Length: 1", "Content-Length: 2"],
    ["Content-Length: 1", "Transfer-Encoding: chunked"],
    ["Content-Length: +1"],
    ["Content-Length: 0x10"],
    ["Content-Length : 1"],
    [" folded: line"],
    ["no colon"],
    ["x: a\u0000b"],
    ["x: a\nb: c"],
    ["Host: other"],
  ])
    expect([lines, refused(head(...lines))]).toEqual([lines, 400])
  expect(refused(head("Transfer-Encoding: gzip, chunked"))).toBe(501)
  expect(refused("POST /x HTTP/1.1\r\nAccept: y")).toBe(400)
  expect(refused("POST  /x HTTP/1.1\r\nHost: x")).toBe(400)
  expect(refused("GET / HTTP/2.0\r\nHost: x")).toBe(505)
  expect(refused(head(...Array.from({ length: 201 }, (_, index) => `x-${index}: y`)))).toBe(431)
})

test("HTTP/1.0 and whole URLs as targets are read", () => {
  const old = parseRequestHead("GET /healthz HTTP/1.0")
  const asking = parseRequestHead("GET /healthz HTTP/1.0\r\nConnection: keep-alive")
  expect(asking.keepAlive).toBe(false)
  expect([old.keepAlive, old.chunksAllowed]).toEqual([false, false])
  expect(parseRequestHead("GET http://any.host/v1/models?x=1 HTTP/1.1\r\nHost: x").target).toBe("/v1/models?x=1")
})
