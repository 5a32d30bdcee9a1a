/** A provider that asks for a pause gets it, where the configuration says so: its targets are tried last meanwhile. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import type { Setup } from "../../helpers/config.ts"
import { targetsOf } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import type { Dialect, Sample } from "../../helpers/samples.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

let first: FakeUpstream
let second: FakeUpstream

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
})

afterAll(async () => {
  for (const gateway of gateways.values()) await (await gateway)[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

const rule = (more: object = {}): object => ({
  enabled: true,
  min_backoff_ms: MINUTE_MS,
  max_backoff_ms: HOUR_MS,
  ...more,
})

/** Each for all dialects, whose providers are not the same, and so have pauses of their own. */
const gateways = new Map<string, Promise<Gateway>>()
const clock = new HeldClock()

/** Every provider of `first` has this block; two groups share it. `purpose`: what the router is for, and nothing else. */
async function gatewayWith(purpose: string, shape: object | null): Promise<Gateway> {
  const gateway = gateways.get(purpose) ?? startWith(shape)
  gateways.set(purpose, gateway)
  return gateway
}

async function startWith(shape: object | null): Promise<Gateway> {
  const setup: Setup = {
    upstreams: { first, second },
    configure: (config) => {
      for (const [name, provider] of Object.entries(config.providers))
        if (shape !== null && name.startsWith("first-")) provider["traffic_shape"] = { enabled: true, ...shape }
      const group = { strategy: "failover", targets: targetsOf(["first", "second"]) }
      config.models = { default: group, other: group, lone: { strategy: "static", targets: targetsOf(["first"]) } }
      config.callers = config.callers.map((caller) => ({ ...caller, allow: ["default", "other", "lone"] }))
    },
  }
  return startGateway(setup, { clock })
}

const tooMany = (sample: Sample, retryAfter?: string): Behaviour =>
  reply(sample.errorBody("slow down"), {
    status: 429,
    ...(retryAfter === undefined ? {} : { headers: { "Retry-After": retryAfter } }),
  })
const spent = (sample: Sample): Behaviour => reply(sample.errorBody("no credit"), { status: 402 })

