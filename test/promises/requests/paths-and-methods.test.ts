/** Every path answers in the shape of the dialect that it belongs to, with and without `/v1`. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { call, get } from "../../helpers/client.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { connectRaw } from "../../helpers/raw-client.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const PATHS: Readonly<Record<Dialect, readonly string[]>> = {
  chat: ["/v1/chat/completions", "/chat/completions", "/v1/v1/chat/completions"],
  responses: ["/v1/responses", "/responses", "/v1/v1/responses"],
  messages: [
    "/v1/messages",
    "/messages",
    "/v1/v1/messages",
    "/anthropic/v1/messages",
    "/v1/messages?beta=true",
    "/anthropic/v1/messages?beta=true",
  ],
}
const ALL = Object.entries(PATHS).flatMap(([dialect, paths]) =>
  paths.map((path) => [path, dialect as Dialect] as const),
)

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

test.each(ALL)("POST %s is served as %s", async (path, dialect) => {
  const sample = SAMPLES[dialect]
  const answer = await gateway.call(dialect, sample.request(), { path })
  expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: sample.unary() })
  expect(gateway.records.usage(answer.requestId)[0]?.inbound_dialect).toBe(sample.configName)
})

test.each(["/responses/resp_123", "/responses/resp_123/input_items", "/models/default", "/usage?since=2026-11-01"])(
  "%s means the same behind no `/v1`, one and two",
  async (path) => {
    const told = await Promise.all(
      ["", "/v1", "/v1/v1"].map(async (root) => {
        const { status, text } = await call(gateway, "responses", null, { path: root + path, method: "GET" })
        return `${status} ${text.replaceAll(/req_\w+/g, "req")}`
      }),
    )
    expect([...new Set(told)]).toHaveLength(1)
    if (path.startsWith("/responses")) expect(told[0]).toContain("There is no such response")
  },
)

test.each(["", "/v1", "/v1/v1"])("POST %s/responses/compact is a call", async (root) => {
  const body = JSON.stringify({ model: "default", input: `compact ${root}` })
  await gateway.call("responses", body, { path: `${root}/responses/compact` })
  expect(upstream.received(`compact ${root}"`)[0]?.request.target).toEndWith("/responses/compact")
})

test.each(ALL)("another method on %s is 405 with Allow, as %s", async (path, dialect) => {
  for (const method of ["GET", "PUT", "DELETE", "PATCH"]) {
    const answer = await call(gateway, dialect, method === "GET" ? null : "{}", { path, method })
    expectError(answer, dialect, 405, "method-not-allowed")
    expect(answer.headers.get("allow")).toContain("POST")
  }
})

test.each([
  ["/v1/models", "GET", "POST", "chat"],
  ["/v1/usage", "GET", "POST", "chat"],
  ["/healthz", "GET", "POST", "chat"],
  ["/readyz", "GET", "DELETE", "chat"],
  ["/version", "GET", "PUT", "chat"],
] as const)("%s allows %s, not %s", async (path, allowed, method, dialect) => {
  const answer = await call(gateway, dialect, "{}", { path, method })
  expectError(answer, dialect, 405, "method-not-allowed")
  expect(answer.headers.get("allow")).toContain(allowed)
})

test.each([
  ["/", "chat"],
  ["/v1", "chat"],
  ["/v1/nothing", "chat"],
  ["/v1/chat/completions/extra", "chat"],
  ["/v2/chat/completions", "chat"],
  ["/v1/embeddings", "chat"],
  ["/v1/images/generations", "chat"],
  ["/v1/audio/speech", "chat"],
  ["/v1/realtime", "chat"],
  ["/v1/batches", "chat"],
  ["/v1/responses/resp_123", "responses"],
  ["/v1/responses/resp_123/cancel", "responses"],
  ["/v1/messages/nothing", "messages"],
  ["/v1/messages/batches", "messages"],
  ["/anthropic/v1/nothing", "messages"],
  ["/anthropic/nothing", "messages"],
] as const)("POST %s is 404 in the shape of %s", async (path, dialect) => {
  const answer = await call(gateway, dialect, "{}", { path })
  if (path === "/") expect([404, 405]).toContain(answer.status)
  else expectError(answer, dialect, 404, "not-found")
})

test.each(["/v1/responses", "/responses"])("a WebSocket upgrade of %s is answered 426", async (path) => {
  const client = await connectRaw(gateway.url)
  const lines = [
    `GET ${path} HTTP/1.1`,
    "Host: router",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "OpenAI-Beta: responses_websockets=2026-02-06",
    `Authorization: Bearer ${gateway.token}`,
  ]
  await client.write(`${lines.join("\r\n")}\r\n\r\n`)
  const [status] = await client.until(/HTTP\/1\.1 \d+/u)
  expect(status).toBe("HTTP/1.1 426")
  client.destroy()
})

test("the root leads to the documentation", async () => {
  const answer = await get(gateway, "/", { token: null })
  expect([301, 302, 303, 307, 308]).toContain(answer.status)
  expect(answer.headers.get("location")).toStartWith("/docs")
})

test("request ids are the router's own and never repeat", async () => {
  const theirs = `req_${"a".repeat(32)}`
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () =>
      gateway.call("chat", SAMPLES.chat.request(), { headers: { "x-request-id": theirs } }),
    ),
  )
  const ids = answers.map(({ requestId }) => requestId)
  expect(new Set(ids).size).toBe(20)
  expect(ids).not.toContain(theirs)
})
