/** Events of a stream that are large enough to be judged in another thread go as small ones do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { accumulate } from "../../helpers/accumulate.ts"
import { cutEvery, stream } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Answer } from "../../helpers/client.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { FAILURE_TERMINAL, SUCCESS_TERMINAL, terminalsOf } from "../../helpers/streams.ts"
import { ALL_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway
let renaming: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  const upstreams = { upstream }
  gateway = await startGateway({ upstreams, configure: (config) => translating(config, ["upstream"]) })
  renaming = await startGateway({
    upstreams,
    configure: (config) => {
      config.server["responses"] = { model_identity: "requested_group" }
      translating(config, ["upstream"])
    },
  })
})

afterAll(async () => {
  await Promise.all([gateway[Symbol.asyncDispose](), renaming[Symbol.asyncDispose]()])
  await upstream.stop()
})

let calls = 0

/** A streamed call, answered with these frames in pieces of the wire that end where they like. */
function called(client: Dialect, target: Dialect, frames: readonly string[], at = gateway): Promise<Answer> {
  const marker = `<large event ${calls++}>`
  upstream.plan(marker, stream(cutEvery(frames.join(""), 50_000)))
  const extra = client === "messages" ? { max_tokens: 10 } : {}
  const model = groupOf("upstream", target)
  return at.call(client, SAMPLES[client].request({ model, text: marker, stream: true, extra }))
}

/** 240 KB; a piece may not end inside of a character. */
const LONG = "wörds 🦜 ".repeat(20_000)
const padded = (frame: string): string => frame.replace(/\}\n\n$/u, `,"novelty":"${"x".repeat(200_000)}"}\n\n`)

describe.each(drawn(ALL_PAIRS, 3))("%s client, %s upstream", (client, target) => {
  const sample = SAMPLES[target]

  test("a long text comes whole and in order, and is billed", async () => {
    const frames = sample.frames(["first ", LONG, " last"])
    const answer = await called(client, target, frames)
    expect(answer.status).toBe(200)
    if (client === target) expect(answer.text).toBe(frames.join(""))
    const whole = JSON.stringify(await accumulate(client, Buffer.from(answer.text)))
    expect(whole).toContain(JSON.stringify(`first ${LONG} last`).slice(1, -1))
    expect(gateway.records.usage(answer.requestId)).toMatchObject([
      { error: null, input_tokens: sample.usage.input, output_tokens: sample.usage.output },
    ])
  })

  test("no event but a large one: of each kind in turn", async () => {
    const frames = sample.frames()
    for (const [at, frame] of frames.entries()) {
      const answer = await called(client, target, frames.with(at, padded(frame)))
      expect([at, answer.status, terminalsOf(client, answer.text)]).toEqual([at, 200, [SUCCESS_TERMINAL[client]]])
      expect(answer.text.match(/ there/gu)).not.toBeNull()
    }
  })

  test("a large event that reports a failure behind content ends the stream as a small one", async () => {
    const frames = [...sample.frames().slice(0, sample.framesBeforeContent + 1), padded(sample.errorFrame)]
    const answer = await called(client, target, frames)
    expect(terminalsOf(client, answer.text)).toEqual([FAILURE_TERMINAL[client]])
    expect(gateway.records.usage(answer.requestId)[0]!.error).toStartWith("upstream-")
  })

  test("a large last event without its blank line counts", async () => {
    const frames = sample.frames()
    const last = target === "chat" ? frames.length - 2 : frames.length - 1
    const answer = await called(client, target, [...frames.slice(0, last), padded(frames[last]!).trimEnd()])
    expect(gateway.records.usage(answer.requestId)).toMatchObject([
      { error: null, input_tokens: sample.usage.input, output_tokens: sample.usage.output },
    ])
  })
})

test.each(drawn(DIALECTS))("a large event names the model that was asked for: %s", async (dialect) => {
  const frames = SAMPLES[dialect].frames().map(padded)
  const answer = await called(dialect, dialect, frames, renaming)
  expect(answer.text).toBe(frames.join("").replaceAll('"vendor-model"', `"${groupOf("upstream", dialect)}"`))
})

test("what cannot be cut, and has more values than are translated at once, is an answer that cannot be read", async () => {
  const annotations = Array.from({ length: 70_000 }, () => ({}))
  const [first = "", ...rest] = SAMPLES.chat.frames()
  const large = first.replace('"content":""', `"content":"","annotations":${JSON.stringify(annotations)}`)
  const translated = await called("messages", "chat", [large, ...rest])
  expect([translated.status, gateway.records.usage(translated.requestId)[0]!.error]).toEqual([502, "upstream-failed"])
  const passed = await called("chat", "chat", [large, ...rest])
  expect(passed.text).toBe([large, ...rest].join(""))
})
