/** `dynamic_score` moves calls away from a target that gets worse, and back once it is well again. No call is lost by it. */
import { afterEach, expect, test } from "bun:test"
import { reply, stall, stream } from "../../helpers/behaviours.ts"
import type { Setup } from "../../helpers/config.ts"
import { targetsOf } from "../../helpers/config.ts"
import { FakeUpstream, type Behaviour } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { ALL_SAMPLES, SAMPLES, type Sample } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn, sampled } from "../../helpers/sample.ts"

const alpha = (await FakeUpstream.start()).otherwise(vendorAnswer("alpha"))
const beta = (await FakeUpstream.start()).otherwise(vendorAnswer("beta"))
let gateway: Gateway
const clock = new HeldClock()

afterEach(async () => {
  alpha.otherwise(vendorAnswer("alpha"))
  await gateway[Symbol.asyncDispose]()
})

const PATIENCE_MS = 5000

/** Only what the test is about moves calls: what a busy machine adds to an answer does not. */
const RELIABILITY = [{ name: "reliability", expression: "reliability_score" }]
const LATENCY = [{ name: "latency", expression: "latency_score" }]

interface Wishes {
  readonly explorationPercent?: number
  readonly windowSeconds?: number
  readonly policy?: Readonly<Record<string, unknown>>
  readonly alpha?: Readonly<Record<string, unknown>>
}

/** `alpha` is the favourite by weight, but not by so much that it could not lose its place. */
async function start(wishes: Wishes = {}): Promise<void> {
  const dynamic_score = {
    min_observations: 5,
    observation_window_seconds: wishes.windowSeconds ?? 600,
    exploration_percent: wishes.explorationPercent ?? 0,
    score_terms: RELIABILITY,
    ...wishes.policy,
  }
  const setup: Setup = {
    upstreams: { alpha, beta },
    configure: (config) => {
      config.models["default"] = {
        strategy: "dynamic_score",
        attempt_timeout_ms: PATIENCE_MS,
        routing_policy: { dynamic_score },
        targets: [...targetsOf(["alpha"], { weight: 1.5, ...wishes.alpha }), ...targetsOf(["beta"], { weight: 1 })],
      }
    },
  }
  gateway = await startGateway(setup, { clock })
}

/** Who serves the next calls. */
async function serve(sample: Sample, calls: number, streamed = false): Promise<readonly string[]> {
  const served: string[] = []
  for (let sent = 0; sent < calls; sent++) {
    const answer = await gateway.call(sample.dialect, sample.request({ text: "hello", stream: streamed }))
    expect(answer.status).toBe(200)
    served.push(answer.text.includes("alpha") ? "alpha" : "beta")
  }
  return served
}

function share(served: readonly string[], name: string): number {
  return served.filter((entry) => entry === name).length / served.length
}

/** Long enough that both targets are known. */
async function warmUp(sample: Sample, streamed = false): Promise<void> {
  const served = await serve(sample, 12, streamed)
  expect(share(served, "alpha")).toBeCloseTo(0.6, 1)
  expect(new Set(await serve(sample, 5, streamed))).toEqual(new Set(["alpha"]))
}

const slow: Behaviour = async (exchange) => {
  await clock.leap(60)
  await vendorAnswer("alpha")(exchange)
}
/** Longer than any call waits. */
const silent: Behaviour = async (exchange) => {
  await clock.leap(PATIENCE_MS)
  await exchange.left
}
const failing: Behaviour = async (exchange) => reply("", { status: 500 })(exchange)

for (const sample of drawn(ALL_SAMPLES)) {
  for (const streamed of sampled([false, true], 1)) {
    const kind = `${sample.dialect} ${streamed ? "streamed" : "unary"}`
    test(`${kind}: away from a target that fails, and every call is answered`, async () => {
      await start()
      await warmUp(sample, streamed)
      alpha.otherwise(failing)
      await serve(sample, 20, streamed)
      const before = alpha.exchanges.length
      expect(share(await serve(sample, 10, streamed), "beta")).toBe(1)
      expect(alpha.exchanges.length).toBe(before)
    })
  }
}

