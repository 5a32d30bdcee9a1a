/** What two readers could read differently is refused, on a fresh connection and on one that was used before. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { answersIn, connectRaw } from "../../helpers/raw-client.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const sample = SAMPLES.messages
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({ upstreams: { upstream } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

function head(fields: readonly string[], line = `POST ${sample.path} HTTP/1.1`): string {
  const own = [`Authorization: Bearer ${gateway.token}`, "Content-Type: application/json", "Host: router"]
  return `${[line, ...own, ...fields].join("\r\n")}\r\n\r\n`
}

/** The statuses of all answers until the router ends the connection. */
async function statusesOf(wire: string): Promise<readonly number[]> {
  const client = await connectRaw(gateway.url)
  await client.write(Buffer.from(wire, "latin1"))
  await client.closed
  return answersIn(client.received()).map(({ status }) => status)
}

const HIDDEN = "GET /v1/usage HTTP/1.1\r\nHost: router\r\n\r\n"
const BODY = sample.request()

const FRAMINGS: Readonly<Record<string, readonly [fields: readonly string[], body: string]>> = {
  "a second length with a space behind it": [["Content-Length: 0", `Content-Length: ${HIDDEN.length} `], ""],
  "two equal lengths": [[`Content-Length: ${HIDDEN.length}`, `Content-Length: ${HIDDEN.length}`], ""],
  "a length with a no-break space": [[`Content-Length: ${HIDDEN.length}\u00a0`], ""],
  "chunked with a no-break space": [["Transfer-Encoding: chunked\u00a0"], "0\r\n\r\n"],
  "chunked behind a no-break space": [["Transfer-Encoding: \u00a0chunked"], "0\r\n\r\n"],
  "chunked twice": [["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], "0\r\n\r\n"],
  "a control character in a chunk extension": [["Transfer-Encoding: chunked"], "2;a=\u0001\r\n{}\r\n0\r\n\r\n"],
  "a length in the trailers": [["Transfer-Encoding: chunked"], "2\r\n{}\r\n0\r\nContent-Length: 1\r\n\r\n"],
  "trailers without an end": [["Transfer-Encoding: chunked"], `2\r\n{}\r\n0\r\n${"X-T: 1\r\n".repeat(10_000)}`],
  "extensions without an end": [["Transfer-Encoding: chunked"], `2;${"a".repeat(4000)}\r\n{}\r\n`.repeat(10)],
}

test.each(Object.entries(FRAMINGS))("%s: refused, and nothing behind it is read", async (_, [fields, body]) => {
  const wire = head(fields) + body + HIDDEN
  const fresh = await statusesOf(wire)
  expect(fresh.length).toBe(1)
  expect([400, 501]).toContain(fresh[0] ?? 0)
  expect(await statusesOf(head([`Content-Length: ${BODY.length}`]) + BODY + wire)).toEqual([200, ...fresh])
  // the head is remembered, and must not be known again by part of its framing
  const repeated = head([`Content-Length: ${BODY.length} `]) + BODY
  expect(await statusesOf(repeated + repeated + wire)).toEqual([200, 200, ...fresh])
})

test.each([
  ["a NUL", "GET /v1/mod\0els HTTP/1.1"],
  ["an ESC in the query", "GET /v1/models?\u001b HTTP/1.1"],
  ["a bare CR", "GET /v1/models?\r HTTP/1.1"],
  ["a bare LF", "GET /v1/models?\n HTTP/1.1"],
  ["a fragment", "GET /v1/models#x HTTP/1.1"],
  ["no path", "GET v1/models HTTP/1.1"],
  ["a byte beyond ASCII", "GET /v1/models?\u00e9 HTTP/1.1"],
])("a target with %s is refused", async (_, line) => {
  expect(await statusesOf(head([], line) + HIDDEN)).toEqual([400])
})

test.each(["Host: router", "Host: other"])("a second Host is refused: %s", async (field) => {
  expect(await statusesOf(head([field], "GET /v1/models HTTP/1.1"))).toEqual([400])
})

test.each(["", "a b", "a/b", "a, b", "user@a", "a:port"])("the Host %j is refused", async (host) => {
  expect(await statusesOf(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n${HIDDEN}`)).toEqual([400])
})

test("hosts as clients send them are taken", async () => {
  for (const host of ["router", "router.example.com:8080", "127.0.0.1:80", "[::1]:8080", "[2001:db8::1]", "x_y"])
    expect(await statusesOf(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).toEqual([200])
})

test("a method beside those of HTTP is answered with what is allowed, and ends the connection", async () => {
  for (const method of ["PROPFIND", "BREW", "post"])
    expect(
      await statusesOf(head([`Content-Length: ${HIDDEN.length}`], `${method} ${sample.path} HTTP/1.1`) + HIDDEN),
    ).toEqual([405])
  expect(await statusesOf(head([], "CONNECT router:443 HTTP/1.1") + HIDDEN)).toEqual([400])
})
