/** A contract's live figures: a target that misses them gets no calls until they are good again, and nobody waits for it. */
import { expect, test } from "bun:test"
import { reply, stall } from "../../helpers/behaviours.ts"
import { eventually, type Answer } from "../../helpers/client.ts"
import { targetsOf, type Config } from "../../helpers/config.ts"
import { rowsOf } from "../../helpers/decided.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream, type Behaviour } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES, SAMPLES, type Sample } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const slow: Behaviour = async (exchange) => {
  await Bun.sleep(900)
  await vendorAnswer("alpha")(exchange)
}
const down = reply("", { status: 500 })

interface House extends AsyncDisposable {
  readonly gateway: Gateway
  readonly alpha: FakeUpstream
  readonly beta: FakeUpstream
}

async function house(group: (config: Config) => Readonly<Record<string, unknown>>): Promise<House> {
  const alpha = (await FakeUpstream.start()).otherwise(vendorAnswer("alpha"))
  const beta = (await FakeUpstream.start()).otherwise(vendorAnswer("beta"))
  const gateway = await startGateway({
    upstreams: { alpha, beta },
    configure: (config) => {
      config.server["decision_telemetry"] = { enabled: true }
      config.models["default"] = { ...group(config) }
    },
  })
  const dispose = async (): Promise<void> => {
    await gateway[Symbol.asyncDispose]()
    await Promise.all([alpha.stop(), beta.stop()])
  }
  return { gateway, alpha, beta, [Symbol.asyncDispose]: dispose }
}

const call = (gateway: Gateway, sample: Sample): Promise<Answer> =>
  gateway.call(sample.dialect, sample.request({ text: "hello" }))
const calls = (gateway: Gateway, sample: Sample, count: number): Promise<readonly Answer[]> =>
  Promise.all(Array.from({ length: count }, () => call(gateway, sample)))
const rejections = (gateway: Gateway, answer: Answer): readonly unknown[] =>
  gateway.records
    .trace(answer.requestId)
    .filter(({ event }) => event === "target_rejected")
    .map(({ reason }) => reason)

for (const sample of ALL_SAMPLES) {
  test.concurrent(`${sample.dialect}: a target that gets slow is left out, and is back when its window has passed`, async () => {
    await using all = await house(() => ({
      strategy: "dynamic_score",
      contract: { operational_targets: { max_p95_latency_ms: 600 } },
      routing_policy: {
        dynamic_score: { min_observations: 5, observation_window_seconds: 1, exploration_percent: 0 },
      },
      targets: [...targetsOf(["alpha"], { weight: 50 }), ...targetsOf(["beta"], { weight: 1 })],
      affinity: { enabled: false },
    }))
    const { gateway, alpha } = all
    // beta's cold start ends as well
    for (let served = 0; served < 5;) if ((await call(gateway, sample)).text.includes("beta")) served += 1
    expect((await call(gateway, sample)).text).toContain("alpha")
    alpha.otherwise(slow)
    const left = await eventually("a call that leaves alpha out", async () => {
      const answers = await calls(gateway, sample, 5)
      expect(answers.every(({ status }) => status === 200)).toBe(true)
      return answers.find((answer) => answer.text.includes("beta"))
    })
    expect(rejections(gateway, left)).toContain("contract-operational-latency")
    alpha.otherwise(vendorAnswer("alpha"))
    await eventually("alpha's return", async () => {
      const answer = await call(gateway, sample)
      expect(answer.status).toBe(200)
      return answer.text.includes("alpha") ? true : undefined
    })
    // what it does now counts; as long as little of it was seen, one call of fifty goes to the other by weight
    const back = (await calls(gateway, sample, 10)).filter(({ text }) => text.includes("alpha"))
    expect(back.length).toBeGreaterThanOrEqual(8)
  })

  test(`${sample.dialect}: nothing is left but targets that fail: 503 for now, and nothing goes upstream`, async () => {
    await using all = await house(() => ({
      strategy: "failover",
      translation: "off",
      contract: { operational_targets: { max_error_rate: 0.5 } },
      targets: targetsOf(["alpha"]),
    }))
    const { gateway, alpha } = all
    alpha.otherwise(down)
    for (const { status } of await calls(gateway, sample, 20)) expect(status).toBe(502)
    const before = alpha.exchanges.length
    const answer = await call(gateway, sample)
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
  await using all = await house(() => ({
    strategy: "failover",
    translation: "off",
    attempt_timeout_ms: 50,
    contract: { operational_targets: { max_timeout_rate: 0.2 } },
    targets: [
      { provider: "alpha-chat", model_ref: "m1" },
      { provider: "beta-chat", model_ref: "m1", input_modalities: ["text"] },
      { provider: "beta-messages", model_ref: "m1", input_modalities: ["text"] },
    ],
  }))
  const { gateway, alpha } = all
  alpha.otherwise(stall)
  for (const { status } of await calls(gateway, SAMPLES.chat, 20)) expect(status).toBe(200)
  const next = await call(gateway, SAMPLES.chat)
  expect(next.text).toContain("beta")
  expect(gateway.records.usage(next.requestId)).toMatchObject([{ attempts: 1 }])
  expect(rejections(gateway, next)).toEqual(["contract-operational-timeout-rate"])
  const reasons = rowsOf(gateway.directory, "request_target_filter_reasons", next.requestId)
  expect(reasons.filter(({ provider }) => provider === "alpha-chat")).toMatchObject([
    { effect: "rejected", reason: "contract-operational-timeout-rate" },
  ])
  const image = { type: "image_url", image_url: { url: "https://example.com/x.png" } }
  const seen = { messages: [{ role: "user", content: [image] }] }
  // alpha takes images and may be well again, so waiting helps
  const later = await gateway.call("chat", SAMPLES.chat.request({ extra: seen }))
  expectError(later, "chat", 503, "no-eligible-target")
  const source = { type: "url", url: "https://example.com/x.png" }
  const messages = [{ role: "user", content: [{ type: "image", source }] }]
  const never = await gateway.call("messages", SAMPLES.messages.request({ extra: { messages } }))
  expectError(never, "messages", 400, "no-eligible-target")
  expect(never.headers.get("x-should-retry")).toBe("false")
})
