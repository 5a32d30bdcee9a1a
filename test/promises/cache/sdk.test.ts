/** The vendors' own clients take an answer of the cache for what it is: the answer, whole or as a stream, whichever form filled it. */
import Anthropic from "@anthropic-ai/sdk"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import OpenAI from "openai"
import { caching } from "../../helpers/caching.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { DIALECTS, type Dialect } from "../../helpers/samples.ts"
import { groupOf } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const TEXT = "Hello from afar"
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer(TEXT))
  gateway = await startGateway({
    upstreams: { far: upstream },
    configure: (config) => caching(config, ["far"], { streams: true }),
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

interface Told {
  readonly text: string
  readonly id: string
  readonly stop: string | null | undefined
  readonly tokens: readonly [input: number | undefined, output: number | undefined]
}

type Asking = (model: string, text: string, streamed: boolean) => Promise<Told>

/** Runs a call with the vendor's client and its accumulator. */
const CLIENTS: Readonly<Record<Dialect, Asking>> = {
  chat: async (model, text, streamed) => {
    const { completions } = openai().chat
    const body = { model, temperature: 0, messages: [{ role: "user" as const, content: text }] }
    const answer = streamed
      ? await completions.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion()
      : await completions.create(body)
    const [choice] = answer.choices
    return {
      text: choice?.message.content ?? "",
      id: answer.id,
      stop: choice?.finish_reason,
      tokens: [answer.usage?.prompt_tokens, answer.usage?.completion_tokens],
    }
  },
  responses: async (model, text, streamed) => {
    const { responses } = openai()
    const body = { model, temperature: 0, input: text }
    const answer = streamed ? await responses.stream(body).finalResponse() : await responses.create(body)
    return {
      text: answer.output_text,
      id: answer.id,
      stop: answer.status,
      tokens: [answer.usage?.input_tokens, answer.usage?.output_tokens],
    }
  },
  messages: async (model, text, streamed) => {
    const { messages } = new Anthropic({ apiKey: gateway.token, baseURL: gateway.url, maxRetries: 0 })
    const body = { model, temperature: 0, max_tokens: 64, messages: [{ role: "user" as const, content: text }] }
    const answer = streamed ? await messages.stream(body).finalMessage() : await messages.create(body)
    const [block] = answer.content
    return {
      text: block?.type === "text" ? block.text : "",
      id: answer.id,
      stop: answer.stop_reason,
      tokens: [answer.usage.input_tokens, answer.usage.output_tokens],
    }
  },
}

function openai(): OpenAI {
  return new OpenAI({ apiKey: gateway.token, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
}

describe.each(drawn(DIALECTS))("a client of %s", (client) => {
  test.each(drawn(DIALECTS))("is answered from an answer of %s", async (target) => {
    const model = groupOf("far", target)
    for (const filled of [false, true]) {
      const text = `${client} asks ${target}, filled by a stream: ${filled}`
      const first = await CLIENTS[client](model, text, filled)
      const ids = new Set([first.id])
      for (const streamed of [false, true, false, true]) {
        const told = await CLIENTS[client](model, text, streamed)
        expect(told).toMatchObject({ text: TEXT, stop: first.stop, tokens: first.tokens })
        ids.add(told.id)
      }
      expect(first.text).toBe(TEXT)
      expect(ids.size).toBe(5)
      expect(upstream.received(text)).toHaveLength(1)
    }
  })
})
