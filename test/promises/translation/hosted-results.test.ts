/** What the provider's own tools find is long, and not written by the model: whoever leaves behind it does not pay for it as output. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { stream } from "../../helpers/behaviours.ts"
import { eventually, readAnswer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const FOUND = "x".repeat(40_000)

function named(value: { readonly type: string; readonly [key: string]: unknown }): string {
  return `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`
}

/** Before the end of the sample's own stream: a search, what it found, and a word about it. */
const SEARCHES = {
  messages: [
    named({
      type: "content_block_start",
      index: 1,
      content_block: { type: "server_tool_use", id: "s", name: "web_search", input: {} },
    }),
    named({ type: "content_block_stop", index: 1 }),
    named({
      type: "content_block_start",
      index: 2,
      content_block: {
        type: "web_search_tool_result",
        tool_use_id: "s",
        content: [{ type: "web_search_result", encrypted_content: FOUND }],
      },
    }),
    named({ type: "content_block_stop", index: 2 }),
    named({ type: "content_block_delta", index: 3, delta: { type: "text_delta", text: "so it is" } }),
  ],
  responses: [
    named({ type: "response.output_item.done", output_index: 0, item: { id: "msg_1", type: "message", content: [] } }),
    named({
      type: "response.output_item.added",
      output_index: 1,
      item: { id: "ws", type: "web_search_call", status: "in_progress" },
    }),
    named({
      type: "response.output_item.done",
      output_index: 1,
      item: { id: "ws", type: "web_search_call", status: "completed", results: [FOUND] },
    }),
    named({ type: "response.output_text.delta", output_index: 2, content_index: 0, item_id: "m", delta: "so it is" }),
  ],
} as const

for (const dialect of ["messages", "responses"] as const) {
  test(dialect, async () => {
    const frames = SAMPLES[dialect].frames()
    const begun = frames.slice(0, SAMPLES[dialect].framesBeforeContent + 2)
    upstream.plan("search", stream([...begun, ...SEARCHES[dialect], { end: "stall" }]))
    const leaving = new AbortController()
    const body = SAMPLES[dialect].request({ text: "search", stream: true })
    const answer = await readAnswer(await gateway.open(dialect, body, { signal: leaving.signal }), (text) => {
      if (text.includes("so it is")) leaving.abort()
    })
    expect(answer.text).toContain(FOUND)
    const row = await eventually("the row", () => gateway.records.usage(answer.requestId)[0])
    expect(row.status).toBe(499)
    expect(row.output_tokens).toBeGreaterThan(2)
    expect(row.output_tokens).toBeLessThan(100)
  })
}
