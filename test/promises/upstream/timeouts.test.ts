/** Every wait for an upstream ends: the attempt's for first content or the whole body, the call's, and a stream's silence. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Step } from "../../helpers/behaviours.ts"
import { cutEvery, raw, slowHead, stall, stream } from "../../helpers/behaviours.ts"
import { eventually, readAnswer } from "../../helpers/client.ts"
import type { Setup } from "../../helpers/config.ts"
import { targetsOf } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { FAILURE_TERMINAL, terminalsOf } from "../../helpers/streams.ts"
import { vendorAnswer, vendorBytes } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

const clock = new HeldClock()
/** The attempt's own limit; the pauses below are shorter than it, their sum is longer. */
const ATTEMPT_MS = 4000
/** The call's limit, and a stream's silence; found out to a quarter of a second. */
const CALL_MS = 9000
const CALL_IS_OVER_MS = CALL_MS + 250

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const setup: Setup = {
    upstreams: { first, second },
    configure: (config) => {
      config.server["upstream"] = { timeout_ms: CALL_MS }
      config.models = {
        attempt: { strategy: "failover", attempt_timeout_ms: ATTEMPT_MS, targets: targetsOf(["first", "second"]) },
        call: { strategy: "failover", targets: targetsOf(["first"]) },
      }
      config.callers = config.callers.map((caller) => ({ ...caller, allow: ["attempt", "call"] }))
    },
  }
  gateway = await startGateway(setup, { clock })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

const passing = (ms: number): Step => ({ wait: () => clock.advance(ms) })

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample

  test(`${dialect}: a body that trickles past the attempt's limit fails over`, async () => {
    const marker = `trickle-${dialect}`
    const body = sample.unary()
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
    const pieces = cutEvery(body, 20).flatMap((piece) => [piece, passing(1500)])
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

  test(`${dialect}: signs of life are not first content`, async () => {
    const marker = `alive-${dialect}`
    const comments = Array.from({ length: 20 }, () => [": still working\n\n", passing(1000)]).flat()
    first.plan(marker, stream([...sample.frames().slice(0, sample.framesBeforeContent), ...comments]))
    const answer = await gateway.call(dialect, sample.request({ model: "attempt", stream: true, text: marker }))
    expect(answer.text).toBe(vendorBytes(sample, true))
    expect(gateway.records.attempts(answer.requestId)[0]).toMatchObject({ timed_out: 1 })
    await (
      await first.arrival(marker)
    ).left
  })

  test(`${dialect}: after first content the attempt's limit and the call's no longer count`, async () => {
    const marker = `long-${dialect}`
    const words = ["Hi", " this", " takes", " quite", " a", " while"]
    const frames = sample.frames(words)
    let seen = ""
    // the client has each word before more time passes
    const steps = frames.flatMap((frame): readonly Step[] => {
      const word = words.find((one) => frame.includes(`"${one}"`))
      if (word === undefined) return [frame]
      const isThere = (): true | undefined => (seen.includes(`"${word}"`) ? true : undefined)
      return [frame, { wait: () => eventually(word, isThere) }, passing(0.9 * ATTEMPT_MS)]
    })
    expect(steps.length).toBe(frames.length + 2 * words.length)
    first.plan(marker, stream(steps))
    const response = await gateway.open(dialect, sample.request({ model: "attempt", stream: true, text: marker }))
    const answer = await readAnswer(response, (text) => (seen = text))
    expect(answer.text).toBe(frames.join(""))
    expect(second.received(marker)).toEqual([])
  })

  test(`${dialect}: silence longer than the limit ends a stream`, async () => {
    const marker = `silence-${dialect}`
    first.plan(marker, stream([...sample.frames().slice(0, sample.framesBeforeContent + 1), { end: "stall" }]))
    const response = await gateway.open(dialect, sample.request({ model: "call", stream: true, text: marker }))
    // the head comes with the first content
    const reading = readAnswer(response)
    await clock.advance(CALL_IS_OVER_MS)
    const answer = await reading
    expect(terminalsOf(dialect, answer.text)).toEqual([FAILURE_TERMINAL[dialect]])
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 504, error: "upstream-timeout" })
    await (
      await first.arrival(marker)
    ).left
  })

  for (const streamed of [false, true]) {
    test(`${dialect}: the call's limit ends a ${streamed ? "streamed" : "unary"} call without an answer`, async () => {
      const marker = `never-${dialect}-${streamed}`
      first.plan(marker, stall)
      const calling = gateway.call(dialect, sample.request({ model: "call", stream: streamed, text: marker }))
      await first.arrival(marker)
      await clock.advance(CALL_IS_OVER_MS)
      const answer = await calling
      expectError(answer, dialect, 504, "upstream-timeout")
      expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 504, error: "upstream-timeout" })
      await (
        await first.arrival(marker)
      ).left
    })
  }

  test(`${dialect}: a slow head within the limits is waited for`, async () => {
    const marker = `slow-head-${dialect}`
    first.plan(marker, slowHead(sample.unary("slow")))
    const answer = await gateway.call(dialect, sample.request({ model: "attempt", text: marker }))
    expect(answer.text).toBe(sample.unary("slow"))
  })
}
