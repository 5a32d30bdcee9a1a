/** What an upstream says about the request heals the client, whatever status, place and shape the upstream says it in. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import type { Answer } from "../../helpers/client.ts"
import { FakeUpstream, type Behaviour } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { FOREIGN_PAIRS, allowAll, groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

const BOTH = "both"

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { first, second },
    configure: (config) => {
      translating(config, ["first", "second"])
      config.models[BOTH] = {
        strategy: "failover",
        targets: ["first", "second"].map((name) => ({ provider: `${name}-chat`, model_ref: "m1" })),
      }
      allowAll(config)
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

const SGLANG = "The input (12345 tokens) is longer than the model's context length (8192 tokens)."

/** Where the sentence may stand, and how. */
const PLACES: readonly (readonly [where: string, streamed: boolean, behaviour: (dialect: Dialect) => Behaviour])[] = [
  ["a 400", false, (dialect) => reply(SAMPLES[dialect].errorBody(SGLANG), { status: 400 })],
  ["a 413", false, (dialect) => reply(SAMPLES[dialect].errorBody(SGLANG), { status: 413 })],
  ["a 422", true, (dialect) => reply(SAMPLES[dialect].errorBody(SGLANG), { status: 422 })],
  ["a 500", false, (dialect) => reply(SAMPLES[dialect].errorBody(SGLANG), { status: 500 })],
  ["a 503 to a streamed call", true, (dialect) => reply(SAMPLES[dialect].errorBody(SGLANG), { status: 503 })],
  ["a 200", false, (dialect) => reply(SAMPLES[dialect].errorBody(SGLANG))],
  ["a 200 without a stream", true, (dialect) => reply(SAMPLES[dialect].errorBody(SGLANG))],
  ["a stream", true, (dialect) => stream([`event: error\ndata: ${SAMPLES[dialect].errorBody(SGLANG)}\n\n`])],
  [
    "a list",
    false,
    () =>
      reply(JSON.stringify([{ error: { code: 400, message: SGLANG, status: "INVALID_ARGUMENT" } }]), { status: 400 }),
  ],
  ["a text", false, () => reply(SGLANG, { status: 400, headers: { "Content-Type": "text/plain" } })],
  [
    "findings",
    false,
    () => reply(JSON.stringify({ detail: [{ loc: ["body", "messages"], msg: SGLANG }] }), { status: 422 }),
  ],
]

/** The error that the client shows, from wherever its dialect has it. */
function errorOf(answer: Answer): Record<string, unknown> {
  const body = JSON.parse(answer.text) as Record<string, unknown>
  return body["error"] as Record<string, unknown>
}

describe.each(drawn(FOREIGN_PAIRS, 2))("%s from %s", (client, target) => {
  test.each(PLACES)("too long in %s", async (where, streamed, behaviour) => {
    const marker = `long <${client} ${target} ${where}>`
    first.plan(marker, behaviour(target))
    const body = SAMPLES[client].request({ model: groupOf("first", target), stream: streamed, text: marker })
    const answer = await gateway.call(client, body)
    expect({ status: answer.status, retry: answer.headers.get("x-should-retry") }).toEqual({
      status: 400,
      retry: "false",
    })
    const { message, code } = errorOf(answer)
    expect(message).toContain(SGLANG)
    if (client === "messages") expect(message).toStartWith("prompt is too long: 12345 tokens > 8192 maximum")
    else expect(code).toBe("context_length_exceeded")
  })
})

describe.each(drawn(DIALECTS))("%s from its own dialect", (dialect) => {
  test.each(PLACES.filter(([where]) => /500|503|200|stream/.test(where)))(
    "too long in %s",
    async (where, streamed, behaviour) => {
      const marker = `own <${dialect} ${where}>`
      first.plan(marker, behaviour(dialect))
      const body = SAMPLES[dialect].request({ model: groupOf("first", dialect), stream: streamed, text: marker })
      const answer = await gateway.call(dialect, body)
      expect(answer.status).toBe(400)
      expect(errorOf(answer)["message"]).toContain(SGLANG)
      const [row] = gateway.records.usage(answer.requestId)
      expect(row).toMatchObject({ status: 400, attempts: 1 })
    },
  )

  test.each([
    ["a list", JSON.stringify([{ error: { code: 400, message: "No." } }], null, 1), "application/json"],
    ["a text", "Failed to deserialize the JSON body into the target type", "text/plain; charset=utf-8"],
    ["findings", JSON.stringify({ detail: [{ loc: ["body", "tools"], msg: "No." }] }), "application/json"],
  ])("%s is relayed byte by byte", async (shape, bytes, type) => {
    const marker = `bytes <${dialect} ${shape}>`
    first.plan(marker, reply(bytes, { status: 400, headers: { "Content-Type": type } }))
    const body = SAMPLES[dialect].request({ model: groupOf("first", dialect), text: marker })
    const answer = await gateway.call(dialect, body)
    expect({ status: answer.status, text: answer.text, type: answer.headers.get("content-type") }).toEqual({
      status: 400,
      text: bytes,
      type,
    })
  })

  test("an HTML page is not relayed", async () => {
    const marker = `page <${dialect}>`
    first.plan(
      marker,
      reply("<html><body>nginx</body></html>", { status: 400, headers: { "Content-Type": "text/html" } }),
    )
    const body = SAMPLES[dialect].request({ model: groupOf("first", dialect), text: marker })
    const answer = await gateway.call(dialect, body)
    expect(answer.status).toBe(400)
    expect(answer.text).not.toContain("nginx")
  })
})

