/** Several Chat answers in one: it is complete when each of them has ended, and an answer without any is none. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply, stream, type Step } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
  gateway = await startGateway({ upstreams: { first, second } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

function chunk(index: number | undefined, content: string | null, finish: string | null = null): string {
  const delta = content === null ? {} : { content }
  const choice = { ...(index === undefined ? {} : { index }), delta, finish_reason: finish }
  return `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", choices: [choice] })}\n\n`
}

const USAGE = `data: ${JSON.stringify({ id: "chatcmpl-1", choices: [], usage: { prompt_tokens: 11, completion_tokens: 9 } })}\n\n`
const DONE = "data: [DONE]\n\n"
const BEGUN = [chunk(0, "a"), chunk(1, "b"), chunk(0, "a"), chunk(1, "b")]

let streams = 0

async function streamed(
  steps: readonly Step[],
  extra: object,
): Promise<{ readonly text: string; readonly error: string | null }> {
  streams += 1
  const marker = `several-${streams}-`
  first.plan(marker, stream(steps))
  const answer = await gateway.call("chat", SAMPLES.chat.request({ text: marker, stream: true, extra: { ...extra } }))
  return { text: answer.text, error: gateway.records.usage(answer.requestId)[0]!.error }
}

const WHOLE: readonly (readonly [string, readonly string[]])[] = [
  ["all ends and [DONE]", [...BEGUN, chunk(0, null, "stop"), chunk(1, null, "stop"), USAGE, DONE]],
  ["all ends, and no [DONE]", [...BEGUN, chunk(0, null, "stop"), chunk(1, "b"), chunk(1, null, "length"), USAGE]],
  [
    "an end that comes twice",
    [...BEGUN, chunk(0, null, "stop"), chunk(0, null, "stop"), chunk(1, null, "stop"), USAGE],
  ],
  ["[DONE] alone", [...BEGUN, chunk(0, null, "stop"), DONE]],
  ["one answer where two were asked for", [chunk(0, "a"), chunk(0, null, "stop"), USAGE]],
  ["an answer that nobody asked for", [...BEGUN, chunk(7, "x"), chunk(0, null, "stop"), chunk(1, null, "stop")]],
]

const CUT: readonly (readonly [string, readonly string[]])[] = [
  ["behind the first end", [...BEGUN, chunk(0, null, "stop")]],
  ["behind the first end and more of the other", [...BEGUN, chunk(1, null, "stop"), chunk(0, "a"), chunk(0, "a")]],
  ["behind the same end twice", [...BEGUN, chunk(1, null, "stop"), chunk(1, null, "stop")]],
  ["behind usage", [...BEGUN, chunk(0, null, "stop"), USAGE]],
]

describe("a stream of two answers", () => {
  for (const [name, frames] of WHOLE) {
    test(`${name} is complete`, async () => {
      const { text, error } = await streamed(frames, { n: 2 })
      expect(error).toBeNull()
      expect(text).toBe(frames.join(""))
    })
  }

  for (const [name, frames] of CUT) {
    test(`cut ${name}: broken`, async () => {
      const { text, error } = await streamed(frames, { n: 2 })
      expect(error).toBe("upstream-failed")
      expect(text.startsWith(frames.join(""))).toBe(true)
      expect(text).toContain('data: {"error"')
      expect(text).not.toContain("[DONE]")
    })
  }

  test("where one answer was asked for, its end is the end whatever its index", async () => {
    const frames = [chunk(0, "a"), chunk(undefined, null, "stop")]
    expect(await streamed(frames, {})).toEqual({ text: frames.join(""), error: null })
    const odd = [chunk(0, "a"), chunk(3, null, "stop")]
    expect(await streamed(odd, {})).toEqual({ text: odd.join(""), error: null })
  })
})

for (const choices of ["[]", "null", "{}"]) {
  test(`a whole answer with \`choices: ${choices}\` is none: the next target is asked`, async () => {
    const body = `{"id":"chatcmpl-1","object":"chat.completion","choices":${choices},"usage":{"prompt_tokens":11,"completion_tokens":0}}`
    first.plan("nothing in it", reply(body))
    const answer = await gateway.call("chat", SAMPLES.chat.request({ text: "nothing in it" }))
    expect(answer.text).toBe(SAMPLES.chat.unary("second"))
    expect(gateway.records.attempts(answer.requestId)).toMatchObject([
      { error_class: "malformed_answer", retryable: 1 },
      { error_class: null },
    ])
  })
}
