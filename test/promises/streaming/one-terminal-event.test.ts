/** After content was sent a stream ends exactly once, and a broken one never like a finished one. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Step } from "../../helpers/behaviours.ts"
import { cutEvery, raw, stream, untilClose } from "../../helpers/behaviours.ts"
import type { Answer } from "../../helpers/client.ts"
import { readAnswer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Sample } from "../../helpers/samples.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { at, FAILURE_TERMINAL, framesOf, jsonOf, SUCCESS_TERMINAL, terminalsOf } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer("from the second"))
  gateway = await startGateway({
    upstreams: { first, second },
    configure: (config) => {
      config.server["upstream"] = { timeout_ms: 2000, max_frame_bytes: 65_536 }
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

/** The frames up to and including the first content. */
function untilContent(sample: Sample): readonly string[] {
  return sample.frames().slice(0, sample.framesBeforeContent + 1)
}

/** Streams up to the first content, lets the client see it, and only then takes the further steps. */
async function breakAfterContent(sample: Sample, marker: string, steps: readonly Step[]): Promise<Answer> {
  const sent = untilContent(sample)
  const gate = Promise.withResolvers<void>()
  first.plan(marker, stream([...sent, { until: gate.promise }, ...steps]))
  const response = await gateway.open(sample.dialect, sample.request({ stream: true, text: marker }))
  return readAnswer(response, (text) => {
    if (text.length >= sent.join("").length) gate.resolve()
  })
}

const BREAKS: readonly (readonly [string, (sample: Sample) => readonly Step[], string])[] = [
  ["a reset", () => [{ end: "reset" }], "upstream-failed"],
  ["an early end", () => [{ end: "close" }], "upstream-failed"],
  ["a clean end without a terminal event", () => [], "upstream-failed"],
  [
    "half a frame and a clean end",
    (sample) => [sample.frames()[sample.framesBeforeContent + 1]?.slice(0, -9) ?? ""],
    "upstream-failed",
  ],
  [
    "half a frame and a reset",
    (sample) => [sample.frames().at(-1)?.slice(0, -1) ?? "", { end: "reset" }],
    "upstream-failed",
  ],
  ["the vendor's error event", (sample) => [sample.errorFrame], "upstream-failed"],
  ["the vendor's error event, then a reset", (sample) => [sample.errorFrame, { end: "reset" }], "upstream-failed"],
  [
    "an endless frame",
    () => [...cutEvery(`data: ${"x".repeat(200_000)}`, 16_000), { waitMs: 30 }, "x", { end: "stall" }],
    "upstream-failed",
  ],
  ["silence", () => [{ end: "stall" }], "upstream-timeout"],
]

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample

  test.each(BREAKS.map((row) => [...row] as const))(
    `${dialect}: %s after content ends the stream with one error`,
    async (name, steps, code) => {
      const marker = `break <${dialect} ${name}>`
      const sent = untilContent(sample)
      const answer = await breakAfterContent(sample, marker, steps(sample))
      expect(answer.status).toBe(200)
      expect(answer.text).toStartWith(sent.join(""))
      expect(terminalsOf(dialect, answer.text)).toEqual([FAILURE_TERMINAL[dialect]])
      const frames = framesOf(answer.text)
      expect(frames.map(({ text }) => text).join("")).toBe(answer.text)
      expect(frames.length).toBe(sent.length + 1)
      expect(answer.text).not.toContain("overloaded")
      expect(second.received(marker)).toEqual([])
      const rows = gateway.records.usage(answer.requestId)
      expect(rows).toHaveLength(1)
      expect(rows[0]).toMatchObject({ attempts: 1, fallback_used: 0, error: code })
      expect(rows[0]?.status).toBe(code === "upstream-timeout" ? 504 : 502)
    },
  )

  test(`${dialect}: the error carries the code and the request id`, async () => {
    const marker = `shape <${dialect}>`
    const answer = await breakAfterContent(sample, marker, [{ end: "reset" }])
    const json = jsonOf(framesOf(answer.text).at(-1)!)
    const error = dialect === "responses" ? at(json, "response", "error") : at(json, "error")
    expect(at(error, "code")).toBeString()
    expect(at(error, "message")).toBeString()
    expect(JSON.stringify(json)).toContain(answer.requestId)
  })

  test(`${dialect}: a second end from upstream is not passed on`, async () => {
    const marker = `twice <${dialect}>`
    const frames = sample.frames()
    first.plan(marker, stream([...frames, frames.at(-1)!]))
    const answer = await gateway.call(dialect, sample.request({ stream: true, text: marker }))
    expect(terminalsOf(dialect, answer.text)).toEqual([SUCCESS_TERMINAL[dialect]])
  })

  test(`${dialect}: a reset after the terminal event changes nothing`, async () => {
    const marker = `after <${dialect}>`
    first.plan(marker, stream([...sample.frames(), { waitMs: 80 }, { end: "reset" }]))
    const answer = await gateway.call(dialect, sample.request({ stream: true, text: marker }))
    expect(answer.text).toBe(sample.frames().join(""))
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 200, error: null })
  })

  test.each(["", "\n"])(`${dialect}: a last event without its blank line ends the stream, once (%j)`, async (end) => {
    const marker = `unended <${dialect}> ${end.length}`
    const text = sample.frames().join("").trimEnd() + end
    first.plan(marker, stream([text]))
    const answer = await gateway.call(dialect, sample.request({ stream: true, text: marker }))
    expect(answer.text.trimEnd()).toBe(text.trimEnd())
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 200, error: null })
  })

  test(`${dialect}: what follows the terminal event in the last bytes stays`, async () => {
    const marker = `trailing <${dialect}>`
    const frames = sample.frames()
    const last = `${frames.at(-1)!}: bye\n`
    const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
    const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    // the end of the body comes in the same piece as the last event
    const steps = [head + chunk(frames.slice(0, -1).join("")), { waitMs: 60 }, `${chunk(last)}0\r\n\r\n`]
    first.plan(marker, raw(steps))
    const answer = await gateway.call(dialect, sample.request({ stream: true, text: marker }))
    expect(answer.text).toBe(`${frames.slice(0, -1).join("")}${last}`)
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 200, error: null })
  })

  test(`${dialect}: a stream that ends with its connection is whole`, async () => {
    const marker = `unframed <${dialect}>`
    first.plan(marker, untilClose(sample.frames()))
    const answer = await gateway.call(dialect, sample.request({ stream: true, text: marker }))
    expect(answer.text).toBe(sample.frames().join(""))
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 200, error: null })
  })
}

