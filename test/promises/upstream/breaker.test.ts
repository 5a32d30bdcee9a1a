/** A target that fails is put behind the others, and comes back by one call at a time: nobody pays for its recovery. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test"
import type { Log } from "../../../src/system/log.ts"
import { reply, resetAtOnce, stall, stream } from "../../helpers/behaviours.ts"
import { eventually } from "../../helpers/client.ts"
import { targetsOf } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import type { Sample } from "../../helpers/samples.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const FAILURES = 3
const COOLDOWN_MS = 60_000

let first: FakeUpstream
let second: FakeUpstream
const clock = new HeldClock()
let gateway: Gateway
/** Warnings that are not about breakers. */
const BESIDE: ReadonlySet<string> = new Set(["a target has failed", "the event loop was held"])
let lines: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[]
let groups = 0

const log: Log = {
  info: (message, fields = {}) => void lines.push({ message, fields }),
  // each failure has a line of its own beside those of the breaker
  warn: (message, fields = {}) => void (BESIDE.has(message) || lines.push({ message, fields })),
  error: (message, fields = {}) => void lines.push({ message, fields }),
}

/** Breakers belong to a target of a group: each test has a group of its own. */
const GROUPS = Array.from({ length: 60 }, (_, index) => `group-${index}`)

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
  gateway = await startGateway(
    {
      upstreams: { first, second },
      configure: (config) => {
        config.server["breaker"] = { failures: FAILURES, window: "10m", cooldown: `${COOLDOWN_MS}ms` }
        const targets = targetsOf(["first", "second"])
        config.models = Object.fromEntries(GROUPS.map((name) => [name, { strategy: "failover", targets }]))
        config.callers = config.callers.map((caller) => ({ ...caller, allow: GROUPS }))
      },
    },
    { log, clock },
  )
})

