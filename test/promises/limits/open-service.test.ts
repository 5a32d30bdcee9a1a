/**
 * What a request leaves to the provider is reserved at its dearest, so that a budget in money holds whatever the provider
 * chooses: service tiers, speed, places, images of any size. Many calls at once, all admitted before one of them ends.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { unaryReporting, type Reported } from "../../helpers/reported.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { drawn } from "../../helpers/sample.ts"

const BUDGET_USD = 0.1
const IMAGE_TOKENS = 25_530
const CALLERS = 24

let upstream: FakeUpstream
let gateway: Gateway
const tokens = Array.from({ length: CALLERS }, (_, index) => newToken(`c${index}`))
let used = 0

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const factors = {
        service_tier_multipliers: { priority: 2 },
        speed_multipliers: { fast: 6 },
        inference_geo_multipliers: { us: 1.1 },
      }
      for (const dialect of DIALECTS) {
        const models = config.providers[`upstream-${dialect}`]!["models"] as Record<string, object>
        models["served"] = { ...models["m1"], ...factors }
        const prices = { input_price_per_million_usd: 3, output_price_per_million_usd: 15 }
        models["seen"] = { ...prices, model: "seen" }
        models["new"] = { ...prices, model: `new-${dialect}` }
        models["told"] = { ...prices, model: "told", max_image_tokens: IMAGE_TOKENS }
        for (const model of ["served", "seen", "new", "told"]) {
          const targets = [{ provider: `upstream-${dialect}`, model_ref: model }]
          config.models[`${dialect}-${model}`] = { strategy: "static", targets }
        }
      }
      const groups = Object.keys(config.models)
      for (const [index, token] of tokens.entries())
        config.callers.push(callerEntry(`c${index}`, token, groups, { spend: { day_usd: BUDGET_USD } }))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

interface Burst {
  readonly admitted: number
  readonly usd: number
}

/** So many calls of a caller of its own, all on their way at once. */
async function burst(
  dialect: Dialect,
  model: string,
  calls: number,
  extra: Readonly<Record<string, unknown>>,
  reported: Reported,
  target: Dialect = dialect,
): Promise<Burst> {
  const token = tokens[used++]!
  const gate = Promise.withResolvers<void>()
  const answer = reply(unaryReporting(target, reported))
  upstream.otherwise(async (exchange) => {
    await gate.promise
    await answer(exchange)
  })
  const before = upstream.exchanges.length
  let refused = 0
  const body = SAMPLES[dialect].request({ model: `${target}-${model}`, extra })
  const asked = Array.from({ length: calls }, async () => {
    const { status } = await gateway.call(dialect, body, { token })
    expect([200, 429]).toContain(status)
    if (status === 429) refused++
  })
  await eventually("all calls", () => (upstream.exchanges.length - before + refused === calls ? true : undefined))
  gate.resolve()
  await Promise.all(asked)
  const lines = at(JSON.parse((await get(gateway, "/v1/usage", { token })).text), "limits") as { used: number }[]
  return { admitted: upstream.exchanges.length - before, usd: lines[0]!.used }
}

const CAP: Readonly<Record<Dialect, Readonly<Record<string, unknown>>>> = {
  chat: { max_tokens: 300 },
  responses: { max_output_tokens: 300 },
  messages: { max_tokens: 300 },
}
/** As much output as the cap allows. */
const USAGE: Readonly<Record<Dialect, Readonly<Record<string, unknown>>>> = {
  chat: { prompt_tokens: 20, completion_tokens: 300 },
  responses: { input_tokens: 20, output_tokens: 300 },
  messages: { input_tokens: 20, output_tokens: 300 },
}

