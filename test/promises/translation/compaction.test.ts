/** A conversation is compacted by targets that have no word for it: a summary that the router seals, and any target can read. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import OpenAI from "openai"
import { reply, stream } from "../../helpers/behaviours.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { streamedAnswer, wholeAnswer } from "../../helpers/scenario.ts"
import { at, framesOf, jsonOf } from "../../helpers/streams.ts"
import { groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

type Json = Readonly<Record<string, unknown>>

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({ upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const SUMMARY = "The user counts sheep. 41 are counted; the gate is still open."
const TRIGGER = { type: "compaction_trigger" }
const CALL = { type: "function_call", call_id: "c1", name: "count", arguments: '{"field":"north"}' }
const RESULT = { type: "function_call_output", call_id: "c1", output: "41" }
const TOOLS = [{ type: "function", name: "count", parameters: { type: "object", properties: {} }, strict: false }]
const FOREIGN = ["chat", "messages"] as const

function ask(group: string, input: unknown, more: Json = {}): string {
  return JSON.stringify({ model: group, input, store: false, tools: TOOLS, tool_choice: "auto", ...more })
}

function history(marker: string): readonly Json[] {
  return [
    { type: "message", role: "developer", content: [{ type: "input_text", text: "Be brief." }] },
    { type: "message", role: "user", content: [{ type: "input_text", text: marker }] },
    CALL,
    RESULT,
  ]
}

function sentTo(marker: string): Json {
  return JSON.parse(bodyText(upstream.received(marker).at(-1)!.request)) as Json
}

const said = { reasoning: "I shall sum up.", text: SUMMARY, calls: [], stop: "end" as const }

/** The items that a stream says are done, and its last event. */
function ofStream(text: string): { readonly done: readonly Json[]; readonly last: Json } {
  const events = framesOf(text).map((frame) => jsonOf(frame) as Json)
  const done = events.filter(({ type }) => type === "response.output_item.done").map(({ item }) => item as Json)
  return { done, last: events.at(-1)! }
}

function plan(target: Dialect, marker: string, streamed: boolean, answer = said): void {
  upstream.plan(marker, streamed ? stream(streamedAnswer(target, answer)) : reply(wholeAnswer(target, answer)))
}

/** The compaction item of an answer, and the whole conversation that a client goes on with. */
async function compacted(target: Dialect, marker: string, streamed: boolean): Promise<Json> {
  plan(target, marker, streamed)
  const body = ask(groupOf("upstream", target), [...history(marker), TRIGGER], { stream: streamed })
  const answer = await gateway.call("responses", body)
  expect(answer.status).toBe(200)
  if (!streamed) {
    const output = at(parsed(answer), "output") as readonly Json[]
    expect(output.map(({ type }) => type)).toEqual(["compaction"])
    return output[0]!
  }
  const { done, last } = ofStream(answer.text)
  expect([done.map(({ type }) => type), last["type"]]).toEqual([["compaction"], "response.completed"])
  expect(at(last, "response", "output")).toEqual(done)
  expect(at(last, "response", "usage", "output_tokens")).toBeGreaterThan(0)
  expect(answer.text).not.toContain("sheep")
  return done[0]!
}

describe.each(FOREIGN)("a %s target", (target) => {
  test.each([false, true])("writes the summary when the last item asks for it; streamed: %p", async (streamed) => {
    const marker = `trigger <${target} ${streamed}>`
    const item = await compacted(target, marker, streamed)
    expect(String(item["encrypted_content"])).toStartWith("rtr1.")
    expect(String(item["id"])).toStartWith("cmp_")
    const sent = sentTo(marker)
    // the history stands there whole, with a wish behind it, and no call may be made
    expect(JSON.stringify(sent)).toContain("north")
    expect(JSON.stringify(sent)).not.toContain("compaction_trigger")
    expect(JSON.stringify((sent["messages"] as readonly Json[]).at(-1))).toContain("Summarise this conversation")
    expect(target === "chat" ? sent["tool_choice"] : at(sent, "tool_choice", "type")).toBe("none")
  })

  for (const next of ["chat", "responses", "messages"] as const) {
    test(`and a ${next} target is told it`, async () => {
      const item = await compacted(target, `before <${target} ${next}>`, true)
      const marker = `after <${target} ${next}>`
      const input = [{ role: "user", content: "count my sheep" }, item, { role: "user", content: marker }]
      const answer = await gateway.call("responses", ask(groupOf("upstream", next), input))
      expect(answer.status).toBe(200)
      expect(answer.headers.get("x-router-losses")).toBeNull()
      const sent = JSON.stringify(sentTo(marker))
      expect(sent).toContain(SUMMARY)
      expect(sent).not.toContain("rtr1.")
      expect(sent).not.toContain('compaction"')
    })
  }

  test("compacts by the endpoint as well, in the vendor's shape", async () => {
    const marker = `endpoint <${target}>`
    plan(target, marker, false)
    const client = new OpenAI({ apiKey: gateway.token, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
    const made = await client.responses.compact({
      model: groupOf("upstream", target),
      input: history(marker) as never,
    })
    expect(made.object).toBe("response.compaction")
    expect(made.output.map(({ type }) => type as string)).toEqual(["message", "compaction"])
    expect(JSON.stringify(made.output[0])).toContain(marker)
    expect(made.usage.output_tokens).toBeGreaterThan(0)
    const [exchange] = upstream.received(marker)
    expect(exchange!.request.target).not.toContain("compact")
    const next = `endpoint after <${target}>`
    const input = [...made.output, { role: "user", content: next }]
    expect((await gateway.call("responses", ask(groupOf("upstream", target), input))).status).toBe(200)
    expect(JSON.stringify(sentTo(next))).toContain(SUMMARY)
  })

  test.each([false, true])("that writes none has failed; streamed: %p", async (streamed) => {
    const marker = `none <${target} ${streamed}>`
    plan(target, marker, streamed, { ...said, text: "" })
    const body = ask(groupOf("upstream", target), [...history(marker), TRIGGER], { stream: streamed })
    const answer = await gateway.call("responses", body)
    if (!streamed) return expectError(answer, "responses", 502, "upstream-failed")
    expect(answer.text).not.toContain("response.completed")
    expect(answer.text).toMatch(/response\.failed|upstream-failed/)
  })
})

test("a summary that cannot be opened is refused with its path, at targets of every dialect", async () => {
  for (const target of ["chat", "responses", "messages"] as const) {
    for (const text of ["rtr1.AAAA", "rtr9.AAAA", "rtr1.WyJzdW1tYXJ5Il0", "rtr1.WyJzdW1tYXJ5IiwiIl0"]) {
      const input = [
        { type: "compaction", encrypted_content: text },
        { role: "user", content: "go on" },
      ]
      const answer = await gateway.call("responses", ask(groupOf("upstream", target), input))
      expectError(answer, "responses", 400, "invalid-request")
      expect(at(parsed(answer), "error", "param")).toBe("input[0].encrypted_content")
    }
  }
})

test("a conversation without tools is compacted without a word on tools", async () => {
  const marker = "no tools"
  plan("chat", marker, false)
  const body = JSON.stringify({
    model: groupOf("upstream", "chat"),
    input: [{ role: "user", content: marker }, TRIGGER],
  })
  const answer = await gateway.call("responses", body)
  expect(at(parsed(answer), "output", 0, "type")).toBe("compaction")
  expect(sentTo(marker)).not.toHaveProperty("tool_choice")
})