test("another target is tried first, and it serves", async () => {
  const marker = "too long for the first"
  first.plan(marker, stream([`data: ${SAMPLES.chat.errorBody(SGLANG, { code: "400" })}\n\n`]))
  const answer = await gateway.call("messages", SAMPLES.messages.request({ model: BOTH, stream: true, text: marker }))
  expect(answer.status).toBe(200)
  expect(answer.text).toContain("message_stop")
  expect(second.received(marker)).toHaveLength(1)
})

test("where the others fail in another way, the client reads what heals it, and no key", async () => {
  const marker = "too long, and down"
  const [key = ""] = gateway.prepared.secrets
  first.plan(marker, reply(SAMPLES.chat.errorBody(`${SGLANG} (${key})`)))
  second.plan(marker, reply("down", { status: 503 }))
  const answer = await gateway.call("messages", SAMPLES.messages.request({ model: BOTH, text: marker }))
  expect(answer.status).toBe(400)
  expect(errorOf(answer)["message"]).toStartWith("prompt is too long: 12345 tokens > 8192 maximum")
  expect(answer.text).not.toContain(key)
  const [row] = gateway.records.usage(answer.requestId)
  expect(row).toMatchObject({ status: 400, attempts: 2 })
})

test.each(drawn(DIALECTS))(
  "a %s stream that its upstream breaks off for the request ends with the upstream's words",
  async (client) => {
    const marker = `broken off <${client}>`
    const begun = SAMPLES.chat.frames().slice(0, SAMPLES.chat.framesBeforeContent + 1)
    first.plan(marker, stream([...begun, `data: ${SAMPLES.chat.errorBody(SGLANG)}\n\n`]))
    const body = SAMPLES[client].request({ model: groupOf("first", "chat"), stream: true, text: marker })
    const answer = await gateway.call(client, body)
    expect(answer.status).toBe(200)
    expect(answer.text).toContain(SGLANG)
    if (client === "messages")
      expect(answer.text).toContain('"message":"prompt is too long: 12345 tokens > 8192 maximum')
    else expect(answer.text).toContain('"code":"context_length_exceeded"')
    if (client === "responses") expect(answer.text).toContain("event: response.failed")
  },
)

test("a response that failed for the request is told to other clients with a status, and counts against no target", async () => {
  const marker = "failed response"
  const failed = { id: "resp_1", object: "response", status: "failed", output: [], model: "m" }
  const behaviour = (code: string): Behaviour => {
    const response = { ...failed, error: { code, message: SGLANG } }
    return stream([`event: response.failed\ndata: ${JSON.stringify({ type: "response.failed", response })}\n\n`])
  }
  for (const code of ["context_length_exceeded", "cyber_policy", "image_too_large"]) {
    first.plan(`${marker} ${code}`, behaviour(code))
    const body = SAMPLES.messages.request({
      model: groupOf("first", "responses"),
      stream: true,
      text: `${marker} ${code}`,
    })
    const answer = await gateway.call("messages", body)
    expect(answer.status).toBe(400)
    expect(errorOf(answer)["message"]).toContain(SGLANG)
  }
})

test("a server that names only its largest output is told with what was asked for", async () => {
  const marker = "largest output"
  first.plan(marker, reply(SAMPLES.chat.errorBody("Range of max_tokens should be [1, 8192]"), { status: 400 }))
  const extra = { max_tokens: 32_000 }
  const body = SAMPLES.messages.request({ model: groupOf("first", "chat"), text: marker, extra })
  const answer = await gateway.call("messages", body)
  expect(errorOf(answer)["message"]).toBe(
    "max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens. Range of max_tokens should be [1, 8192]",
  )
})

test("nothing of the words stands in log or database", async () => {
  await gateway.stop()
  expect(gateway.records.leaks([...gateway.prepared.secrets, gateway.token, "longer than the model's"])).toEqual([])
})
