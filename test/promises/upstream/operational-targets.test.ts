/** A contract's live figures: a target that misses them gets no calls until they are good again, and nobody waits for it. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply, stall } from "../../helpers/behaviours.ts"
import { eventually, type Answer } from "../../helpers/client.ts"
import { targetsOf, type Setup } from "../../helpers/config.ts"
import { rowsOf } from "../../helpers/decided.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream, type Behaviour } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { ALL_SAMPLES, SAMPLES, type Sample } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const SLOW_MS = 900
const WINDOW_S = 10
const clock = new HeldClock()

const slow: Behaviour = async (exchange) => {
  await clock.leap(SLOW_MS)
  await vendorAnswer("alpha")(exchange)
}
const down = reply("", { status: 500 })

let gateway: Gateway
let alpha: FakeUpstream
let beta: FakeUpstream

/** Live figures belong to a target of a group: each test has a group, or the targets of a dialect in it. */
const MODELS = {
  scored: {
    strategy: "dynamic_score",
    contract: { operational_targets: { max_p95_latency_ms: 600 } },
    routing_policy: {
      dynamic_score: { min_observations: 5, observation_window_seconds: WINDOW_S, exploration_percent: 0 },
    },
    targets: [...targetsOf(["alpha"], { weight: 5 }), ...targetsOf(["beta"], { weight: 1 })],
    affinity: { enabled: false },
  },
  failing: {
    strategy: "failover",
    translation: "off",
    contract: { operational_targets: { max_error_rate: 0.5 } },
    targets: targetsOf(["alpha"]),
  },
  fixed: {
    strategy: "failover",
    translation: "off",
    attempt_timeout_ms: 50,
    contract: { operational_targets: { max_timeout_rate: 0.2 } },
    targets: [
      { provider: "alpha-chat", model_ref: "m1" },
      { provider: "beta-chat", model_ref: "m1", input_modalities: ["text"] },
      { provider: "beta-messages", model_ref: "m1", input_modalities: ["text"] },
    ],
  },
} as const

beforeAll(async () => {
  alpha = (await FakeUpstream.start()).otherwise(vendorAnswer("alpha"))
  beta = (await FakeUpstream.start()).otherwise(vendorAnswer("beta"))
  const setup: Setup = {
    upstreams: { alpha, beta },
    configure: (config) => {
      config.server["decision_telemetry"] = { enabled: true }
      config.models = structuredClone(MODELS)
      config.callers[0] = { ...config.callers[0], allow: Object.keys(MODELS) }
    },
  }
  gateway = await startGateway(setup, { clock })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([alpha.stop(), beta.stop()])
})

const call = (model: keyof typeof MODELS, sample: Sample): Promise<Answer> =>
  gateway.call(sample.dialect, sample.request({ model, text: `${model}-${sample.dialect}-` }))
const calls = (model: keyof typeof MODELS, sample: Sample, count: number): Promise<readonly Answer[]> =>
  Promise.all(Array.from({ length: count }, () => call(model, sample)))
const rejections = (answer: Answer): readonly unknown[] =>
  gateway.records
    .trace(answer.requestId)
    .filter(({ event }) => event === "target_rejected")
    .map(({ reason }) => reason)

for (const sample of drawn(ALL_SAMPLES)) {
  test(`${sample.dialect}: a target that gets slow is left out, and is back when its window has passed`, async () => {
    // beta's cold start ends as well
    for (let served = 0; served < 5;) if ((await call("scored", sample)).text.includes("beta")) served += 1
    expect((await call("scored", sample)).text).toContain("alpha")
    alpha.plan(`scored-${sample.dialect}-`, slow)
    const left = await eventually("a call that leaves alpha out", async () => {
      const answers = await calls("scored", sample, 5)
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
      return answers.find((answer) => answer.text.includes("beta"))
    })
    expect(rejections(left)).toContain("contract-operational-latency")
    expect((await call("scored", sample)).text).toContain("beta")
    alpha.plan(`scored-${sample.dialect}-`, vendorAnswer("alpha"))
    await clock.leap(2 * WINDOW_S * 1000)
    for (const { text } of await calls("scored", sample, 10)) expect(text).toContain("alpha")
  })

  test(`${sample.dialect}: nothing is left but targets that fail: 503 for now, and nothing goes upstream`, async () => {
    alpha.plan(`failing-${sample.dialect}-`, down)
    for (const { status } of await calls("failing", sample, 20)) expect(status).toBe(502)
    const before = alpha.exchanges.length
    const answer = await call("failing", sample)
    expectError(answer, sample.dialect, 503, "no-eligible-target")
    expect(answer.headers.get("retry-after")).toBe("25")
    expect(answer.headers.get("x-should-retry")).toBeNull()
    const details = at(parsed(answer), "error", "details")
    expect(at(details, "requirements")).toContain("contract-operational-error-rate")
    expect(JSON.stringify(at(details, "rejected"))).toContain("contract-operational-error-rate")
    expect(at(details, "hint")).toContain("contract.operational_targets.max_error_rate")
    expect(alpha.exchanges.length).toBe(before)
    expect(gateway.records.usage(answer.requestId)).toMatchObject([
      { status: 503, error: "no-eligible-target", attempts: 0 },
    ])
  })
}

test("a fixed order goes on with the next; what the call itself lacks stays 400 where live figures have no part in it", async () => {
  alpha.plan("fixed-chat-", stall)
  const hanging = calls("fixed", SAMPLES.chat, 20)
  await alpha.arrival("fixed-chat-", 20)
  await clock.advance(50)
  for (const { status } of await hanging) expect(status).toBe(200)
  const next = await call("fixed", SAMPLES.chat)
  expect(next.text).toContain("beta")
  expect(gateway.records.usage(next.requestId)).toMatchObject([{ attempts: 1 }])
  expect(rejections(next)).toEqual(["contract-operational-timeout-rate"])
  const reasons = rowsOf(gateway.directory, "request_target_filter_reasons", next.requestId)
  expect(reasons.filter(({ provider }) => provider === "alpha-chat")).toMatchObject([
    { effect: "rejected", reason: "contract-operational-timeout-rate" },
  ])
  const image = { type: "image_url", image_url: { url: "https://example.com/x.png" } }
  const seen = { messages: [{ role: "user", content: [image] }] }
  // alpha takes images and may be well again, so waiting helps
  const later = await gateway.call("chat", SAMPLES.chat.request({ model: "fixed", extra: seen }))
  expectError(later, "chat", 503, "no-eligible-target")
  const source = { type: "url", url: "https://example.com/x.png" }
  const messages = [{ role: "user", content: [{ type: "image", source }] }]
  const never = await gateway.call("messages", SAMPLES.messages.request({ model: "fixed", extra: { messages } }))
  expectError(never, "messages", 400, "no-eligible-target")
  expect(never.headers.get("x-should-retry")).toBe("false")
})