describe.each(drawn(DIALECTS))("%s", (dialect) => {
  const tier = (name: string): Reported =>
    dialect === "messages"
      ? { usage: { ...USAGE[dialect], service_tier: name } }
      : { usage: USAGE[dialect], more: { service_tier: name } }

  test("a service tier that the provider chooses", async () => {
    const { admitted, usd } = await burst(dialect, "served", 60, CAP[dialect], tier("priority"))
    expect(admitted).toBeGreaterThan(5)
    expect(usd).toBeGreaterThan(BUDGET_USD / 2)
    expect(usd).toBeLessThanOrEqual(BUDGET_USD)
  })

  test("a request that binds its provider to the plain tier reserves the plain price", async () => {
    const word = dialect === "messages" ? "standard_only" : "default"
    const asked = { ...CAP[dialect], service_tier: word, inference_geo: "global" }
    const { admitted, usd } = await burst(
      dialect,
      "served",
      60,
      asked,
      tier(dialect === "messages" ? "standard" : word),
    )
    expect(admitted).toBeGreaterThanOrEqual(20)
    expect(usd).toBeLessThanOrEqual(BUDGET_USD)
  })
})

test("a word that does not reach a target of another dialect binds nothing there", async () => {
  const asked = { ...CAP.chat, service_tier: "default", inference_geo: "global" }
  const reported = { usage: { ...USAGE.messages, service_tier: "priority", inference_geo: "us" } }
  const { admitted, usd } = await burst("chat", "served", 60, asked, reported, "messages")
  expect(admitted).toBeGreaterThan(5)
  expect(usd).toBeLessThanOrEqual(BUDGET_USD)
})

test("messages: speed that is asked for, in a place that the provider chooses", async () => {
  const usage = { ...USAGE.messages, speed: "fast", inference_geo: "us" }
  const asked = { ...CAP.messages, speed: "fast", service_tier: "standard_only" }
  const { admitted, usd } = await burst("messages", "served", 30, asked, { usage })
  expect(admitted).toBeGreaterThan(0)
  expect(usd).toBeLessThanOrEqual(BUDGET_USD)
})

const IMAGE = { url: "https://example.com/large.png" }
const SEEN = {
  max_tokens: 10,
  messages: [{ role: "user", content: [{ type: "image_url", image_url: IMAGE }] }],
}
const LARGE: Reported = { usage: { prompt_tokens: IMAGE_TOKENS, completion_tokens: 1 } }
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

function severalImages(dialect: Dialect): Readonly<Record<string, unknown>> {
  const part = {
    chat: { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
    responses: { type: "input_image", image_url: `data:image/png;base64,${PIXEL}` },
    messages: { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } },
  }[dialect]
  const said = [{ role: "user", content: [part, part, part] }]
  return dialect === "responses" ? { max_output_tokens: 16, input: said } : { max_tokens: 10, messages: said }
}

function inputOf(dialect: Dialect, count: number): Readonly<Record<string, unknown>> {
  return dialect === "chat" ? { prompt_tokens: count, completion_tokens: 1 } : { input_tokens: count, output_tokens: 1 }
}

describe("large images", () => {
  test("as large as the catalogue says", async () => {
    const { admitted, usd } = await burst("chat", "told", 8, SEEN, LARGE)
    expect(admitted).toBe(1)
    expect(usd).toBeLessThanOrEqual(BUDGET_USD)
  })

  test("of an unknown size: they are taken to be the largest, the first one too", async () => {
    const { admitted, usd } = await burst("chat", "seen", 8, SEEN, LARGE)
    expect(admitted).toBe(1)
    expect(usd).toBeLessThanOrEqual(BUDGET_USD)
  })

  for (const dialect of DIALECTS)
    test(`${dialect}: one call with several of them, before anything was seen`, async () => {
      const { admitted, usd } = await burst(dialect, "new", 8, severalImages(dialect), {
        usage: inputOf(dialect, 3 * IMAGE_TOKENS),
      })
      expect([admitted, usd]).toEqual([0, 0])
    })

  test("of a size that was seen before", async () => {
    const { admitted, usd } = await burst("chat", "seen", 8, SEEN, LARGE)
    expect(admitted).toBe(1)
    expect(usd).toBeLessThanOrEqual(BUDGET_USD)
  })
})
