/** What the router itself took stands apart from what it waited for, also where it asked several targets. */
import { expect, test } from "bun:test"
import type { Step } from "../../helpers/behaviours.ts"
import { raw } from "../../helpers/behaviours.ts"
import { type Setup, targetsOf } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"

/** The clock stands still but for these: the router itself takes no time. */
const FIRST_MS = 400
const SECOND_MS = 300

test("the time of all attempts is not the router's", async () => {
  const clock = new HeldClock()
  const passing = (ms: number): Step => ({ wait: () => clock.advance(ms) })
  const [first, second] = [await FakeUpstream.start(), await FakeUpstream.start()]
  await using upstreams = new AsyncDisposableStack()
  for (const upstream of [first, second]) upstreams.defer(() => upstream.stop())
  const setup: Setup = {
    upstreams: { first, second },
    configure: (config) => {
      config.models = { default: { strategy: "failover", targets: targetsOf(["first", "second"]) } }
    },
  }
  await using gateway = await startGateway(setup, { clock })
  for (const sample of ALL_SAMPLES) {
    const marker = `overhead-${sample.dialect}`
    const body = sample.unary()
    const head = `Content-Type: application/json\r\nContent-Length: `
    first.plan(marker, raw([passing(FIRST_MS), `HTTP/1.1 500 No\r\n${head}2\r\n\r\n{}`]))
    second.plan(
      marker,
      raw([passing(SECOND_MS), `HTTP/1.1 200 OK\r\n${head}${Buffer.byteLength(body)}\r\n\r\n${body}`]),
    )
    const answer = await gateway.call(sample.dialect, sample.request({ text: marker }))
    expect(answer.status).toBe(200)
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({
      attempts: 2,
      latency_ms: FIRST_MS + SECOND_MS,
      upstream_duration_ms: SECOND_MS,
      router_overhead_us: 0,
    })
  }
})
