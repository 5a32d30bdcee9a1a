/** Counting tokens: by a target that can, else by an estimate that says so; never a 404. */
import Anthropic from "@anthropic-ai/sdk"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { closeAtOnce, reply, resetAtOnce, stall } from "../../helpers/behaviours.ts"
import type { Answer, CallOptions } from "../../helpers/client.ts"
import { call, eventually } from "../../helpers/client.ts"
import { callerEntry, newToken, VENDOR_MODEL } from "../../helpers/config.ts"
import { expectCommonHeaders, expectError, parsed } from "../../helpers/expectations.ts"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import { bodyText, FakeUpstream, headerOf } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { groupOf, translating } from "../../helpers/translating.ts"

const PATHS = [
  "/v1/messages/count_tokens",
  "/messages/count_tokens",
  "/anthropic/v1/messages/count_tokens",
  "/v1/messages/count_tokens?beta=true",
] as const

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(reply('{ "input_tokens" : 4711 }'))
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      translating(config, ["upstream"])
      config.models["hidden"] = { ...config.models["default"] }
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

function body(text: string, model = "default", more: object = {}): string {
  return JSON.stringify({ model, messages: [{ role: "user", content: text }], ...more })
}

async function count(text: string, options: CallOptions = {}): Promise<Answer> {
  return call(gateway, "messages", text, { path: PATHS[0], ...options })
}

function expectEstimate(answer: Answer): void {
  expect({ status: answer.status, mark: answer.headers.get("x-router-estimate") }).toEqual({
    status: 200,
    mark: "true",
  })
  expectCommonHeaders(answer, "messages")
  expect(Object.keys(parsed(answer) as object)).toEqual(["input_tokens"])
  expect(at(parsed(answer), "input_tokens")).toBeInteger()
  expect(Number(at(parsed(answer), "input_tokens"))).toBeGreaterThan(0)
}

test.each([...PATHS])("%s: a target of the dialect counts, and its bytes come back", async (path) => {
  const marker = `count <${path}>`
  const headers = { "anthropic-beta": "some-beta", "x-api-key": gateway.token, cookie: "a=b" }
  const answer = await count(body(marker), { path, headers })
  expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: '{ "input_tokens" : 4711 }' })
  expectCommonHeaders(answer, "messages")
  expect(answer.headers.get("x-router-estimate")).toBeNull()
  const { request } = await upstream.arrival(marker)
  const query = path.includes("beta=true") ? "?beta=true" : ""
  expect(request.target).toEndWith(`/v1/messages/count_tokens${query}`)
  expect(request.method).toBe("POST")
  expect(bodyText(request)).toBe(body(marker, VENDOR_MODEL))
  expect(headerOf(request, "anthropic-beta")).toBe("some-beta")
  expect(headerOf(request, "anthropic-version")).toBe("2023-06-01")
  expect(headerOf(request, "cookie")).toBeUndefined()
  const sent = request.headerLines.join("\n")
  expect(sent).toContain(gateway.prepared.env["KEY_UPSTREAM"] ?? "no key")
  expect(sent).not.toContain(gateway.token)
})

const USELESS: Readonly<Record<string, Behaviour>> = {
  "has no such endpoint": reply("<html>404</html>", { status: 404, headers: { "Content-Type": "text/html" } }),
  "does not know the path": reply(SAMPLES.messages.errorBody("no", { type: "not_found_error" }), { status: 404 }),
  "refuses its key": reply(SAMPLES.messages.errorBody("no", { type: "authentication_error" }), { status: 401 }),
  "is overloaded": reply(SAMPLES.messages.errorBody("no"), { status: 529 }),
  "answers something else": reply("<html>hello</html>"),
  "answers without a count": reply('{"type":"message"}'),
  "hangs up": closeAtOnce,
  breaks: resetAtOnce,
}

test.each(Object.entries(USELESS))("where the target %s, the count is an estimate", async (name, behaviour) => {
  const marker = `useless <${name}>`
  upstream.plan(marker, behaviour)
  expectEstimate(await count(body(marker)))
  expect(upstream.received(marker).length).toBeGreaterThan(0)
})

test.each(["chat", "responses"] as const)("where only %s is spoken, nobody is asked", async (dialect) => {
  const marker = `foreign <${dialect}>`
  const short = await count(body(marker, groupOf("upstream", dialect)))
  const long = await count(body(marker + "x".repeat(7000), groupOf("upstream", dialect)))
  expectEstimate(short)
  expectEstimate(long)
  expect(Number(at(parsed(long), "input_tokens")) - Number(at(parsed(short), "input_tokens"))).toBe(2000)
  expect(upstream.received(marker)).toEqual([])
})

