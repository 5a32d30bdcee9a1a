/** A model that declines has answered: no client may take it for a failure and ask again, and why is told. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { groupOf, translating } from "../../helpers/translating.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const EXPLANATION = "This request was declined because of the usage policy on cyber security."
const DETAILS = { type: "refusal", category: "cyber", explanation: EXPLANATION }
const USAGE = { input_tokens: 11, output_tokens: 1 }
const MESSAGE = { id: "msg_1", type: "message", role: "assistant", model: "claude", content: [] }

const UNARY = JSON.stringify({
  ...MESSAGE,
  stop_reason: "refusal",
  stop_sequence: null,
  stop_details: DETAILS,
  usage: USAGE,
})

const event = (data: Record<string, unknown>): string =>
  `event: ${String(data["type"])}\ndata: ${JSON.stringify(data)}\n\n`
const STREAM = [
  event({ type: "message_start", message: { ...MESSAGE, stop_reason: null, stop_sequence: null, usage: USAGE } }),
  event({
    type: "message_delta",
    delta: { stop_reason: "refusal", stop_sequence: null, stop_details: DETAILS },
    usage: { output_tokens: 1 },
  }),
  event({ type: "message_stop" }),
]

test("to a Responses client it is a completed response that holds the refusal", async () => {
  const marker = "refusal to responses"
  upstream.plan(marker, reply(UNARY))
  const body = SAMPLES.responses.request({ model: groupOf("upstream", "messages"), text: marker })
  const answer = await gateway.call("responses", body)
  expect(JSON.parse(answer.text)).toMatchObject({
    status: "completed",
    incomplete_details: null,
    stop_details: DETAILS,
    output: [{ type: "message", status: "completed", content: [{ type: "refusal", refusal: EXPLANATION }] }],
  })
})

test("to a streaming Responses client too: its item is done before the response is", async () => {
  const marker = "refusal to responses, streamed"
  upstream.plan(marker, stream(STREAM))
  const body = SAMPLES.responses.request({ model: groupOf("upstream", "messages"), stream: true, text: marker })
  const answer = await gateway.call("responses", body)
  const types = [...answer.text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type)
  expect(types.slice(-4)).toEqual([
    "response.refusal.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ])
  expect(answer.text).toContain(EXPLANATION)
})

test.each([false, true])("to a Chat client it is a refusal that stopped (streamed: %p)", async (streamed) => {
  const marker = `refusal to chat ${streamed}`
  upstream.plan(marker, streamed ? stream(STREAM) : reply(UNARY))
  const body = SAMPLES.chat.request({ model: groupOf("upstream", "messages"), stream: streamed, text: marker })
  const answer = await gateway.call("chat", body)
  expect(answer.text).toContain(`"refusal":${JSON.stringify(EXPLANATION)}`)
  expect(answer.text).toContain(`"finish_reason":"stop","stop_details":${JSON.stringify(DETAILS)}`)
  expect(answer.headers.get("x-router-losses")).toBeNull()
})

test("a Messages client of a router behind a router reads the details again", async () => {
  const marker = "refusal through two"
  const message = { role: "assistant", content: null, refusal: EXPLANATION }
  const choice = { index: 0, message, finish_reason: "stop", stop_details: DETAILS }
  upstream.plan(marker, reply(JSON.stringify({ id: "c", object: "chat.completion", choices: [choice] })))
  const body = SAMPLES.messages.request({ model: groupOf("upstream", "chat"), text: marker })
  const answer = await gateway.call("messages", body)
  expect(JSON.parse(answer.text)).toMatchObject({ stop_reason: "refusal", stop_details: DETAILS })
})
