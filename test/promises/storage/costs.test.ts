/** A call costs what the catalogue's prices at that time say, in whole nano-USD, split by disjoint counters. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import type { UsageRow } from "../../../src/ledger/record.ts"
import { reply } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      for (const provider of Object.values(config.providers)) {
        const priced = (provider["models"] as Readonly<Record<string, object>>)["m1"]
        const source = { pricing_source: "https://example.com/prices", pricing_updated_at: "2026-06-25" }
        const tier = { above_input_tokens: 1000, input_price_per_million_usd: 30, output_price_per_million_usd: 150 }
        provider["models"] = {
          m1: { ...priced, ...source },
          half: { model: "half", input_price_per_million_usd: 3 },
          tiered: { model: "tiered", ...priced, price_tiers: [tier] },
          seen: { model: "seen", ...priced, input_modalities: ["text", "image"], image_input_price_per_image_usd: 0.5 },
        }
      }
      for (const group of ["half", "tiered", "seen"]) {
        const targets = ALL_SAMPLES.map(({ dialect }) => ({ provider: `upstream-${dialect}`, model_ref: group }))
        config.models[group] = { strategy: "static", targets }
      }
      config.callers = config.callers.map((caller) => ({ ...caller, allow: ["default", "half", "tiered", "seen"] }))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** 1,000 fresh, 200 cached and 30 written input tokens and 7 output tokens, as each vendor says it. */
const USAGE: Readonly<Record<Dialect, unknown>> = {
  chat: {
    prompt_tokens: 1230,
    completion_tokens: 7,
    total_tokens: 1237,
    prompt_tokens_details: { cached_tokens: 200, cache_write_tokens: 30 },
    completion_tokens_details: { reasoning_tokens: 5 },
  },
  responses: {
    input_tokens: 1230,
    output_tokens: 7,
    total_tokens: 1237,
    input_tokens_details: { cached_tokens: 200, cache_write_tokens: 30 },
    output_tokens_details: { reasoning_tokens: 5 },
  },
  messages: {
    input_tokens: 1000,
    cache_read_input_tokens: 200,
    cache_creation_input_tokens: 30,
    cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
    output_tokens: 7,
    output_tokens_details: { thinking_tokens: 5 },
  },
}

async function rowOf(
  dialect: Dialect,
  group: string,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<UsageRow> {
  const sample = ALL_SAMPLES.find((candidate) => candidate.dialect === dialect)!
  const body = JSON.parse(sample.unary()) as Readonly<Record<string, unknown>>
  upstream.otherwise(reply(JSON.stringify({ ...body, usage: USAGE[dialect] })))
  const answer = await gateway.call(dialect, sample.request({ model: group, extra }))
  expect(answer.status).toBe(200)
  return gateway.records.usage(answer.requestId)[0]!
}

for (const { dialect } of drawn(ALL_SAMPLES)) {
  const writes = dialect === "messages" ? 10 * 3750 + 20 * 6000 : 30 * 3750

  test(`${dialect}: every component has its price, and the row keeps the prices`, async () => {
    expect(await rowOf(dialect, "default")).toMatchObject({
      input_tokens: 1230,
      fresh_input_tokens: 1000,
      cached_input_tokens: 200,
      output_tokens: 7,
      reasoning_tokens: 5,
      input_price_nano_usd_per_million: 3e9,
      cached_input_price_nano_usd_per_million: 0.3e9,
      cache_write_price_nano_usd_per_million: 3.75e9,
      cache_write_1h_price_nano_usd_per_million: 6e9,
      output_price_nano_usd_per_million: 15e9,
      input_cost_nano_usd: 1000 * 3000,
      cached_input_cost_nano_usd: 200 * 300,
      cache_write_cost_nano_usd: writes,
      output_cost_nano_usd: 7 * 15_000,
      total_cost_nano_usd: 1000 * 3000 + 200 * 300 + writes + 7 * 15_000,
      pricing_source: "https://example.com/prices",
      pricing_updated_at: "2026-06-25",
      usage_source: "provider",
    })
  })

  test(`${dialect}: an unknown price makes the cost unknown, never zero`, async () => {
    expect(await rowOf(dialect, "half")).toMatchObject({
      input_cost_nano_usd: 1000 * 3000,
      output_price_nano_usd_per_million: null,
      output_cost_nano_usd: null,
      total_cost_nano_usd: null,
    })
  })

  test(`${dialect}: above a tier's bound its prices count`, async () => {
    expect(await rowOf(dialect, "tiered")).toMatchObject({
      input_price_nano_usd_per_million: 30e9,
      input_cost_nano_usd: 1000 * 30_000,
      output_cost_nano_usd: 7 * 150_000,
    })
  })
}

const URL = "https://example.com/cat.png"
const IMAGES: Readonly<Record<Dialect, Readonly<Record<string, unknown>>>> = {
  chat: {
    messages: [{ role: "user", content: [1, 2].map(() => ({ type: "image_url", image_url: { url: URL } })) }],
  },
  responses: { input: [{ role: "user", content: [1, 2].map(() => ({ type: "input_image", image_url: URL })) }] },
  messages: {
    messages: [{ role: "user", content: [1, 2].map(() => ({ type: "image", source: { type: "url", url: URL } })) }],
  },
}

for (const { dialect } of drawn(ALL_SAMPLES)) {
  test(`${dialect}: images of a request are counted, and cost on top where the model has a price for them`, async () => {
    const without = await rowOf(dialect, "seen")
    expect(without).toMatchObject({ input_has_image: 0, input_image_count: 0, image_cost_nano_usd: 0 })
    const row = await rowOf(dialect, "seen", IMAGES[dialect])
    expect(row).toMatchObject({ input_has_image: 1, input_image_count: 2, image_cost_nano_usd: 1_000_000_000 })
    expect(row.total_cost_nano_usd).toBe(without.total_cost_nano_usd! + 1_000_000_000)
  })
}
