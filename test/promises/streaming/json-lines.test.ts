/** Streams that come as lines of JSON, and whole bodies under the label of a stream, are read for what they are. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import zlib from "node:zlib"
import { meaningOfBody, meaningOfStream } from "../../helpers/answer-meaning.ts"
import { reply, stream } from "../../helpers/behaviours.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { ALL_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

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

function asked(client: Dialect, target: Dialect, marker: string, streamed = true): string {
  return SAMPLES[client].request({ model: groupOf("upstream", target), stream: streamed, text: marker })
}

/** The data of each frame on a line of its own. */
function lines(target: Dialect, texts: readonly string[]): readonly string[] {
  return SAMPLES[target]
    .frames(texts)
    .flatMap((frame) => frame.split("\n"))
    .filter((line) => line.startsWith("data: {"))
    .map((line) => `${line.slice("data: ".length)}\n`)
}

const LABELS = ["application/x-ndjson", "application/jsonl", "application/json", "text/plain", "text/event-stream"]

describe.each(drawn(ALL_PAIRS, 3))("%s client, %s upstream", (client, target) => {
  test.each(LABELS)("lines of JSON under the label %s are a stream", async (label) => {
    const marker = `lines <${client} ${target} ${label}>`
    upstream.plan(marker, stream(lines(target, ["Hi", " there"]), { headers: { "Content-Type": label } }))
    const answer = await gateway.call(client, asked(client, target, marker))
    expect([answer.status, answer.headers.get("content-type")]).toEqual([
      200,
      expect.stringContaining("text/event-stream"),
    ])
    expect(meaningOfStream(client, answer.text)).toMatchObject({ text: "Hi there", stop: "end" })
  })

  test("lines of JSON are a whole answer to a client that asked for one", async () => {
    const marker = `folded <${client} ${target}>`
    const headers = { "Content-Type": "application/x-ndjson" }
    upstream.plan(marker, reply(lines(target, ["Hi", " there"]).join(""), { headers }))
    const answer = await gateway.call(client, asked(client, target, marker, false))
    expect(answer.status).toBe(200)
    expect(meaningOfBody(client, parsed(answer))).toMatchObject({ text: "Hi there", stop: "end" })
  })

  test("a whole answer under the label of a stream is a stream", async () => {
    const marker = `whole <${client} ${target}>`
    const body = JSON.stringify(JSON.parse(SAMPLES[target].unary("Hi there")), null, 2)
    upstream.plan(marker, stream([body]))
    const answer = await gateway.call(client, asked(client, target, marker))
    expect(answer.status).toBe(200)
    expect(meaningOfStream(client, answer.text)).toMatchObject({ text: "Hi there", stop: "end" })
  })

  test("an error under the label of a stream keeps its meaning", async () => {
    const marker = `error <${client} ${target}>`
    const body = SAMPLES[target].errorBody("prompt is too long: 9000 tokens > 8000 maximum", {
      type: "invalid_request_error",
      code: "context_length_exceeded",
    })
    upstream.plan(marker, stream([body]))
    const answer = await gateway.call(client, asked(client, target, marker))
    expect(answer.status).toBe(400)
    expect(answer.text).toContain("too long")
  })

  test("a stream that is compressed and does not say so is no answer, and the reason says why", async () => {
    const marker = `gzip <${client} ${target}>`
    upstream.plan(marker, stream([zlib.gzipSync(SAMPLES[target].frames(["Hi"]).join(""))]))
    const answer = await gateway.call(client, asked(client, target, marker))
    expectError(answer, client, 502, "upstream-failed")
    expect(gateway.records.attempts(answer.requestId)[0]!.error_message).toBe("not-decodable")
  })

  test("lines of another protocol are no answer", async () => {
    const marker = `foreign <${client} ${target}>`
    const line = `{"model":"m","message":{"role":"assistant","content":"Hi"},"done":false}\n`
    upstream.plan(marker, stream([line, line], { headers: { "Content-Type": "application/x-ndjson" } }))
    const answer = await gateway.call(client, asked(client, target, marker))
    expectError(answer, client, 502, "upstream-failed")
    expect(gateway.records.attempts(answer.requestId)[0]!.error_message).toBe("no-answer")
  })
})

test("lines that break off are no finished answer", async () => {
  const whole = lines("chat", ["Hi", " there"])
  upstream.plan("cut <lines>", stream(whole.slice(0, 2), { headers: { "Content-Type": "application/x-ndjson" } }))
  const answer = await gateway.call("chat", asked("chat", "chat", "cut <lines>"))
  expect(answer.text).not.toContain("[DONE]")
  expect(answer.text).toContain("error")
})