function askedFirst(gateway: Gateway, requestId: string, dialect: Dialect): boolean {
  return gateway.records.attempts(requestId)[0]?.provider === `first-${dialect}`
}

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample
  const ask = async (gateway: Gateway, text: string, model = "default") =>
    gateway.call(dialect, sample.request({ model, text: `${text}-${dialect}-` }))

  test(`${dialect}: a 429 pauses the provider for Retry-After, in every group`, async () => {
    const gateway = await gatewayWith("Retry-After", { upstream_429_backoff: rule() })
    first.plan(`limited-${dialect}-`, tooMany(sample, "1800"))
    const limited = await ask(gateway, "limited")
    expect(limited.text).toBe(sample.unary("second"))
    expect(gateway.records.upstreamShapes(limited.requestId)).toMatchObject([
      {
        seq: 0,
        scope: "provider",
        provider: `first-${dialect}`,
        model_ref: "m1",
        model: "vendor/model-1",
        dialect: sample.configName,
        bucket: "adaptive_backoff",
        decision: "backoff",
        retry_after_ms: 1_800_000,
        backoff_reason: "rate_limited",
      },
    ])
    for (const model of ["default", "other"]) {
      const answer = await ask(gateway, "during", model)
      expect(askedFirst(gateway, answer.requestId, dialect)).toBe(false)
      const [row] = gateway.records.upstreamShapes(answer.requestId)
      expect(row).toMatchObject({ decision: "deferred", backoff_reason: "rate_limited" })
      expect(row?.retry_after_ms).toBe(1_800_000)
      expect(gateway.records.trace(answer.requestId)).toMatchObject([
        { event: "routing_decision" },
        { event: "target_deferred", reason: "rate-limited" },
      ])
    }
  })

  const bounded: readonly (readonly [name: string, more: object, header: string, expectedMs: number])[] = [
    ["longer than the bound", {}, "86400", HOUR_MS],
    ["shorter than the bound", {}, "1", MINUTE_MS],
    ["not to be honoured", { honor_retry_after: false }, "1800", MINUTE_MS],
  ]
  test.each(bounded)(`${dialect}: a Retry-After %s`, async (name, more, header, expectedMs) => {
    const gateway = await gatewayWith(name, { upstream_429_backoff: rule(more) })
    first.plan(`bounded-${dialect}-`, tooMany(sample, header))
    const answer = await ask(gateway, "bounded")
    expect(gateway.records.upstreamShapes(answer.requestId)[0]?.retry_after_ms).toBe(expectedMs)
  })

  test(`${dialect}: the quota's clock is another one`, async () => {
    const gateway = await gatewayWith("quota", {
      upstream_429_backoff: rule(),
      upstream_quota_backoff: rule({ min_backoff_ms: 10 * MINUTE_MS }),
    })
    const pauses = async (behave: Behaviour): Promise<unknown> => {
      first.plan(`clock-${dialect}-`, behave)
      const answer = await ask(gateway, "clock", "lone")
      const rows = gateway.records.upstreamShapes(answer.requestId).filter(({ decision }) => decision === "backoff")
      return rows.map((row) => [row.backoff_reason, row.retry_after_ms])
    }
    expect(await pauses(tooMany(sample))).toEqual([["rate_limited", MINUTE_MS]])
    expect(await pauses(spent(sample))).toEqual([["quota_exhausted", 10 * MINUTE_MS]])
    expect(await pauses(tooMany(sample))).toEqual([["rate_limited", 2 * MINUTE_MS]])
    expect(await pauses(spent(sample))).toEqual([["quota_exhausted", 20 * MINUTE_MS]])
  })

  test(`${dialect}: a pause ends by itself`, async () => {
    const gateway = await gatewayWith("end", { upstream_429_backoff: rule() })
    first.plan(`ending-${dialect}-`, tooMany(sample), vendorAnswer("first"))
    await ask(gateway, "ending")
    await clock.advance(MINUTE_MS - 1)
    expect((await ask(gateway, "ending")).text).toBe(sample.unary("second"))
    await clock.advance(1)
    expect((await ask(gateway, "ending")).text).toBe(sample.unary("first"))
  })

  test(`${dialect}: where every target pauses they are tried all the same, and a success ends the pause`, async () => {
    const gateway = await gatewayWith("success", { upstream_429_backoff: rule() })
    first.plan(`alone-${dialect}-`, tooMany(sample, "30"), vendorAnswer("first"))
    const limited = await ask(gateway, "alone", "lone")
    expectError(limited, dialect, 503, "upstream-rate-limited")
    expect(limited.headers.get("retry-after")).toBe("30")
    expect((await ask(gateway, "alone", "lone")).text).toBe(sample.unary("first"))
    const after = await ask(gateway, "alone")
    expect(askedFirst(gateway, after.requestId, dialect)).toBe(true)
    expect(gateway.records.upstreamShapes(after.requestId)).toEqual([])
  })

  test(`${dialect}: nothing pauses where the configuration does not say so`, async () => {
    for (const [purpose, shape] of [
      ["no block", null],
      ["off", { enabled: false, upstream_429_backoff: rule() }],
      ["another fault", { upstream_quota_backoff: rule() }],
    ] as const) {
      const gateway = await gatewayWith(purpose, shape)
      first.plan(`unasked-${dialect}-`, tooMany(sample, "1800"), vendorAnswer("first"))
      const limited = await ask(gateway, "unasked")
      expect(gateway.records.upstreamShapes(limited.requestId)).toEqual([])
      const answer = await ask(gateway, "unasked")
      expect(answer.text).toBe(sample.unary("first"))
    }
  })
}
