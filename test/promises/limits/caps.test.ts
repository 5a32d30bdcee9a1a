/** A cap that does not bind the upstream is no reason to reserve less: two caps, and caps of 0. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { expectError } from "../../helpers/expectations.ts"
import { SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.callers[0]!["quota"] = { day: { tokens: 3000 } }
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const UNBOUND: readonly (readonly [Dialect, Readonly<Record<string, unknown>>])[] = [
  ["chat", { max_tokens: 1, max_completion_tokens: 50_000 }],
  ["chat", { max_tokens: 50_000, max_completion_tokens: 1 }],
  ["chat", { max_tokens: 0 }],
  ["chat", { max_completion_tokens: 0, max_tokens: null }],
  ["responses", { max_output_tokens: 0 }],
]

for (const stream of [false, true]) {
  for (const [dialect, extra] of UNBOUND) {
    test(`${dialect}, ${JSON.stringify(extra)}, ${stream ? "streamed" : "unary"}: more than is left`, async () => {
      const before = upstream.exchanges.length
      const answer = await gateway.call(dialect, SAMPLES[dialect].request({ stream, extra }))
      expectError(answer, dialect, 429, "quota-exhausted")
      expect(upstream.exchanges.length).toBe(before)
    })
  }
}

test("messages: a cap of 0 only fills the cache", async () => {
  const { status } = await gateway.call("messages", SAMPLES.messages.request({ extra: { max_tokens: 0 } }))
  expect(status).toBe(200)
})
