/** Every wait for an upstream ends: the attempt's for first content or the whole body, the call's, and a stream's silence. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { cutEvery, raw, slowHead, stall, stream } from "../../helpers/behaviours.ts"
import { targetsOf } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { FAILURE_TERMINAL, terminalsOf } from "../../helpers/streams.ts"
import { vendorAnswer, vendorBytes } from "../../helpers/vendor.ts"

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

/** The attempt's own limit; the pauses below are shorter than it, their sum is longer. */
const ATTEMPT_MS = 400
/** The call's limit, and a stream's silence. */
const CALL_MS = 900

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { first, second },
    configure: (config) => {
      config.server["upstream"] = { timeout_ms: CALL_MS }
      config.models = {
        attempt: { strategy: "failover", attempt_timeout_ms: ATTEMPT_MS, targets: targetsOf(["first", "second"]) },
        call: { strategy: "failover", targets: targetsOf(["first"]) },
      }
      config.callers = config.callers.map((caller) => ({ ...caller, allow: ["attempt", "call"] }))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

for (const sample of ALL_SAMPLES) {
  const { dialect } = sample

  test.concurrent(`${dialect}: a body that trickles past the attempt's limit fails over`, async () => {
    const marker = `trickle-${dialect}`
    const body = sample.unary()
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
    const pieces = cutEvery(body, 20).flatMap((piece) => [piece, { waitMs: 150 }])
    first.plan(marker, raw([head, ...pieces]))
    const answer = await gateway.call(dialect, sample.request({ model: "attempt", text: marker }))
    expect(answer.text).toBe(vendorBytes(sample, false))
    expect(gateway.records.attempts(answer.requestId)[0]).toMatchObject({
      timed_out: 1,
      attempt_timeout_ms: ATTEMPT_MS,
    })
    await (
      await first.arrival(marker)
    ).left
  })

  test.concurrent(`${dialect}: signs of life are not first content`, async () => {
    const marker = `alive-${dialect}`
    const comments = Array.from({ length: 20 }, () => [": still working\n\n", { waitMs: 100 }]).flat()
    first.plan(marker, stream([...sample.frames().slice(0, sample.framesBeforeContent), ...comments]))
    const answer = await gateway.call(dialect, sample.request({ model: "attempt", stream: true, text: marker }))
    expect(answer.text).toBe(vendorBytes(sample, true))
    expect(gateway.records.attempts(answer.requestId)[0]).toMatchObject({ timed_out: 1 })
    await (
      await first.arrival(marker)
    ).left
  })

  test.concurrent(`${dialect}: after first content the attempt's limit and the call's no longer count`, async () => {
    const marker = `long-${dialect}`
    const frames = sample.frames(["Hi", " this", " takes", " quite", " a", " while"])
    first.plan(
      marker,
      stream(
        frames.flatMap((frame, index) => (index < sample.framesBeforeContent ? [frame] : [frame, { waitMs: 110 }])),
      ),
    )
    const answer = await gateway.call(dialect, sample.request({ model: "attempt", stream: true, text: marker }))
    expect(answer.text).toBe(frames.join(""))
    expect(second.received(marker)).toEqual([])
  })

  test.concurrent(`${dialect}: silence longer than the limit ends a stream`, async () => {
    const marker = `silence-${dialect}`
    first.plan(marker, stream([...sample.frames().slice(0, sample.framesBeforeContent + 1), { end: "stall" }]))
    const answer = await gateway.call(dialect, sample.request({ model: "call", stream: true, text: marker }))
    expect(terminalsOf(dialect, answer.text)).toEqual([FAILURE_TERMINAL[dialect]])
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 504, error: "upstream-timeout" })
    await (
      await first.arrival(marker)
    ).left
  })

  for (const streamed of [false, true]) {
    test.concurrent(`${dialect}: the call's limit ends a ${streamed ? "streamed" : "unary"} call without an answer`, async () => {
      const marker = `never-${dialect}-${streamed}`
      first.plan(marker, stall)
      const answer = await gateway.call(dialect, sample.request({ model: "call", stream: streamed, text: marker }))
      expectError(answer, dialect, 504, "upstream-timeout")
      expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 504, error: "upstream-timeout" })
      await (
        await first.arrival(marker)
      ).left
    })
  }

  test.concurrent(`${dialect}: a slow head within the limits is waited for`, async () => {
    const marker = `slow-head-${dialect}`
    first.plan(marker, slowHead(sample.unary("slow")))
    const answer = await gateway.call(dialect, sample.request({ model: "attempt", text: marker }))
    expect(answer.text).toBe(sample.unary("slow"))
  })
}
