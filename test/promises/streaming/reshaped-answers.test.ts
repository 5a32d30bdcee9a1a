/** An upstream that answers a stream with a whole body, or a unary call with a stream, is served in the shape that was asked for. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import Anthropic from "@anthropic-ai/sdk"
import OpenAI from "openai"
import { reply, stream } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { streamedAnswer, wholeAnswer, type Scenario } from "../../helpers/scenario.ts"
import { SUCCESS_TERMINAL, terminalsOf } from "../../helpers/streams.ts"
import { ALL_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.server["upstream"] = { max_response_bytes: 100_000 }
      translating(config, ["upstream"])
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const SCENARIO: Scenario = {
  text: "Let me look.",
  calls: [{ id: "call_1", name: "look", arguments: '{"where":"here"}' }],
  stop: "tool-calls",
}
const TOOLS: Readonly<Record<Dialect, unknown>> = {
  chat: [{ type: "function", function: { name: "look", parameters: { type: "object" } } }],
  responses: [{ type: "function", name: "look", parameters: { type: "object" } }],
  messages: [{ name: "look", input_schema: { type: "object" } }],
}

interface Said {
  readonly text: string
  readonly call: string
  readonly input: unknown
}

/** What the vendor's own client makes of the answer. */
async function ask(client: Dialect, model: string, marker: string, streamed: boolean): Promise<Said> {
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.token, maxRetries: 0 })
  const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: gateway.token, maxRetries: 0 })
  const messages = [{ role: "user" as const, content: marker }]
  const tools = TOOLS[client] as never
  if (client === "chat") {
    const done = streamed
      ? await openai.chat.completions.stream({ model, messages, tools }).finalChatCompletion()
      : await openai.chat.completions.create({ model, messages, tools })
    const [choice] = done.choices
    const call = choice?.message.tool_calls?.[0]
    if (call?.type !== "function") throw new Error("no call")
    return { text: choice?.message.content ?? "", call: call.function.name, input: JSON.parse(call.function.arguments) }
  }
  if (client === "responses") {
    const done = streamed
      ? await openai.responses.stream({ model, input: marker, tools }).finalResponse()
      : await openai.responses.create({ model, input: marker, tools })
    const [call] = done.output.flatMap((item) => (item.type === "function_call" ? [item] : []))
    return { text: done.output_text, call: call?.name ?? "", input: JSON.parse(call?.arguments ?? "null") }
  }
  const body = { model, messages, tools, max_tokens: 100 }
  const done = streamed ? await anthropic.messages.stream(body).finalMessage() : await anthropic.messages.create(body)
  const text = done.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("")
  const call = done.content.find((block) => block.type === "tool_use")
  return { text, call: call?.name ?? "", input: call?.input }
}

const SAID: Said = { text: "Let me look.", call: "look", input: { where: "here" } }

describe.each(drawn(ALL_PAIRS, 3).map((pair) => [...pair] as [Dialect, Dialect]))(
  "%s client, %s upstream",
  (client, target) => {
    const model = groupOf("upstream", target)

    test("a whole body becomes a stream", async () => {
      const marker = `<whole ${client} ${target}>`
      upstream.plan(marker, reply(wholeAnswer(target, SCENARIO)))
      expect(await ask(client, model, marker, true)).toEqual(SAID)
      const body = SAMPLES[client].request({ model, text: marker, stream: true, extra: { tools: TOOLS[client] } })
      const answer = await gateway.call(client, body)
      expect(answer.headers.get("content-type")).toStartWith("text/event-stream")
      expect(terminalsOf(client, answer.text)).toEqual([SUCCESS_TERMINAL[client]])
      expect(gateway.records.usage(answer.requestId)).toMatchObject([
        { status: 200, input_tokens: 11, output_tokens: 7 },
      ])
      expect(gateway.records.trace(answer.requestId).map(({ event }) => event)).toContain("answer_unfolded")
    })

    test("a stream becomes a whole body", async () => {
      const marker = `<stream ${client} ${target}>`
      upstream.plan(marker, stream(streamedAnswer(target, SCENARIO)))
      expect(await ask(client, model, marker, false)).toEqual(SAID)
      const body = SAMPLES[client].request({ model, text: marker, extra: { tools: TOOLS[client] } })
      const answer = await gateway.call(client, body)
      expect(answer.headers.get("content-type")).toStartWith("application/json")
      expect(gateway.records.usage(answer.requestId)).toMatchObject([
        { status: 200, input_tokens: 11, output_tokens: 7 },
      ])
      expect(gateway.records.trace(answer.requestId).map(({ event }) => event)).toContain("answer_folded")
    })

    test("a stream that breaks off is no whole answer", async () => {
      const marker = `<broken ${client} ${target}>`
      upstream.plan(marker, stream(streamedAnswer(target, SCENARIO).slice(0, 5)))
      const answer = await gateway.call(client, SAMPLES[client].request({ model, text: marker }))
      expect(answer.status).toBe(502)
    })

    test("what is larger than a body may be is none", async () => {
      const marker = `<large ${client} ${target}>`
      const large = { ...SCENARIO, text: "x".repeat(100_000) }
      upstream.plan(marker, reply(wholeAnswer(target, large)))
      const answer = await gateway.call(client, SAMPLES[client].request({ model, text: marker, stream: true }))
      expect(answer.status).toBe(502)
    })

    test("an error in plain JSON still fails", async () => {
      const marker = `<error ${client} ${target}>`
      upstream.plan(marker, reply(SAMPLES[target].errorBody("broken")))
      const answer = await gateway.call(client, SAMPLES[client].request({ model, text: marker, stream: true }))
      expect(answer.status).toBe(502)
    })
  },
)