test("chat: a finish reason and a clean end without [DONE] is complete, and nothing is added", async () => {
  const sent = SAMPLES.chat.frames().slice(0, -1)
  first.plan("no done", stream(sent))
  const answer = await gateway.call("chat", SAMPLES.chat.request({ stream: true, text: "no done" }))
  expect(answer.text).toBe(sent.join(""))
  expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 200, error: null, stop_reason: "stop" })
})

test("responses: an error event followed by response.failed is one end", async () => {
  const failed = `event: response.failed\ndata: {"type":"response.failed","sequence_number":9,"response":{"id":"resp_1","object":"response","status":"failed","error":{"code":"server_error","message":"vendor detail"},"output":[],"usage":null}}\n\n`
  const answer = await breakAfterContent(SAMPLES.responses, "two ends", [SAMPLES.responses.errorFrame, failed])
  expect(terminalsOf("responses", answer.text)).toEqual(["response.failed"])
})

test("responses: response.incomplete is an end like any other", async () => {
  const frames = SAMPLES.responses.frames()
  const incomplete = frames
    .at(-1)!
    .replaceAll("response.completed", "response.incomplete")
    .replace('"status":"completed"', '"status":"incomplete"')
    .replace('"incomplete_details":null', '"incomplete_details":{"reason":"max_output_tokens"}')
  first.plan("incomplete", stream([...frames.slice(0, -1), incomplete]))
  const answer = await gateway.call("responses", SAMPLES.responses.request({ stream: true, text: "incomplete" }))
  expect(answer.text).toBe([...frames.slice(0, -1), incomplete].join(""))
  expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 200, error: null, output_tokens: 7 })
})
