/** A Messages stream begins with a provisional count of its output: where no other comes, what came is counted. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { stream } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.models = { default: { strategy: "static", targets: [{ provider: "upstream-messages", model_ref: "m1" }] } }
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const FRAMES = SAMPLES.messages.frames(Array.from({ length: 60 }, () => "a word"))
const DELTA = '"usage":{"output_tokens":7}'

for (const [name, usage] of [
  ["no usage at its end", ""],
  ["an end that counts nothing", ',"usage":{"input_tokens":0,"output_tokens":0}'],
] as const)
  for (const client of DIALECTS)
    test(`${name}, to ${client}`, async () => {
      upstream.otherwise(stream(FRAMES.map((frame) => frame.replace(`,${DELTA}`, usage))))
      const answer = await gateway.call(client, SAMPLES[client].request({ stream: true }))
      expect(answer.status).toBe(200)
      const row = gateway.records.usage(answer.requestId)[0]!
      expect(row).toMatchObject({ status: 200, input_tokens: 11, usage_source: "partial" })
      expect(row.output_tokens).toBeGreaterThan(50)
      expect(row.output_cost_nano_usd).toBe(row.output_tokens! * 15_000)
    })

test("an answer of nothing is one", async () => {
  const frames = SAMPLES.messages.frames([]).map((frame) => frame.replace(DELTA, '"usage":{"output_tokens":0}'))
  upstream.otherwise(stream(frames))
  const answer = await gateway.call("messages", SAMPLES.messages.request({ stream: true }))
  expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ output_tokens: 0, usage_source: "provider" })
})
