/** What was used before a stream broke or its client left is recorded as far as it is known, and labelled. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { stream } from "../../helpers/behaviours.ts"
import { eventually, readAnswer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
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

/** Frames up to first content that already tell the input's size; Chat only where a server counts in every chunk. */
const COUNTING: readonly (readonly [Dialect, readonly string[]])[] = [
  ["messages", SAMPLES.messages.frames().slice(0, 3)],
  [
    "chat",
    SAMPLES.chat
      .frames()
      .slice(0, 2)
      .map((frame) =>
        frame.replace('"usage":null', '"usage":{"prompt_tokens":11,"completion_tokens":1,"total_tokens":12}'),
      ),
  ],
]
const INPUT_COST = 11 * 3000

for (const [dialect, frames] of COUNTING) {
  const expected = { input_tokens: 11, usage_source: "partial", input_cost_nano_usd: INPUT_COST }

  test(`${dialect}: the upstream breaks off`, async () => {
    const marker = `broken-${dialect}`
    const gate = Promise.withResolvers<void>()
    upstream.plan(marker, stream([...frames, { until: gate.promise }, { end: "reset" }]))
    const response = await gateway.open(dialect, SAMPLES[dialect].request({ stream: true, text: marker }))
    const answer = await readAnswer(response, () => gate.resolve())
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 502, ...expected })
  })

  test(`${dialect}: the client leaves`, async () => {
    const marker = `left-${dialect}`
    const leaving = new AbortController()
    upstream.plan(marker, stream([...frames, { end: "stall" }]))
    const body = SAMPLES[dialect].request({ stream: true, text: marker })
    const response = await gateway.open(dialect, body, { signal: leaving.signal })
    const requestId = response.headers.get("x-request-id") ?? ""
    await readAnswer(response, () => leaving.abort())
    const row = await eventually("the row", () => gateway.records.usage(requestId)[0])
    expect(row).toMatchObject({ status: 499, ...expected })
  })
}

test.each(["chat", "responses"] as const)("%s: where nothing was reported nothing is claimed", async (dialect) => {
  const sample = SAMPLES[dialect]
  const marker = `silent-${dialect}`
  const gate = Promise.withResolvers<void>()
  const sent = sample.frames().slice(0, sample.framesBeforeContent + 1)
  upstream.plan(marker, stream([...sent, { until: gate.promise }, { end: "reset" }]))
  const response = await gateway.open(dialect, sample.request({ stream: true, text: marker }))
  const answer = await readAnswer(response, () => gate.resolve())
  const row = gateway.records.usage(answer.requestId)[0]!
  expect(row.usage_source).not.toBe("provider")
  if (row.usage_source === "none")
    expect(row).toMatchObject({ input_tokens: null, output_tokens: null, total_cost_nano_usd: null })
})
