/** Equal calls of one caller at one time ask the upstream once; whoever leaves takes nothing from the others. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { cacheable, cacheOf, caching } from "../../helpers/caching.ts"
import { eventually } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { FakeUpstream, type Behaviour } from "../../helpers/fake-upstream.ts"
import { untilGauge } from "../../helpers/gauge.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { groupOf } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

const other = newToken("other")
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { far: upstream },
    configure: (config) => {
      caching(config, ["far"], { streams: true })
      config.models["for-all"] = { ...config.models[groupOf("far", "chat")], cache: "shared" }
      config.callers.push(callerEntry("other", other, []))
      config.callers = config.callers.map((caller) => ({
        ...caller,
        allow: Object.keys(config.models),
        metrics_admin: true,
      }))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** Answers when the gate opens. */
function gated(answer: Behaviour): { readonly behaviour: Behaviour; open(): void } {
  const gate = Promise.withResolvers<void>()
  return {
    behaviour: async (exchange) => {
      await gate.promise
      await answer(exchange)
    },
    open: () => gate.resolve(),
  }
}

/** So many calls wait for the answer of another one. */
const waiting = (count: number): Promise<void> => untilGauge("awaiting", count, gateway, gateway.token)

describe.each(drawn(DIALECTS))("%s", (dialect) => {
  const model = groupOf("far", dialect)
  const sample = SAMPLES[dialect]

  test("calls in every form and dialect wait for the first one's answer", async () => {
    const text = `one-flight-${dialect}`
    const gate = gated(reply(sample.unary("Once for all")))
    upstream.plan(text, gate.behaviour)
    const first = gateway.call(dialect, cacheable(dialect, { model, text }))
    await upstream.arrival(text)
    const others = [false, true, false, true].map((streamed) =>
      gateway.call(dialect, cacheable(dialect, { model, text, stream: streamed })),
    )
    await waiting(4)
    gate.open()
    expect(cacheOf(await first)).toBe("miss")
    for (const answer of await Promise.all(others)) {
      expect([answer.status, cacheOf(answer)]).toEqual([200, "hit"])
      expect(answer.text).toContain("Once for all")
    }
    expect(upstream.received(text)).toHaveLength(1)
  })

  test("a stream is waited for to its end", async () => {
    const text = `stream-flight-${dialect}`
    const gate = Promise.withResolvers<void>()
    const frames = sample.frames(["Once", " for all"])
    const cut = sample.framesBeforeContent + 1
    upstream.plan(text, stream([...frames.slice(0, cut), { until: gate.promise }, ...frames.slice(cut)]))
    const first = await gateway.open(dialect, cacheable(dialect, { model, text, stream: true }))
    const second = gateway.call(dialect, cacheable(dialect, { model, text }))
    await waiting(1)
    gate.resolve()
    await first.text()
    const answer = await second
    expect([answer.status, cacheOf(answer)]).toEqual([200, "hit"])
    expect(answer.text).toContain("Once for all")
    expect(upstream.received(text)).toHaveLength(1)
  })

  test("the first one leaves: the others get the answer that it asked for", async () => {
    const text = `leader-leaves-${dialect}`
    const gate = gated(reply(sample.unary("Still here")))
    upstream.plan(text, gate.behaviour)
    const leaving = new AbortController()
    const body = cacheable(dialect, { model, text })
    const first = gateway.call(dialect, body, { signal: leaving.signal }).catch(() => "left")
    const exchange = await upstream.arrival(text)
    const others = [gateway.call(dialect, body), gateway.call(dialect, body)]
    await waiting(2)
    leaving.abort()
    expect(await first).toBe("left")
    expect(exchange.gone).toBe(false)
    gate.open()
    for (const answer of await Promise.all(others)) expect([answer.status, cacheOf(answer)]).toEqual([200, "hit"])
    expect(upstream.received(text)).toHaveLength(1)
    const left = await eventually("the row of the one that left", () =>
      gateway.records.usage().find(({ resolved_group, status }) => resolved_group === model && status === 499),
    )
    // who left pays for what was made
    expect(left).toMatchObject({ cache: "miss", usage_source: "provider", attempts: 1 })
  })

  test("one that waits leaves: nothing changes for the rest", async () => {
    const text = `follower-leaves-${dialect}`
    const gate = gated(reply(sample.unary()))
    upstream.plan(text, gate.behaviour)
    const body = cacheable(dialect, { model, text })
    const first = gateway.call(dialect, body)
    await upstream.arrival(text)
    const leaving = new AbortController()
    const second = gateway.call(dialect, body, { signal: leaving.signal }).catch(() => "left")
    const third = gateway.call(dialect, body)
    await waiting(2)
    leaving.abort()
    expect(await second).toBe("left")
    await waiting(1)
    gate.open()
    expect([cacheOf(await first), cacheOf(await third)]).toEqual(["miss", "hit"])
    expect(upstream.received(text)).toHaveLength(1)
  })

  test("all leave: the upstream's request ends", async () => {
    const text = `all-leave-${dialect}`
    upstream.plan(text, (exchange) => exchange.left)
    const body = cacheable(dialect, { model, text })
    const leaving = [new AbortController(), new AbortController()]
    const calls = [gateway.call(dialect, body, { signal: leaving[0]!.signal }).catch(() => "left")]
    const exchange = await upstream.arrival(text)
    calls.push(gateway.call(dialect, body, { signal: leaving[1]!.signal }).catch(() => "left"))
    await waiting(1)
    leaving[0]!.abort()
    expect(await calls[0]).toBe("left")
    expect(exchange.gone).toBe(false)
    leaving[1]!.abort()
    await exchange.left
    expect(await Promise.all<unknown>(calls)).toEqual(["left", "left"])
  })

  test("the first one fails: each of the others asks for itself", async () => {
    const text = `leader-fails-${dialect}`
    const gate = gated(reply(sample.errorBody("no"), { status: 400 }))
    upstream.plan(text, gate.behaviour, reply(sample.unary()))
    const body = cacheable(dialect, { model, text })
    const first = gateway.call(dialect, body)
    await upstream.arrival(text)
    const others = [gateway.call(dialect, body), gateway.call(dialect, body)]
    await waiting(2)
    gate.open()
    expect((await first).status).toBe(400)
    for (const answer of await Promise.all(others)) expect([answer.status, cacheOf(answer)]).toEqual([200, "miss"])
    expect(upstream.received(text)).toHaveLength(3)
  })
})

