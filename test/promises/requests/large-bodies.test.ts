/** Calls with bodies that are large enough to be worked on in another thread go as small ones do. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { VENDOR_MODEL, targetsOf } from "../../helpers/config.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { rowsOf } from "../../helpers/decided.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { reply } from "../../helpers/behaviours.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { ALL_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      translating(config, ["upstream"])
      const only = (dialect: Dialect, more = {}): unknown[] =>
        targetsOf(["upstream"], more).filter(({ provider }) => provider === `upstream-${dialect}`)
      for (const dialect of DIALECTS)
        config.models[`edited-${dialect}`] = {
          strategy: "static",
          targets: only(dialect, { request: { set: { seed: 7 }, drop: ["user"] } }),
        }
      config.models["stripped"] = { strategy: "static", hosted_tools: "strip", targets: only("responses") }
      config.models["refused"] = { strategy: "static", hosted_tools: "refuse", targets: only("responses") }
      config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const MANY = 6000

/** More values than are translated at once. */
function conversation(client: Dialect, marker: string): Record<string, unknown>[] {
  const messages = Array.from({ length: MANY }, (_, at) => ({
    role: at % 2 === 0 ? "user" : "assistant",
    content: `word ${at}`,
  }))
  const last = { role: "user", content: marker }
  return client === "responses" ? [...messages, { type: "message", ...last }] : [...messages, last]
}

function bodyOf(client: Dialect, model: string, marker: string, more: object = {}): string {
  const said = { [client === "responses" ? "input" : "messages"]: conversation(client, marker) }
  return JSON.stringify({ model, ...said, ...(client === "messages" ? { max_tokens: 10 } : {}), ...more })
}

const sentFor = (marker: string): Record<string, unknown> =>
  JSON.parse(bodyText(upstream.received(marker)[0]!.request)) as Record<string, unknown>

test.each(drawn(ALL_PAIRS, 3))("a conversation of thousands of messages: %s to %s", async (client, target) => {
  for (const stream of [false, true]) {
    const marker = `large <${client} ${target} ${stream}>`
    const answer = await gateway.call(client, bodyOf(client, groupOf("upstream", target), marker, { stream }))
    expect(answer.status).toBe(200)
    expect(answer.text).toContain("there")
    const sent = sentFor(marker)
    expect(sent["model"]).toBe(VENDOR_MODEL)
    expect(sent[target === "responses" ? "input" : "messages"]).toHaveLength(MANY + 1)
  }
})

test.each(drawn(ALL_PAIRS, 3))(
  "a large call leaves the shape that a small one leaves: %s to %s",
  async (client, target) => {
    const [small, large] = await Promise.all(
      [10, 1_200_000].map(async (length) => {
        const extra = { temperature: 0.5, ...(client === "messages" ? { max_tokens: 10 } : {}) }
        const text = `shape <${client} ${target}> ${"word ".repeat(length / 5)}`
        const body = SAMPLES[client].request({ model: groupOf("upstream", target), text, extra })
        const { status, requestId } = await gateway.call(client, body)
        expect(status).toBe(200)
        const [row] = rowsOf(gateway.directory, "request_decision_shape_features", requestId)
        expect(row!["body_bytes"]).toBe(Buffer.byteLength(body))
        return Object.fromEntries(Object.entries(row!).filter(([name]) => !OF_SIZE.has(name)))
      }),
    )
    expect(Object.keys(large!).length).toBeGreaterThan(20)
    expect(large).toEqual(small)
  },
)

/** What tells a long text from a short one, and one call from another. */
const OF_SIZE: ReadonlySet<string> = new Set([
  "request_id",
  "ts",
  "body_bytes",
  "encoded_bytes",
  "estimated_input_tokens",
  "message_count",
  "text_chars",
  "conversation_key",
  "conversation_opening",
])

test.each(drawn(ALL_PAIRS, 3))("an answer of 300 KB: %s to %s", async (client, target) => {
  const marker = `long answer <${client} ${target}>`
  const words = "some words ".repeat(30_000)
  upstream.plan(marker, reply(SAMPLES[target].unary(words)))
  const answer = await gateway.call(
    client,
    SAMPLES[client].request({
      model: groupOf("upstream", target),
      text: marker,
      extra: client === "messages" ? { max_tokens: 10 } : {},
    }),
  )
  expect(answer.status).toBe(200)
  expect(answer.text).toContain(words)
  if (client === target) expect(answer.text).toBe(SAMPLES[target].unary(words))
})

test.each(drawn(DIALECTS))("fields are set and left out: %s", async (dialect) => {
  const marker = `edited <${dialect}>`
  const answer = await gateway.call(dialect, bodyOf(dialect, `edited-${dialect}`, marker, { user: "x", seed: 1 }))
  expect(answer.status).toBe(200)
  expect(answer.headers.get("x-router-losses")).toBe("field")
  const { user, seed } = sentFor(marker)
  expect([user, seed]).toEqual([undefined, 7])
})

test("tools that the provider runs are taken out, or refused by name", async () => {
  const tools = [{ type: "web_search" }, { type: "function", name: "t", parameters: { type: "object" } }]
  const answer = await gateway.call("responses", bodyOf("responses", "stripped", "stripped tools", { tools }))
  expect(answer.status).toBe(200)
  expect(sentFor("stripped tools")["tools"]).toEqual([tools[1]])
  const refused = await gateway.call("responses", bodyOf("responses", "refused", "refused tools", { tools }))
  expect([refused.status, refused.text]).toEqual([400, expect.stringContaining("web_search")])
})

test("a faulty part of the conversation is refused with its path, as in a small body", async () => {
  const broken = JSON.parse(bodyOf("chat", groupOf("upstream", "messages"), "broken")) as { messages: unknown[] }
  broken.messages[3] = { role: "tool", content: "x" }
  const large = await gateway.call("chat", JSON.stringify(broken))
  const small = await gateway.call("chat", JSON.stringify({ ...broken, messages: broken.messages.slice(0, 5) }))
  expect(large.status).toBe(400)
  expect(JSON.parse(large.text).error.param).toStartWith("messages[3]")
  expect(JSON.parse(large.text).error.param).toBe(JSON.parse(small.text).error.param)
})

test("ids of others' state are refused, and those of nobody taken out", async () => {
  const items = (more: object): string =>
    JSON.stringify({ model: groupOf("upstream", "responses"), input: [...conversation("responses", "held ids"), more] })
  const unknown = await gateway.call("responses", items({ type: "item_reference", id: "msg_other" }))
  expect([unknown.status, unknown.headers.get("x-router-losses")]).toEqual([200, "stored-reference"])
  expect(sentFor("held ids")["input"]).toHaveLength(MANY + 1)
  const pointing = bodyOf("responses", groupOf("upstream", "responses"), "x", { previous_response_id: "resp_other" })
  expect((await gateway.call("responses", pointing)).status).toBe(404)
})

test("tokens are counted", async () => {
  const counted = await fetch(`${gateway.url}/v1/messages/count_tokens`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.token}`, "content-type": "application/json" },
    body: bodyOf("messages", groupOf("upstream", "chat"), "counted"),
  })
  expect(counted.status).toBe(200)
  expect(((await counted.json()) as { input_tokens: number }).input_tokens).toBeGreaterThan(MANY)
})
