/** Capacity that all callers share: what a provider, a model or a target may not take now goes to the next target. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import type { Config, Setup } from "../../helpers/config.ts"
import { targetsOf } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const HALF_AN_HOUR_MS = 1_800_000
/** One call, and the next in half an hour. */
const ONCE = { enabled: true, request_start_per_sec: 1 / 1800, request_burst: 1 }
const GROUPS = ["default", "other"]

let first: FakeUpstream
let second: FakeUpstream

beforeAll(async () => {
  first = (await FakeUpstream.start()).otherwise(vendorAnswer("first"))
  second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
})

afterAll(async () => {
  for (const gateway of gateways.values()) await (await gateway)[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

/** Each for all dialects, whose providers are not the same, and so have buckets of their own. */
const gateways = new Map<string, Promise<Gateway>>()
const clock = new HeldClock()

/** `purpose`: what the router is for, and nothing else. */
async function gatewayWith(purpose: string, configure: (config: Config) => void): Promise<Gateway> {
  const gateway = gateways.get(purpose) ?? startWith(configure)
  gateways.set(purpose, gateway)
  return gateway
}

async function startWith(configure: (config: Config) => void): Promise<Gateway> {
  const setup: Setup = {
    upstreams: { first, second },
    configure: (config) => {
      const group = { strategy: "failover", targets: targetsOf(["first", "second"]) }
      config.models = Object.fromEntries(GROUPS.map((name) => [name, structuredClone(group)]))
      config.callers = config.callers.map((caller) => ({ ...caller, allow: GROUPS }))
      configure(config)
    },
  }
  return startGateway(setup, { clock })
}

type Place = "provider" | "provider_model" | "target"

/** Puts the block at one place of every target of the upstreams named so. */
function shape(config: Config, place: Place, block: object, upstreams = ["first"]): void {
  const isMeant = (name: unknown): boolean => upstreams.some((upstream) => String(name).startsWith(`${upstream}-`))
  for (const [name, provider] of Object.entries(config.providers)) {
    if (!isMeant(name)) continue
    if (place === "provider") provider["traffic_shape"] = block
    const models = provider["models"] as Record<string, Record<string, unknown>>
    if (place === "provider_model") models["m1"] = { ...models["m1"], traffic_shape: block }
  }
  if (place !== "target") return
  for (const group of Object.values(config.models))
    for (const target of group["targets"] as Record<string, unknown>[])
      if (isMeant(target["provider"])) target["traffic_shape"] = block
}

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample
  const ask = async (gateway: Gateway, model = "default", extra: Readonly<Record<string, unknown>> = {}) =>
    gateway.call(dialect, sample.request({ model, extra }))

  for (const place of ["provider", "provider_model", "target"] as const) {
    test(`${dialect}: a full ${place} is skipped for as long as it is full, and the next target is tried`, async () => {
      const gateway = await gatewayWith(place, (config) => shape(config, place, ONCE))
      expect((await ask(gateway)).text).toBe(sample.unary("first"))
      const skipped = await ask(gateway)
      expect(skipped.text).toBe(sample.unary("second"))
      expect(gateway.records.usage(skipped.requestId)[0]).toMatchObject({ attempts: 1, fallback_used: 0 })
      expect(gateway.records.trace(skipped.requestId).map(({ event }) => event)).toContain("target_throttled")
      const [row, ...others] = gateway.records.upstreamShapes(skipped.requestId)
      expect(others).toEqual([])
      expect(row).toMatchObject({ scope: place, bucket: "request_start", decision: "throttled", backoff_reason: null })
      expect(row?.total_reserved_tokens).toBe((row?.estimated_input_tokens ?? 0) + (row?.reserved_output_tokens ?? 0))
      // a target belongs to its group; providers and their models are shared by all groups
      expect((await ask(gateway, "other")).text).toBe(sample.unary(place === "target" ? "first" : "second"))
      await clock.leap(HALF_AN_HOUR_MS + 1)
      expect((await ask(gateway)).text).toBe(sample.unary("first"))
    })
  }

  test(`${dialect}: scopes are cumulative, and what refuses takes nothing from the others`, async () => {
    const gateway = await gatewayWith("cumulative", (config) => {
      shape(config, "provider", { ...ONCE, request_burst: 3 })
      shape(config, "target", ONCE)
    })
    expect((await ask(gateway)).text).toBe(sample.unary("first"))
    for (let refused = 0; refused < 5; refused++) {
      const answer = await ask(gateway)
      expect(gateway.records.upstreamShapes(answer.requestId)).toMatchObject([{ scope: "target" }])
    }
    expect((await ask(gateway, "other")).text).toBe(sample.unary("first"))
    const last = await ask(gateway, "other")
    expect(gateway.records.upstreamShapes(last.requestId)).toMatchObject([{ scope: "target" }])
  })

  test(`${dialect}: where all are full the caller is told when to come back, and nothing goes upstream`, async () => {
    const gateway = await gatewayWith("all", (config) => shape(config, "provider", ONCE, ["first", "second"]))
    await ask(gateway)
    await ask(gateway)
    const before = first.exchanges.length + second.exchanges.length
    const answer = await ask(gateway)
    expectError(answer, dialect, 503, "upstream-capacity-throttled")
    expect(answer.headers.get("retry-after")).toBe("60")
    const details = at(parsed(answer), "error", "details")
    expect(at(details, "target_count")).toBe(2)
    expect(at(details, "retry_after_ms")).toBeWithin(HALF_AN_HOUR_MS, HALF_AN_HOUR_MS + 2)
    expect(first.exchanges.length + second.exchanges.length).toBe(before)
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({
      status: 503,
      attempts: 0,
      error: "upstream-capacity-throttled",
    })
    expect(gateway.records.upstreamShapes(answer.requestId).length).toBe(2)
  })

  test(`${dialect}: a target that fails while the other is full is told as what it is`, async () => {
    const gateway = await gatewayWith("failing", (config) => shape(config, "provider", ONCE))
    await ask(gateway)
    second.plan(`failing-${dialect}`, reply(sample.errorBody("no"), { status: 500 }))
    const answer = await gateway.call(dialect, sample.request({ text: `failing-${dialect}` }))
    expectError(answer, dialect, 502, "upstream-failed")
  })

  test(`${dialect}: tokens are the estimated input, and the output's cap with it`, async () => {
    const tokens = { enabled: true, total_reserved_tokens_per_sec: 0.001, total_reserved_token_burst: 5000 }
    const gateway = await gatewayWith("tokens", (config) => shape(config, "provider", tokens))
    const cap = { [dialect === "responses" ? "max_output_tokens" : "max_tokens"]: 4000 }
    expect((await ask(gateway, "default", cap)).text).toBe(sample.unary("first"))
    const skipped = await ask(gateway, "default", cap)
    expect(skipped.text).toBe(sample.unary("second"))
    const [row] = gateway.records.upstreamShapes(skipped.requestId)
    expect(row).toMatchObject({ bucket: "total_reserved_tokens", reserved_output_tokens: 4000 })
    expect(row?.estimated_input_tokens).toBeGreaterThan(5)
    const small = { [dialect === "responses" ? "max_output_tokens" : "max_tokens"]: 10 }
    expect((await ask(gateway, "default", small)).text).toBe(sample.unary("first"))
  })
}

test("a hundred calls at once start no more than the burst", async () => {
  const gateway = await gatewayWith("burst", (config) => shape(config, "provider", { ...ONCE, request_burst: 7 }))
  const sample = ALL_SAMPLES[0]!
  const body = sample.request({ text: "burst-of-seven" })
  const answers = await Promise.all(Array.from({ length: 100 }, async () => gateway.call(sample.dialect, body)))
  expect(answers.every(({ status }) => status === 200)).toBe(true)
  expect(first.received("burst-of-seven").length).toBe(7)
})
