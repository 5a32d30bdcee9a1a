/** No work is quadratic in the length of a stream or of a history: four times as much takes far less than sixteen times. */

import { expect, test } from "bun:test"
import type { Event } from "../../canonical/event.ts"
import type { JsonObject } from "../../canonical/json.ts"
import { context, facts, minter, options, readEvents, written } from "../../../test/helpers/responses-codec.ts"
import { responsesCodec } from "./codec.ts"

const FACTOR = 4
/** Quadratic work would be 16. */
const MOST = 11
const TRIES = 4

/** The best of several tries, so that a busy machine does not decide. */
function growth(work: (size: number) => void, size: number): number {
  work(size)
  const best = (count: number): number => {
    const times = Array.from({ length: TRIES }, () => {
      const before = Bun.nanoseconds()
      work(count)
      return Bun.nanoseconds() - before
    })
    return Math.min(...times)
  }
  return best(size * FACTOR) / best(size)
}

function* deltas(count: number): Generator<Event> {
  yield { type: "start", id: "x", model: "m", created: 1 }
  yield { type: "open", block: { type: "text" } }
  for (let index = 0; index < count; index += 1) yield { type: "delta", delta: { of: "text", text: "word " } }
  yield { type: "close" }
  yield { type: "stop", stop: { is: "end", raw: null } }
  yield { type: "end" }
}

function wireDeltas(count: number): readonly JsonObject[] {
  const delta = { type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "word " }
  const text = "word ".repeat(count)
  const item = { type: "message", content: [{ type: "output_text", text }] }
  return [
    ...Array.from({ length: count }, () => delta),
    { type: "response.output_text.done", output_index: 0, content_index: 0, text },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: { status: "completed", output: [item] } },
  ]
}

function history(turns: number): JsonObject {
  const input = Array.from({ length: turns }, (_, index) => [
    { role: "user", content: `question ${index}` },
    { type: "function_call", call_id: `call_${index}`, name: "f", arguments: "{}" },
    { type: "function_call_output", call_id: `call_${index}`, output: "done" },
    { role: "assistant", content: [{ type: "output_text", text: `answer ${index}` }] },
  ]).flat()
  return { model: "m", input, tools: [{ type: "function", name: "f", parameters: {} }] }
}

test("writing 50,000 deltas", () => {
  expect(growth((count) => written(deltas(count)), 12_500)).toBeLessThan(MOST)
})

test("what is written grows with what is said", () => {
  const size = written(deltas(1000)).length
  expect(written(deltas(2000)).length / size).toBeLessThan(2.1)
})

test("reading 50,000 deltas", () => {
  expect(growth((count) => readEvents(wireDeltas(count)), 12_500)).toBeLessThan(MOST)
})

test("a stream of 2,000 items", () => {
  const items = (count: number): readonly JsonObject[] =>
    Array.from({ length: count }, (_, index) => ({
      type: "response.output_item.done",
      output_index: index,
      item: { type: "function_call", call_id: `c${index}`, name: "f", arguments: "{}" },
    }))
  const done = { type: "response.completed", response: { status: "completed", output: [] } }
  expect(growth((count) => written(readEvents([...items(count), done], context()), options()), 500)).toBeLessThan(MOST)
})

test("a history of 2,000 messages, read and written", () => {
  const work = (turns: number): void => {
    const { request } = responsesCodec.readRequest(history(turns))
    responsesCodec.writeRequest(request, facts(), minter())
  }
  expect(growth(work, 500)).toBeLessThan(MOST)
})