test("another caller's call waits for nobody, also where answers are shared", async () => {
  const text = "other-caller"
  const gate = gated(reply(SAMPLES.chat.unary()))
  upstream.plan(text, gate.behaviour)
  const body = cacheable("chat", { model: "for-all", text })
  const mine = gateway.call("chat", body)
  await upstream.arrival(text)
  const theirs = gateway.call("chat", body, { token: other })
  await upstream.arrival(text, 2)
  gate.open()
  expect([cacheOf(await mine), cacheOf(await theirs)]).toEqual(["miss", "miss"])
  expect(cacheOf(await gateway.call("chat", body, { token: other }))).toBe("hit")
})

test("calls that ask for a fresh answer, or keep none, go alone", async () => {
  const text = "goes-alone"
  const gate = gated(reply(SAMPLES.chat.unary()))
  upstream.plan(text, gate.behaviour)
  const body = cacheable("chat", { model: groupOf("far", "chat"), text })
  const first = gateway.call("chat", body)
  await upstream.arrival(text)
  const others = ["no-cache", "no-store"].map((value) =>
    gateway.call("chat", body, { headers: { "cache-control": value } }),
  )
  await upstream.arrival(text, 3)
  gate.open()
  await first
  for (const answer of await Promise.all(others)) expect(cacheOf(answer)).toBe("bypass")
})
