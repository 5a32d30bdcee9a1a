/** Sealed reasoning of three upstreams in one conversation: each gets its own back, nobody gets another's. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { accumulate } from "../../helpers/accumulate.ts"
import { cutEvery, reply, stream } from "../../helpers/behaviours.ts"
import { parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { DIALECTS } from "../../helpers/samples.ts"
import type { Scenario } from "../../helpers/scenario.ts"
import { SEALS, streamedAnswer, wholeAnswer } from "../../helpers/scenario.ts"
import { at } from "../../helpers/streams.ts"
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

/** How a client of each dialect keeps a conversation: it returns what it was given, and answers every call. */
interface Client {
  readonly history: Json[]
  body(): Json
  take(answer: unknown, result: string): void
}

const SCHEMA = { type: "object", properties: {} }

const CLIENTS: Readonly<Record<Dialect, (question: string) => Client>> = {
  chat: (question) => {
    const history: Json[] = [{ role: "user", content: question }]
    const tools = [{ type: "function", function: { name: "look", parameters: SCHEMA } }]
    return {
      history,
      body: () => ({ messages: history, tools, reasoning_effort: "high" }),
      take: (answer, result) => {
        const message = at(answer, "choices", 0, "message") as Json
        history.push(message)
        history.push({ role: "tool", tool_call_id: at(message, "tool_calls", 0, "id"), content: result })
      },
    }
  },
  responses: (question) => {
    const history: Json[] = [{ role: "user", content: question }]
    const tools = [{ type: "function", name: "look", parameters: SCHEMA, strict: false }]
    return {
      history,
      body: () => ({ input: history, tools, store: false, reasoning: { effort: "high" } }),
      take: (answer, output) => {
        const items = at(answer, "output") as readonly Json[]
        history.push(...items)
        const call = items.find((item) => item["type"] === "function_call")
        history.push({ type: "function_call_output", call_id: call?.["call_id"], output })
      },
    }
  },
  messages: (question) => {
    const history: Json[] = [{ role: "user", content: question }]
    const tools = [{ name: "look", input_schema: SCHEMA }]
    const thinking = { type: "enabled", budget_tokens: 2048 }
    return {
      history,
      body: () => ({ messages: history, tools, max_tokens: 8000, thinking }),
      take: (answer, result) => {
        const content = at(answer, "content") as readonly Json[]
        const call = content.find((block) => block["type"] === "tool_use")
        history.push({ role: "assistant", content })
        history.push({
          role: "user",
          content: [{ type: "tool_result", tool_use_id: call?.["id"], content: result }],
        })
      },
    }
  },
}

function scenario(turn: number): Scenario {
  const call = { id: `call_${turn}`, name: "look", arguments: `{"turn":${turn}}` }
  return { reasoning: `Thought number ${turn}.`, text: `Turn ${turn}.`, calls: [call], stop: "tool-calls" }
}

/** Where each turn goes; every upstream is left and returned to. */
const JOURNEY: readonly Dialect[] = ["messages", "responses", "chat", "messages", "responses", "chat", "messages"]

for (const client of drawn(DIALECTS)) {
  for (const streamed of [false, true]) {
    test(`${client} client, ${streamed ? "streamed" : "unary"}`, async () => {
      const marker = `journey <${client} ${streamed}>`
      const talk = CLIENTS[client](marker)
      for (const [turn, target] of JOURNEY.entries()) {
        const told = scenario(turn)
        const pieces = cutEvery(streamedAnswer(target, told).join(""), 61)
        upstream.plan(marker, streamed ? stream(pieces) : reply(wholeAnswer(target, told)))
        const options = client === "chat" && streamed ? { stream_options: { include_usage: true } } : {}
        const body = { model: groupOf("upstream", target), stream: streamed, ...options, ...talk.body() }
        const answer = await gateway.call(client, JSON.stringify(body))
        expect([turn, answer.status]).toEqual([turn, 200])
        talk.take(streamed ? await accumulate(client, answer.bytes) : parsed(answer), `result ${turn}`)
      }
      const sent = upstream.received(marker).map(({ request }) => bodyText(request))
      expect(sent).toHaveLength(JOURNEY.length)
      for (const [turn, text] of sent.entries()) expectOwnSealsOnly(turn, text)
    })
  }
}

function expectOwnSealsOnly(turn: number, text: string): void {
  const target = JOURNEY[turn]!
  expect([turn, text.includes("rtr1.")]).toEqual([turn, false])
  for (const dialect of ["responses", "messages"] as const) {
    const earlier = JOURNEY.slice(0, turn).filter((one) => one === dialect).length
    const count = text.split(SEALS[dialect]).length - 1
    expect([turn, dialect, count]).toEqual([turn, dialect, dialect === target ? earlier : 0])
  }
  const body = JSON.parse(text) as Json
  for (const [before, issuer] of JOURNEY.slice(0, turn).entries()) {
    if (issuer !== target || target === "chat") continue
    expect(target === "messages" ? thinkingOf(body, before) : reasoningOf(body, before)).toEqual(
      `Thought number ${before}.`,
    )
  }
}

/** The thinking that stands, signed, before the call of a turn. */
function thinkingOf(body: Json, turn: number): unknown {
  const contents = (body["messages"] as readonly Json[]).map((message) => message["content"] as readonly Json[])
  const content = contents.find((blocks) => blocks.some?.((block) => block["id"] === `call_${turn}`)) ?? []
  expect(at(content, 0, "signature")).toBe(SEALS.messages)
  return at(content, 0, "thinking")
}

/** The summary of the sealed item that stands before the call of a turn. */
function reasoningOf(body: Json, turn: number): unknown {
  const items = body["input"] as readonly Json[]
  const call = items.findIndex((item) => item["call_id"] === `call_${turn}` && item["type"] === "function_call")
  const item = items.slice(0, call).findLast((one) => one["type"] === "reasoning")
  expect(at(item, "encrypted_content")).toBe(SEALS.responses)
  return at(item, "summary", 0, "text")
}