test("the target's refusal of the request keeps its words, without secrets", async () => {
  const [secret = ""] = gateway.prepared.secrets
  const words = SAMPLES.messages.errorBody(`messages.0 is wrong ${secret}`, { type: "invalid_request_error" })
  upstream.plan("refused", reply(words, { status: 400 }))
  const answer = await count(body("refused"))
  expect(answer.status).toBe(400)
  expect(at(parsed(answer), "error", "message")).toStartWith("messages.0 is wrong")
  expect(answer.text).not.toContain(secret)
  expect(answer.headers.get("x-should-retry")).toBe("false")
})

test("it is governed like a call, with errors in the shape of Messages", async () => {
  const before = upstream.exchanges.length
  expectError(await count(body("x"), { token: null }), "messages", 401, "unauthorized")
  expectError(await count(body("x"), { token: newToken() }), "messages", 401, "unauthorized")
  expectError(await count(body("x", "hidden-no")), "messages", 403, "model-not-allowed")
  expectError(await count("{"), "messages", 400, "invalid-json")
  expectError(await count('{"model":"default"}'), "messages", 400, "invalid-request")
  expectError(await count('{"model":"default","model":"x","messages":[]}'), "messages", 400, "duplicate-key")
  const plain = { headers: { "content-type": "text/plain" } }
  expectError(await count(body("x"), plain), "messages", 415, "unsupported-media-type")
  const read = await call(gateway, "messages", null, { path: PATHS[0], method: "GET" })
  expectError(read, "messages", 405, "method-not-allowed")
  expect(read.headers.get("allow")).toBe("POST")
  expect(upstream.exchanges.length).toBe(before)
})

test("a client that leaves is not counted for any more", async () => {
  upstream.plan("abandoned", stall)
  const control = new AbortController()
  const counting = count(body("abandoned"), { signal: control.signal }).catch(() => "aborted")
  const exchange = await upstream.arrival("abandoned")
  control.abort()
  expect(await counting).toBe("aborted")
  await exchange.left
})

test("a crowd of one caller's counts does not reach the provider all at once, and nobody waits or is refused", async () => {
  const gate = Promise.withResolvers<void>()
  upstream.plan("crowd", async (exchange) => {
    await gate.promise
    await reply('{"input_tokens":7}')(exchange)
  })
  const crowd = Array.from({ length: 50 }, () => count(body("crowd")))
  const answers: Promise<unknown>[] = []
  let estimates = 0
  for (const one of crowd)
    answers.push(one.then((answer) => (answer.headers.get("x-router-estimate") === null ? null : (estimates += 1))))
  await eventually("the estimates", () => (estimates === 18 ? true : undefined))
  // estimates need no provider and come first
  await upstream.arrival("crowd", 32)
  expect(upstream.received("crowd")).toHaveLength(32)
  gate.resolve()
  await Promise.all(answers)
  expect(estimates).toBe(18)
  for (const answer of await Promise.all(crowd)) expect(answer.status).toBe(200)
  expect((await count(body("crowd"))).headers.get("x-router-estimate")).toBeNull()
})

test("a caller with a limit of calls a minute gets the router's estimate beyond it, and is never refused", async () => {
  const token = newToken("slow")
  const slow = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      translating(config, ["upstream"])
      config.callers.push(callerEntry("slow", token, ["default"], { rate: { rpm: 1 } }))
    },
  })
  const marker = "limited count"
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => call(slow, "messages", body(marker), { path: PATHS[0], token })),
  )
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  expect(upstream.received(marker).length).toBeGreaterThan(0)
  // however slow the machine is: one at once, and one a minute
  expect(answers.filter(({ headers }) => headers.get("x-router-estimate") === null).length).toBeLessThan(20)
  await slow[Symbol.asyncDispose]()
})

test("it is not billed: there is no row", async () => {
  const answer = await count(body("unbilled"))
  expect(gateway.records.usage(answer.requestId)).toEqual([])
})

test("the vendor's client understands count and estimate", async () => {
  const client = new Anthropic({ apiKey: gateway.token, baseURL: gateway.url, maxRetries: 0 })
  const messages = [{ role: "user" as const, content: "hello" }]
  expect((await client.messages.countTokens({ model: "default", messages })).input_tokens).toBe(4711)
  const estimate = await client.messages.countTokens({ model: groupOf("upstream", "chat"), messages })
  expect(estimate.input_tokens).toBeGreaterThan(0)
})