beforeEach(() => {
  lines = []
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

function newGroup(): string {
  return GROUPS[groups++] ?? ""
}

async function fail(model: string, sample: Sample, behave: Behaviour, streamed = false): Promise<void> {
  first.plan(`fail-${model}-`, behave)
  for (let sent = 0; sent < FAILURES; sent++)
    await gateway.call(sample.dialect, sample.request({ model, stream: streamed, text: `fail-${model}-` }))
}

const unavailable = (sample: Sample): Behaviour => reply(sample.errorBody("no"), { status: 503 })

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample
  const broken = [...sample.frames().slice(0, sample.framesBeforeContent + 1), { end: "reset" } as const]
  const faults: readonly (readonly [name: string, behave: Behaviour, streamed: boolean])[] = [
    ["503", unavailable(sample), false],
    ["401", reply(sample.errorBody("no"), { status: 401 }), false],
    ["a reset", resetAtOnce, false],
    ["what is no answer", reply("<html>"), false],
    ["an error event before content", stream([sample.errorFrame]), true],
    ["a stream that breaks after content", stream(broken), true],
  ]
  test.each(faults)(`${dialect}: %s, ${FAILURES} times, puts the target last`, async (_name, behave, streamed) => {
    const model = newGroup()
    await fail(model, sample, behave, streamed)
    const answer = await gateway.call(dialect, sample.request({ model, text: `after-${model}-` }))
    expect(answer.text).toBe(sample.unary("second"))
    expect(first.received(`after-${model}-`)).toEqual([])
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({
      attempts: 1,
      target_provider: `second-${dialect}`,
    })
    expect(gateway.records.trace(answer.requestId).map(({ event, reason }) => [event, reason])).toContainEqual([
      "target_deferred",
      "breaker-open",
    ])
    expect(lines.map(({ message }) => message)).toEqual(["the breaker of a target has opened"])
    expect(lines[0]?.fields).toMatchObject({ group: model, provider: `first-${dialect}`, model: "vendor/model-1" })
  })

  const harmless: readonly (readonly [name: string, behave: Behaviour])[] = [
    ["a 400 about the request", reply(sample.errorBody("no"), { status: 400 })],
    ["a 413", reply(sample.errorBody("no"), { status: 413 })],
    ["a 403 that may be about content", reply(sample.errorBody("no"), { status: 403 })],
    ["a 429", reply(sample.errorBody("no"), { status: 429 })],
    ["a spent quota", reply(sample.errorBody("no"), { status: 402 })],
  ]
  test.each(harmless)(`${dialect}: %s never does`, async (_name, behave) => {
    const model = newGroup()
    await fail(model, sample, behave)
    first.plan(`after-${model}-`, vendorAnswer("first"))
    const answer = await gateway.call(dialect, sample.request({ model, text: `after-${model}-` }))
    expect(answer.text).toBe(sample.unary("first"))
    expect(lines).toEqual([])
  })

  test(`${dialect}: a client that leaves never does, before or after content`, async () => {
    const model = newGroup()
    const content = sample.frames().slice(0, sample.framesBeforeContent + 1)
    for (const behave of [stall, stall, stall, stream([...content, { end: "stall" }])]) {
      for (const streamed of [true, false]) {
        const text = `left-${model}-${first.exchanges.length}-`
        first.plan(text, behave)
        const control = new AbortController()
        const body = sample.request({ model, stream: streamed, text })
        const opened = gateway.open(dialect, body, { signal: control.signal }).catch(() => null)
        const arrived = await first.arrival(text)
        if (behave !== stall && streamed) await opened
        control.abort()
        await opened
        await arrived.left
      }
    }
    await eventually("all departures in the ledger", () =>
      gateway.records.usage().filter((row) => row.resolved_group === model && row.status === 499).length === 8
        ? true
        : undefined,
    )
    first.plan(`after-${model}-`, vendorAnswer("first"))
    const answer = await gateway.call(dialect, sample.request({ model, text: `after-${model}-` }))
    expect(answer.text).toBe(sample.unary("first"))
  })

  test(`${dialect}: where all are open they are tried all the same`, async () => {
    const model = newGroup()
    second.plan(`fail-${model}-`, unavailable(sample))
    await fail(model, sample, unavailable(sample))
    expect(lines.length).toBe(2)
    const failing = await gateway.call(dialect, sample.request({ model, text: `fail-${model}-` }))
    expectError(failing, dialect, 502, "upstream-failed")
    expect(gateway.records.attempts(failing.requestId).length).toBe(2)
    first.plan(`after-${model}-`, vendorAnswer("first"))
    const answer = await gateway.call(dialect, sample.request({ model, text: `after-${model}-` }))
    expect(answer.text).toBe(sample.unary("first"))
  })
}

test("of open targets the one whose cooldown ends first is tried first, whatever the strategy prefers", async () => {
  const sample = SAMPLES.chat
  const model = newGroup()
  // the first only limits its rate while the second opens
  second.plan(`fail-${model}-`, unavailable(sample))
  await fail(model, sample, reply(sample.errorBody("slow down"), { status: 429 }))
  await clock.advance(1000)
  await fail(model, sample, unavailable(sample))
  expect(lines.map(({ fields }) => fields["provider"])).toEqual(["second-chat", "first-chat"])
  const answer = await gateway.call("chat", sample.request({ model, text: `after-${model}-` }))
  expect(answer.text).toBe(sample.unary("second"))
  expect(first.received(`after-${model}-`)).toEqual([])
})

for (const streamed of [false, true]) {
  const kind = streamed ? "streamed" : "unary"
  const sample = SAMPLES.chat

  test(`50 calls at once, ${kind}: one probes, the others are served elsewhere meanwhile`, async () => {
    const model = newGroup()
    await fail(model, sample, unavailable(sample))
    const gate = Promise.withResolvers<void>()
    const held: Behaviour = async (exchange) => {
      await gate.promise
      await vendorAnswer("first")(exchange)
    }
    await clock.leap(COOLDOWN_MS)
    first.plan(`crowd-${model}-`, held)
    const body = sample.request({ model, stream: streamed, text: `crowd-${model}-` })
    const calls = Array.from({ length: 50 }, async () => gateway.call("chat", body))
    let served = 0
    for (const call of calls) void call.then(() => served++)
    await eventually("all but the probe are served", () => (served === 49 ? true : undefined))
    expect(first.received(`crowd-${model}-`).length).toBe(1)
    gate.resolve()
    const answers = await Promise.all(calls)
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    await eventually("the breaker has closed", () =>
      lines.some(({ message }) => message === "the breaker of a target has closed") ? true : undefined,
    )
    const after = await gateway.call("chat", sample.request({ model, text: `crowd-${model}-` }))
    expect(after.text).toBe(sample.unary("first"))
  })

  test(`${kind}: a probe that fails is cured like any attempt, and the target stays behind`, async () => {
    const model = newGroup()
    await fail(model, sample, unavailable(sample))
    await clock.leap(COOLDOWN_MS)
    const body = sample.request({ model, stream: streamed, text: `fail-${model}-` })
    const probe = await gateway.call("chat", body)
    expect(probe.status).toBe(200)
    expect(gateway.records.attempts(probe.requestId).map(({ error_class }) => error_class)).toEqual([
      "server_error",
      null,
    ])
    expect(gateway.records.trace(probe.requestId).map(({ event }) => event)).toContain("target_probed")
    expect(lines.map(({ message }) => message)).toEqual(["the breaker of a target has opened"])
  })

  test(`${kind}: a probe does not hang on a silent target, even without an attempt timeout`, async () => {
    const model = newGroup()
    await fail(model, sample, unavailable(sample))
    await clock.leap(COOLDOWN_MS)
    first.plan(`silent-${model}-`, stall)
    const body = sample.request({ model, stream: streamed, text: `silent-${model}-` })
    const probing = gateway.call("chat", body)
    await first.arrival(`silent-${model}-`)
    await clock.leap(COOLDOWN_MS)
    const probe = await probing
    expect(probe.status).toBe(200)
    expect(gateway.records.attempts(probe.requestId)).toMatchObject([{ timed_out: 1 }, { selected: 1 }])
  })
}

test("a probe whose client leaves makes room for the next one", async () => {
  const sample = SAMPLES.chat
  const model = newGroup()
  await fail(model, sample, unavailable(sample))
  await clock.leap(COOLDOWN_MS)
  first.plan(`left-${model}-`, stall)
  const control = new AbortController()
  const body = sample.request({ model, stream: true, text: `left-${model}-` })
  const opened = gateway.open("chat", body, { signal: control.signal }).catch(() => null)
  const arrived = await first.arrival(`left-${model}-`)
  control.abort()
  await opened
  await arrived.left
  first.plan(`after-${model}-`, vendorAnswer("first"))
  const probe = await eventually("a call has probed", async () => {
    const answer = await gateway.call("chat", sample.request({ model, text: `after-${model}-` }))
    return answer.text === sample.unary("first") ? answer : undefined
  })
  expect(gateway.records.trace(probe.requestId).map(({ event }) => event)).toContain("target_probed")
})
