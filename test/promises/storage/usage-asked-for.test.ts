/** Chat: the router asks a streaming upstream for usage when the client did not, and keeps that frame to itself. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { stream } from "../../helpers/behaviours.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"

const sample = SAMPLES.chat
const FRAMES = sample.frames()
const USAGE_FRAME = FRAMES.at(-2)!
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

async function exchange(
  body: string,
  frames: readonly string[] = FRAMES,
): Promise<{ readonly sent: string; readonly text: string }> {
  const count = upstream.exchanges.length
  upstream.otherwise(stream(frames))
  const answer = await gateway.call("chat", body)
  expect(answer.status).toBe(200)
  expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({
    input_tokens: 11,
    output_tokens: 7,
    usage_source: "provider",
  })
  return { sent: bodyText(upstream.exchanges[count]!.request), text: answer.text }
}

const SILENT = '{"model":"default","messages":[{"role":"user","content":"hello }"}], "stream":true'
const ASKED = ',"stream_options":{"include_usage":true}'
const withoutUsage = FRAMES.filter((frame) => frame !== USAGE_FRAME).join("")

test.each(["}", " }", "\n\t} \n"])(
  "not asked, body ends in %j: the option stands directly before the closing brace",
  async (end) => {
    const { sent, text } = await exchange(SILENT + end)
    const head = end.slice(0, end.indexOf("}"))
    expect(sent).toBe((SILENT + head + ASKED + end.slice(head.length)).replace('"default"', '"vendor/model-1"'))
    expect(text).toBe(withoutUsage)
  },
)

test.each(['{"include_usage":true}', '{ "include_usage" : true , "x": 1 }', '{"x":[1],"include\\u005fusage":true}'])(
  "asked with %s: nothing changes but the model, and the frame is the client's",
  async (options) => {
    const body = `${SILENT},"stream_options":${options}}`
    const { sent, text } = await exchange(body)
    expect(sent).toBe(body.replace('"default"', '"vendor/model-1"'))
    expect(text).toBe(FRAMES.join(""))
  },
)

test.each([
  "{}",
  "{ }",
  '{"include_obfuscation":false}',
  '{"x":{"include_usage":true}}',
  '{"include_usage":false}',
  "null",
])("stream_options %s: the member is spliced in, all else stays", async (options) => {
  const body = `${SILENT},"stream_options":${options},"seed":12345678901234567890}`
  const { sent, text } = await exchange(body)
  const before = JSON.parse(options) as Readonly<Record<string, unknown>> | null
  const sentOptions = (JSON.parse(sent) as { readonly stream_options: unknown }).stream_options
  expect(sentOptions).toEqual({ ...before, include_usage: true })
  expect(sent).toStartWith(SILENT.replace('"default"', '"vendor/model-1"'))
  expect(sent).toEndWith(',"seed":12345678901234567890}')
  expect(text).toBe(withoutUsage)
})

test("only a frame with empty choices and usage is dropped", async () => {
  const filter = 'data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}\n\n'
  const both = FRAMES.at(-3)!.replace(
    '"usage":null',
    '"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}',
  )
  const nothing = 'data: {"id":"x","choices":[],"usage":null}\n\n'
  const frames = [filter, nothing, ...FRAMES.slice(0, -3), both, USAGE_FRAME, "data: [DONE]\n\n"]
  const { text } = await exchange(`${SILENT}}`, frames)
  expect(text).toBe(frames.filter((frame) => frame !== USAGE_FRAME).join(""))
})

test("a unary call is left alone", async () => {
  const body = sample.request({ text: "unary" })
  const count = upstream.exchanges.length
  upstream.otherwise(async (e) =>
    e.write(`HTTP/1.1 200 OK\r\nContent-Length: ${sample.unary().length}\r\n\r\n${sample.unary()}`),
  )
  await gateway.call("chat", body)
  expect(bodyText(upstream.exchanges[count]!.request)).toBe(body.replace('"default"', '"vendor/model-1"'))
})
