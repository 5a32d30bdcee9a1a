/** What an upstream reports wrongly, or leaves out, is neither free nor spoils a sum: it is estimated, and says so. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { drawn } from "../../helpers/sample.ts"

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

const NAMES: Readonly<Record<Dialect, readonly [input: string, output: string]>> = {
  chat: ["prompt_tokens", "completion_tokens"],
  responses: ["input_tokens", "output_tokens"],
  messages: ["input_tokens", "output_tokens"],
}

async function rowFor(dialect: Dialect, marker: string, usage: string): Promise<Record<string, unknown>> {
  const answer = JSON.parse(SAMPLES[dialect].unary()) as Record<string, unknown>
  delete answer["usage"]
  const text = JSON.stringify(answer)
  upstream.plan(marker, reply(`${text.slice(0, -1)},"usage":${usage}}`))
  const { status, requestId } = await gateway.call(dialect, SAMPLES[dialect].request({ text: marker }))
  expect(status).toBe(200)
  return { ...gateway.records.usage(requestId)[0] }
}

for (const dialect of drawn(DIALECTS)) {
  const [input, output] = NAMES[dialect]

  for (const [index, nonsense] of ["-5", "1e300", "9007199254740990", '"12"', "null"].entries()) {
    test(`${dialect}: ${input} is ${nonsense}`, async () => {
      const row = await rowFor(dialect, `in-${dialect}-${index}`, `{"${input}":${nonsense},"${output}":7}`)
      expect(row).toMatchObject({ output_tokens: 7, usage_source: "partial" })
      expect(row["input_tokens"]).toBeWithin(10, 500)
      expect(row["input_cost_nano_usd"]).toBe(Number(row["input_tokens"]) * 3000)
    })

    test(`${dialect}: ${output} is ${nonsense}`, async () => {
      const row = await rowFor(dialect, `out-${dialect}-${index}`, `{"${input}":20,"${output}":${nonsense}}`)
      expect(row).toMatchObject({ input_tokens: 20, usage_source: "partial" })
      expect(row["output_tokens"]).toBeWithin(1, 10)
    })
  }

  test(`${dialect}: a zero is a zero`, async () => {
    const row = await rowFor(dialect, `zero-${dialect}`, `{"${input}":0,"${output}":0}`)
    expect(row).toMatchObject({ input_tokens: 0, output_tokens: 0, usage_source: "provider", total_cost_nano_usd: 0 })
  })
}

for (const cost of ["-3", "1e300"]) {
  test(`a reported cost of ${cost} is none`, async () => {
    const row = await rowFor("chat", `cost${cost}`, `{"prompt_tokens":20,"completion_tokens":7,"cost":${cost}}`)
    expect(row).toMatchObject({ usage_source: "provider", upstream_reported_total_cost_nano_usd: null })
  })
}
