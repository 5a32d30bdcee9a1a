/** Answers of Responses and Messages servers that are looser than the vendors' mean to every client what they say. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { meaningOfBody, meaningOfStream, type Meaning } from "../../helpers/answer-meaning.ts"
import { reply, stream } from "../../helpers/behaviours.ts"
import { parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

type Json = Readonly<Record<string, unknown>>

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

const USAGE = { input_tokens: 5, output_tokens: 7, total_tokens: 12 }
const response = (output: readonly Json[], status = "completed"): Json => ({
  id: "resp_1",
  object: "response",
  created_at: 1,
  model: "m",
  status,
  output,
  usage: USAGE,
})
const message = (content: unknown, stop: string | null): Json => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "m",
  content,
  stop_reason: stop,
  stop_sequence: null,
  usage: { input_tokens: 5, output_tokens: 7 },
})

const framed = (events: readonly Json[]): readonly string[] =>
  events.map((event) => `event: ${String(event["type"])}\ndata: ${JSON.stringify(event)}\n\n`)

function itemAlone(item: Json): readonly string[] {
  return framed([
    { type: "response.created", sequence_number: 0, response: response([], "in_progress") },
    { type: "response.output_item.done", sequence_number: 1, output_index: 0, item },
    { type: "response.completed", sequence_number: 2, response: response([item]) },
  ])
}

function blockAlone(block: Json, stop: string): readonly string[] {
  return framed([
    { type: "message_start", message: message([], null) },
    { type: "content_block_start", index: 0, content_block: block },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: stop }, usage: { output_tokens: 7 } },
    { type: "message_stop" },
  ])
}

interface Loose {
  readonly target: Exclude<Dialect, "chat">
  readonly whole: Json
  readonly frames: readonly string[]
  readonly means: Partial<Meaning>
}

const SAID = { type: "message", id: "msg_1", role: "assistant", status: "completed", content: "Hello." }
const CALL = { type: "tool_use", id: "toolu_1", name: "look", input: '{"x":1.50}' }

const LOOSE: Readonly<Record<string, Loose>> = {
  "a Responses message whose content is a text": {
    target: "responses",
    whole: response([SAID]),
    frames: itemAlone(SAID),
    means: { text: "Hello.", calls: [], stop: "end" },
  },
  "a message of Messages whose content is a text": {
    target: "messages",
    whole: message("Hello.", "end_turn"),
    frames: blockAlone({ type: "text", text: "Hello." }, "end_turn"),
    means: { text: "Hello.", calls: [], stop: "end" },
  },
  "a call of Messages whose input is printed": {
    target: "messages",
    whole: message([CALL], "tool_use"),
    frames: blockAlone(CALL, "tool_use"),
    means: { calls: [{ id: "toolu_1", name: "look", arguments: { x: 1.5 } }], stop: "tool-calls" },
  },
}

for (const [name, { target, whole, frames, means }] of Object.entries(LOOSE))
  for (const client of drawn(DIALECTS.filter((dialect) => dialect !== target)))
    test.each([false, true])(`${name}, for a client of ${client} (streamed: %p)`, async (streamed) => {
      const marker = `${name} for ${client} ${streamed}`
      upstream.plan(marker, streamed ? stream([...frames]) : reply(JSON.stringify(whole)))
      const body = SAMPLES[client].request({ model: groupOf("upstream", target), stream: streamed, text: marker })
      const answer = await gateway.call(client, body)
      expect(answer.status).toBe(200)
      expect(streamed ? meaningOfStream(client, answer.text) : meaningOfBody(client, parsed(answer))).toMatchObject(
        means,
      )
    })

test("a client of Messages gets such a text as it is", async () => {
  const body = JSON.stringify(message("Hello.", "end_turn"))
  upstream.plan("as it is", reply(body))
  const request = SAMPLES.messages.request({ model: groupOf("upstream", "messages"), stream: false, text: "as it is" })
  const answer = await gateway.call("messages", request)
  expect([answer.status, answer.text]).toEqual([200, body])
  expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ input_tokens: 5, output_tokens: 7, error: null })
})
