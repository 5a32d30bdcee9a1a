/** Ids of tool calls stay unique in a conversation, whatever numbering its upstreams begin anew, and legal at every target. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { accumulate } from "../../helpers/accumulate.ts"
import { cutEvery, reply, stream } from "../../helpers/behaviours.ts"
import { parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { DIALECTS } from "../../helpers/samples.ts"
import { streamedAnswer, wholeAnswer } from "../../helpers/scenario.ts"
import { at } from "../../helpers/streams.ts"
import { FOREIGN_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
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

/** How a client keeps a conversation: it returns what it was given, and answers every call with `result of <id>`. */
interface Client {
  body(): Json
  take(answer: unknown): readonly string[]
}

const SCHEMA = { type: "object", properties: {} }
const resultOf = (id: string): string => `result of ${id}`

const CLIENTS: Readonly<Record<Dialect, (question: string) => Client>> = {
  chat: (question) => {
    const messages: Json[] = [{ role: "user", content: question }]
    const tools = [{ type: "function", function: { name: "look", parameters: SCHEMA } }]
    return {
      body: () => ({ messages, tools }),
      take: (answer) => {
        const message = at(answer, "choices", 0, "message") as Json
        const ids = (message["tool_calls"] as readonly { readonly id: string }[]).map(({ id }) => id)
        messages.push(message, ...ids.map((id) => ({ role: "tool", tool_call_id: id, content: resultOf(id) })))
        return ids
      },
    }
  },
  responses: (question) => {
    const input: Json[] = [{ role: "user", content: question }]
    const tools = [{ type: "function", name: "look", parameters: SCHEMA, strict: false }]
    return {
      body: () => ({ input, tools, store: false }),
      take: (answer) => {
        const items = at(answer, "output") as readonly Json[]
        const ids = items.filter(({ type }) => type === "function_call").map((item) => String(item["call_id"]))
        input.push(...items)
        input.push(...ids.map((id) => ({ type: "function_call_output", call_id: id, output: resultOf(id) })))
        return ids
      },
    }
  },
  messages: (question) => {
    const messages: Json[] = [{ role: "user", content: question }]
    return {
      body: () => ({ messages, tools: [{ name: "look", input_schema: SCHEMA }], max_tokens: 8000 }),
      take: (answer) => {
        const content = at(answer, "content") as readonly Json[]
        const ids = content.filter(({ type }) => type === "tool_use").map((block) => String(block["id"]))
        const results = ids.map((id) => ({ type: "tool_result", tool_use_id: id, content: resultOf(id) }))
        messages.push({ role: "assistant", content }, { role: "user", content: results })
        return ids
      },
    }
  },
}

/** The ids of calls and of results, in order, as an upstream got them. */
const IDS: Readonly<Record<Dialect, (body: Json) => { calls: string[]; results: string[] }>> = {
  chat: (body) => {
    const messages = body["messages"] as readonly Json[]
    return {
      calls: messages.flatMap((one) => ((one["tool_calls"] ?? []) as readonly { id: string }[]).map(({ id }) => id)),
      results: messages.flatMap((one) => (one["role"] === "tool" ? [String(one["tool_call_id"])] : [])),
    }
  },
  responses: (body) => {
    const idsOf = (type: string): string[] =>
      (body["input"] as readonly Json[]).flatMap((item) => (item["type"] === type ? [String(item["call_id"])] : []))
    return { calls: idsOf("function_call"), results: idsOf("function_call_output") }
  },
  messages: (body) => {
    const blocks = (body["messages"] as readonly Json[]).flatMap((message) =>
      typeof message["content"] === "string" ? [] : (message["content"] as readonly Json[]),
    )
    const idsOf = (type: string, key: string): string[] =>
      blocks.flatMap((block) => (block["type"] === type ? [String(block[key])] : []))
    return { calls: idsOf("tool_use", "id"), results: idsOf("tool_result", "tool_use_id") }
  },
}

/** One turn: the upstream in `target` answers with calls of these ids; what the client then holds, and what went upstream. */
async function turn(
  talk: Client,
  client: Dialect,
  target: Dialect,
  streamed: boolean,
  marker: string,
  ids: readonly string[],
  reasoning = "",
): Promise<{ readonly given: readonly string[]; readonly sent: { calls: string[]; results: string[] } }> {
  const calls = ids.map((id, index) => ({ id, name: "look", arguments: `{"n":${index}}` }))
  const told = { reasoning, text: "", calls, stop: "tool-calls" as const }
  const pieces = cutEvery(streamedAnswer(target, told).join(""), 97)
  upstream.plan(marker, streamed ? stream(pieces) : reply(wholeAnswer(target, told)))
  const options = client === "chat" && streamed ? { stream_options: { include_usage: true } } : {}
  const body = { model: groupOf("upstream", target), stream: streamed, ...options, ...talk.body() }
  const answer = await gateway.call(client, JSON.stringify(body))
  expect(answer.status).toBe(200)
  const given = talk.take(streamed ? await accumulate(client, answer.bytes) : parsed(answer))
  const last = upstream.received(marker).at(-1)!
  return { given, sent: IDS[target](JSON.parse(bodyText(last.request)) as Json) }
}

const LEGAL = /^[a-zA-Z0-9_-]+$/

for (const [client, target] of drawn(FOREIGN_PAIRS, 2)) {
  for (const streamed of [false, true]) {
    const name = `${client} client, ${target} upstream, ${streamed ? "streamed" : "unary"}`

    test(`${name}: calls whose ids begin anew in every answer, or repeat within one, are told apart`, async () => {
      const marker = `ids <${client} ${target} ${streamed}>`
      const talk = CLIENTS[client](marker)
      const held: string[] = []
      const histories: string[][] = []
      for (const ids of [["call_0", "call_1"], ["call_0", "call_0"], ["call_0"], ["call_1", "call_2"]]) {
        const { given, sent } = await turn(talk, client, target, streamed, marker, ids)
        held.push(...given)
        histories.push(sent.calls)
        // every result stands with its call
        expect(sent.results).toEqual(sent.calls)
      }
      expect(new Set(held).size).toBe(held.length)
      expect(held.slice(0, 2)).toEqual(["call_0", "call_1"])
      for (const id of held) expect(id).toMatch(LEGAL)
      // a later turn only adds to what a prompt cache has seen
      for (const [index, history] of histories.slice(1).entries())
        expect(history.slice(0, histories[index]!.length)).toEqual(histories[index]!)
      const last = histories.at(-1)!
      expect(new Set(last).size).toBe(last.length)
      // a Chat server finds its own numbering, counted on
      if (target === "chat") expect(last).toEqual(["call_0", "call_1", "call_2", "call_3", "call_4"])
    })
  }
}

for (const client of drawn(DIALECTS)) {
  test(`${client} client: a conversation that moves from target to target has one legal id for each call everywhere`, async () => {
    const marker = `moving ids <${client}>`
    const talk = CLIENTS[client](marker)
    const seen: string[] = []
    for (const target of ["chat", "messages", "responses", "chat", "messages"] as const) {
      const { given, sent } = await turn(talk, client, target, false, marker, ["functions.look:0"], "Thought.")
      expect(sent.results).toEqual(sent.calls)
      expect(sent.calls).toHaveLength(seen.length)
      if (target === "messages") {
        for (const id of sent.calls) expect(id).toMatch(LEGAL)
        expect(new Set(sent.calls).size).toBe(sent.calls.length)
      }
      seen.push(...given)
    }
    // what passes as bytes within a dialect keeps the id that its upstream made
    if (client === "messages") expect(new Set(seen.slice(0, 3)).size).toBe(3)
  })
}
