/** A client that asked for a stream hears something within 15 s, whatever its targets do, and they may still fail over. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { accumulate } from "../../helpers/accumulate.ts"
import { reply, stall, stream, type Step } from "../../helpers/behaviours.ts"
import { eventually, readAnswer, type Answer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { FAILURE_TERMINAL, framesOf, SUCCESS_TERMINAL, terminalsOf } from "../../helpers/streams.ts"
import { ALL_PAIRS, EVERYTHING, allowAll, groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway
const clock = new HeldClock()
const HEARD_WITHIN_MS = 15_000
const SILENCE_MS = 40_000

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway(
    {
      upstreams: { first, second },
      configure: (config) => {
        config.server["upstream"] = { silence_timeout_ms: SILENCE_MS }
        translating(config, ["first", "second"])
        for (const client of DIALECTS)
          for (const target of DIALECTS)
            config.models[`${client}-over-${target}`] = {
              strategy: "static",
              attempt_timeout_ms: 60_000,
              targets: ["first", "second"].map((name) => ({
                provider: `${name}-${target}`,
                model_ref: "m1",
                ...EVERYTHING,
              })),
            }
        allowAll(config)
      },
    },
    { clock },
  )
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

/** Before the answer has begun, a Responses client understands comments only. */
function signsIn(client: Dialect, text: string): number {
  return framesOf(text).filter(({ event, data, text: frame }) =>
    client === "messages" ? event === "ping" : data === undefined && frame.startsWith(":"),
  ).length
}

interface Asked {
  readonly response: Promise<Response>
  readonly answer: Promise<Answer>
  readonly heard: () => number
}

function ask(client: Dialect, model: string, marker: string): Asked {
  let seen = 0
  const response = gateway.open(client, SAMPLES[client].request({ model, stream: true, text: marker }))
  const answer = response.then((got) => readAnswer(got, (text) => void (seen = signsIn(client, text))))
  return { response, answer, heard: () => seen }
}

/** A call whose client has heard `count` signs of life, each within its time. */
async function bridged(client: Dialect, model: string, marker: string, count: number): Promise<Asked> {
  const asked = ask(client, model, marker)
  await first.arrival(marker)
  for (let sign = 1; sign <= count; sign += 1) {
    await clock.advance(HEARD_WITHIN_MS)
    await eventually(`sign of life ${sign}`, () => (asked.heard() >= sign ? true : undefined))
  }
  expect((await asked.response).status).toBe(200)
  return asked
}

const until = (wait: Promise<unknown>): Step => ({ until: wait })

test.each(drawn(ALL_PAIRS, 3))(
  "%s client, %s target: an upstream that is silent from the start",
  async (client, target) => {
    const marker = `mute <${client} ${target}>`
    const silence = Promise.withResolvers<void>()
    first.plan(marker, async (exchange) => {
      await Promise.race([silence.promise, exchange.left])
      await stream([...SAMPLES[target].frames()])(exchange)
    })
    const { answer } = await bridged(client, groupOf("first", target), marker, 3)
    silence.resolve()
    const { text, bytes, broken, requestId } = await answer
    expect({ broken, ends: terminalsOf(client, text) }).toEqual({ broken: false, ends: [SUCCESS_TERMINAL[client]] })
    expect(JSON.stringify(await accumulate(client, bytes))).toContain("Hi there")
    if (client === target) expect(text).toEndWith(SAMPLES[target].frames().join(""))
    expect(gateway.records.usage(requestId)[0]).toMatchObject({ status: 200, error: null, usage_source: "provider" })
  },
)

test.each(drawn(ALL_PAIRS, 3))(
  "%s client, %s target: pings of the upstream are life for far longer than a silence may last",
  async (client, target) => {
    const marker = `pings <${client} ${target}>`
    const frames = SAMPLES[target].frames()
    const before = SAMPLES[target].framesBeforeContent
    const gates = Array.from({ length: 8 }, () => Promise.withResolvers<void>())
    const ping = target === "messages" ? 'event: ping\ndata: {"type":"ping"}\n\n' : ": ping\n\n"
    first.plan(
      marker,
      stream([
        ...frames.slice(0, before),
        ...gates.flatMap(({ promise }) => [until(promise), ping]),
        ...frames.slice(before),
      ]),
    )
    const asked = await bridged(client, groupOf("first", target), marker, 1)
    const exchange = await first.arrival(marker)
    for (const gate of gates.slice(0, -1)) {
      const sent = exchange.sentBytes
      gate.resolve()
      await eventually("a ping", () => (exchange.sentBytes > sent ? true : undefined))
      await clock.advance(HEARD_WITHIN_MS)
    }
    gates.at(-1)?.resolve()
    const { text, broken } = await asked.answer
    expect({ broken, ends: terminalsOf(client, text) }).toEqual({ broken: false, ends: [SUCCESS_TERMINAL[client]] })
    expect(asked.heard()).toBeGreaterThanOrEqual(gates.length - 1)
  },
)