const troubles: readonly (readonly [string, Behaviour, boolean])[] = [
  ["times out", silent, false],
  ["answers nonsense", reply("<html>"), false],
  ["ends its streams early", stream([]), true],
]
test.each(troubles)("away from a target that %s", async (_, behaviour, streamed) => {
  await start()
  await warmUp(SAMPLES.chat, streamed)
  alpha.otherwise(behaviour)
  await serve(SAMPLES.chat, 15, streamed)
  expect(share(await serve(SAMPLES.chat, 8, streamed), "beta")).toBe(1)
})

test("away from a target that answers slowly", async () => {
  await start({ policy: { score_terms: LATENCY } })
  await serve(SAMPLES.chat, 12, true)
  alpha.otherwise(slow)
  await serve(SAMPLES.chat, 15, true)
  expect(share(await serve(SAMPLES.chat, 8, true), "beta")).toBe(1)
})

test("back to it once it is well again: a few calls keep looking", async () => {
  await start({ explorationPercent: 50, windowSeconds: 1 })
  await serve(SAMPLES.chat, 15)
  alpha.otherwise(failing)
  let served = await serve(SAMPLES.chat, 40)
  expect(share(served, "beta")).toBe(1)
  alpha.otherwise(vendorAnswer("alpha"))
  for (let round = 0; round < 100 && share(served, "alpha") < 0.5; round++) {
    await clock.leap(100)
    served = await serve(SAMPLES.chat, 20)
  }
  expect(share(served, "alpha")).toBeGreaterThanOrEqual(0.5)
})

test("callers' mistakes and departures do not count against a target", async () => {
  await start()
  await warmUp(SAMPLES.chat)
  const refusal = SAMPLES.chat.errorBody("max_tokens is too large", { type: "invalid_request_error" })
  alpha.plan("mistake", ...Array.from({ length: 10 }, () => reply(refusal, { status: 400 })))
  alpha.plan("leaving", ...Array.from({ length: 10 }, () => stall))
  for (let sent = 0; sent < 10; sent++) {
    const mistake = await gateway.call("chat", SAMPLES.chat.request({ text: "mistake" }))
    expect(mistake.status).toBe(400)
    const leaving = new AbortController()
    const gone = gateway.open("chat", SAMPLES.chat.request({ text: "leaving", stream: true }), {
      signal: leaving.signal,
    })
    const { left } = await alpha.arrival("leaving", sent + 1)
    leaving.abort()
    await gone.catch(() => undefined)
    await left
  }
  expect(share(await serve(SAMPLES.chat, 10), "alpha")).toBe(1)
})

test("a target that hangs from the start, with callers that leave, does not hold up the cold start", async () => {
  await start()
  alpha.plan("leaving", ...Array.from({ length: 30 }, () => stall))
  for (let sent = 0; sent < 16; sent++) {
    const leaving = new AbortController()
    const body = SAMPLES.chat.request({ text: "leaving", stream: true })
    const gone = gateway.open("chat", body, { signal: leaving.signal })
    const answered = gone.then((response) => response.text()).catch(() => undefined)
    // beta answers, alpha does not
    await Promise.race([answered, alpha.arrival("leaving", alpha.received("leaving").length + 1)])
    leaving.abort()
    await answered
    await Promise.all(alpha.received("leaving").map(({ left }) => left))
  }
  const { requestId } = await gateway.call("chat", SAMPLES.chat.request({ text: "hello" }))
  expect(gateway.records.trace(requestId)[0]?.reason).toBe("dynamic_score:scored")
})

test("a target beyond a threshold comes last, whatever its weight", async () => {
  await start({ policy: { thresholds: { max_error_rate: 0.2 }, min_observations: 2 }, alpha: { weight: 50 } })
  expect(share(await serve(SAMPLES.chat, 60), "alpha")).toBeGreaterThan(0.9)
  alpha.otherwise(failing)
  await serve(SAMPLES.chat, 30)
  expect(share(await serve(SAMPLES.chat, 10), "beta")).toBe(1)
})

test("the decision says how it came about", async () => {
  await start()
  const decisions: unknown[] = []
  for (let sent = 0; sent < 16; sent++) {
    const { requestId } = await gateway.call("chat", SAMPLES.chat.request({ text: "hello" }))
    decisions.push(gateway.records.trace(requestId)[0]?.reason)
  }
  expect([decisions[0], decisions.at(-1)]).toEqual(["dynamic_score:cold-start", "dynamic_score:scored"])
})