test.each(drawn(ALL_PAIRS, 3))(
  "%s client, %s target: behind the bridge the next target takes over",
  async (client, target) => {
    const marker = `over <${client} ${target}>`
    const silence = Promise.withResolvers<void>()
    const frames = SAMPLES[target].frames().slice(0, SAMPLES[target].framesBeforeContent)
    first.plan(marker, stream([...frames, until(silence.promise), { end: "reset" }]))
    const { answer } = await bridged(client, `${client}-over-${target}`, marker, 2)
    silence.resolve()
    const { text, bytes, requestId } = await answer
    expect(terminalsOf(client, text)).toEqual([SUCCESS_TERMINAL[client]])
    expect(JSON.stringify(await accumulate(client, bytes))).toContain("Hi there")
    expect(gateway.records.attempts(requestId).map(({ error_class, selected }) => [error_class, selected])).toEqual([
      ["stream_broken", 0],
      [null, 1],
    ])
  },
)

test.each(drawn(DIALECTS))("%s: behind the bridge a failure is the stream's one end", async (dialect) => {
  const marker = `fails <${dialect}>`
  first.plan(marker, stall)
  const { answer } = await bridged(dialect, groupOf("first", dialect), marker, 1)
  first.cut()
  const { text, broken, requestId } = await answer
  expect({ broken, ends: terminalsOf(dialect, text) }).toEqual({ broken: false, ends: [FAILURE_TERMINAL[dialect]] })
  expect(text).toContain("upstream-failed")
  expect(gateway.records.usage(requestId)[0]).toMatchObject({ status: 502, error: "upstream-failed" })
})

test.each(drawn(ALL_PAIRS, 3))(
  "%s client, %s target: behind the bridge a refusal ends the stream in the upstream's words",
  async (client, target) => {
    const marker = `refuses <${client} ${target}>`
    const silence = Promise.withResolvers<void>()
    const error = {
      type: "invalid_request_error",
      code: "context_length_exceeded",
      message: "maximum context length is 9 tokens",
    }
    first.plan(marker, async (exchange) => {
      await Promise.race([silence.promise, exchange.left])
      const body =
        target === "messages"
          ? { type: "error", error: { ...error, message: "prompt is too long: 9 tokens" } }
          : { error }
      await reply(JSON.stringify(body), { status: 400 })(exchange)
    })
    const { answer } = await bridged(client, groupOf("first", target), marker, 1)
    silence.resolve()
    const { text, requestId } = await answer
    expect(terminalsOf(client, text)).toEqual([FAILURE_TERMINAL[client]])
    expect(text).toContain("9 tokens")
    // by this word Codex compacts
    if (client === "responses") expect(text).toContain('"code":"context_length_exceeded"')
    expect(gateway.records.usage(requestId)[0]).toMatchObject({ status: 400, error: "invalid-request" })
  },
)

test.each(drawn(DIALECTS))("%s: a client that leaves the bridge ends the upstream's call", async (dialect) => {
  const marker = `leaves <${dialect}>`
  first.plan(marker, stall)
  const leaving = new AbortController()
  const body = SAMPLES[dialect].request({ model: groupOf("first", dialect), stream: true, text: marker })
  const response = gateway.open(dialect, body, { signal: leaving.signal })
  const exchange = await first.arrival(marker)
  await clock.advance(HEARD_WITHIN_MS)
  const requestId = (await response).headers.get("x-request-id") ?? ""
  leaving.abort()
  await exchange.left
  const [row] = await eventually("its row", () => {
    const rows = gateway.records.usage(requestId)
    return rows.length > 0 ? rows : undefined
  })
  expect(row).toMatchObject({ status: 499, error: "client-closed" })
})

test.each(drawn(DIALECTS))(
  "%s: a whole answer has nothing to be bridged with: it comes when it is there",
  async (dialect) => {
    const marker = `whole <${dialect}>`
    const silence = Promise.withResolvers<void>()
    first.plan(marker, async (exchange) => {
      await silence.promise
      await reply(SAMPLES[dialect].unary())(exchange)
    })
    let isAnswered = false
    const calling = gateway.call(dialect, SAMPLES[dialect].request({ model: groupOf("first", dialect), text: marker }))
    void calling.then(() => (isAnswered = true))
    await first.arrival(marker)
    await clock.advance(10 * HEARD_WITHIN_MS)
    expect(isAnswered).toBe(false)
    silence.resolve()
    expect((await calling).text).toBe(SAMPLES[dialect].unary())
  },
)
