/**
 * Vendors spell usage in many ways: rows hold the same counters of all of them and bill all of it, and the usage in a
 * client's answer adds up to the same in the client's own dialect. Unary and streamed, from clients of each dialect.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { UsageRow } from "../../../src/ledger/record.ts"
import { reply, stream } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { framesReporting, totalsOf, unaryReporting, type Reported } from "../../helpers/reported.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at, framesOf, jsonOf } from "../../helpers/streams.ts"
import { drawn, sampled } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

const NANO = { fresh: 3000, cached: 300, written: 3750, kept: 6000, output: 15_000 } as const
const MORE_PRICES = {
  image_input_price_per_million_tokens_usd: 100,
  audio_input_price_per_million_tokens_usd: 40,
  image_output_price_per_million_tokens_usd: 60,
  audio_output_price_per_million_tokens_usd: 80,
  service_tier_multipliers: { priority: 2, flex: 0.5 },
  speed_multipliers: { fast: 6 },
  inference_geo_multipliers: { us: 1.1 },
  hosted_tool_prices_usd: { web_search: 0.01, file_search: 0.0025, other: 0.02 },
}

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      for (const dialect of DIALECTS) {
        const models = config.providers[`upstream-${dialect}`]!["models"] as Record<string, object>
        models["priced"] = { ...models["m1"], ...MORE_PRICES }
        for (const model of ["m1", "priced"]) {
          const targets = [{ provider: `upstream-${dialect}`, model_ref: model }]
          config.models[`${dialect}-${model}`] = { strategy: "static", targets }
        }
      }
      config.callers[0]!["allow"] = Object.keys(config.models)
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

interface Case extends Reported {
  /** Of the upstream. */
  readonly dialect: Dialect
  readonly expected: Partial<UsageRow>
  /** Only in a stream: a unary answer has one report. */
  readonly isStreamed?: true
}

type Counts = readonly [fresh: number, cached: number, written: number, kept: number, output: number]

/** The counters of a row, and what they cost at the plain prices. */
function counters(...[fresh, cached, written, kept, output]: Counts): Partial<UsageRow> {
  return {
    ...counts(fresh, cached, written, kept, output),
    total_cost_nano_usd:
      fresh * NANO.fresh + cached * NANO.cached + written * NANO.written + kept * NANO.kept + output * NANO.output,
    cost_unknown_reason: null,
    usage_source: "provider",
  }
}

function counts(...[fresh, cached, written, kept, output]: Counts): Partial<UsageRow> {
  return {
    input_tokens: fresh + cached + written + kept,
    fresh_input_tokens: fresh,
    cached_input_tokens: cached,
    cache_write_5m_tokens: written,
    cache_write_1h_tokens: kept,
    output_tokens: output,
    total_tokens: fresh + cached + written + kept + output,
  }
}

const chat = (more: object, details?: object): Readonly<Record<string, unknown>> => ({
  prompt_tokens: 2000,
  completion_tokens: 50,
  total_tokens: 2050,
  ...(details === undefined ? {} : { prompt_tokens_details: details }),
  ...more,
})
const responses = (more: object, details?: object): Readonly<Record<string, unknown>> => ({
  input_tokens: 2000,
  output_tokens: 50,
  total_tokens: 2050,
  ...(details === undefined ? {} : { input_tokens_details: details }),
  ...more,
})
const messages = (more: object): Readonly<Record<string, unknown>> => ({
  input_tokens: 1000,
  output_tokens: 50,
  ...more,
})

const READ = counters(1800, 200, 0, 0, 50)
const WRITTEN = counters(111, 0, 1889, 0, 50)

/** What Chat and Responses call their caches: the same words, with the names of each dialect around them. */
function cacheWords(dialect: "chat" | "responses", report: typeof chat): Readonly<Record<string, Case>> {
  const named = (usage: Readonly<Record<string, unknown>>, expected: Partial<UsageRow>): Case => ({
    dialect,
    usage,
    expected,
  })
  return {
    "read: OpenAI": named(report({}, { cached_tokens: 200 }), READ),
    "read: DeepSeek": named(report({ prompt_cache_hit_tokens: 200, prompt_cache_miss_tokens: 1800 }), READ),
    "read: Moonshot, Hugging Face": named(report({ cached_tokens: 200 }), READ),
    "read: Mistral": named(report({ num_cached_tokens: 200 }), READ),
    "read: LiteLLM": named(report({ cache_read_input_tokens: 200 }), READ),
    "read: LiteLLM, and a zero in OpenAI's place": named(
      report({ cache_read_input_tokens: 200 }, { cached_tokens: 0 }),
      READ,
    ),
    "read: Bifrost": named(report({}, { cached_read_tokens: 200 }), READ),
    "written: OpenAI, OpenRouter": named(report({}, { cache_write_tokens: 1889 }), WRITTEN),
    "written: any-llm": named(report({}, { cache_creation_input_tokens: 1889 }), WRITTEN),
    "written: LiteLLM, beside the totals": named(report({ cache_creation_input_tokens: 1889 }), WRITTEN),
    "written: LiteLLM": named(report({}, { cache_creation_tokens: 1889 }), WRITTEN),
    "written: new-api": named(report({}, { cached_creation_tokens: 1889 }), WRITTEN),
    "written: Bifrost": named(report({}, { cached_write_tokens: 1889 }), WRITTEN),
    "read and written, in both places": named(
      report(
        { cache_read_input_tokens: 100, cache_creation_input_tokens: 300 },
        { cached_tokens: 100, cache_creation_tokens: 300 },
      ),
      counters(1600, 100, 300, 0, 50),
    ),
    "written for long: OpenAI": named(
      report({}, { cache_write_tokens: 300, cache_write_tokens_details: { ttl_30m_tokens: 100, ttl_12h_tokens: 200 } }),
      counters(1700, 0, 100, 200, 50),
    ),
    "written for long: LiteLLM": named(
      report(
        {},
        {
          cache_creation_tokens: 300,
          cache_creation_token_details: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
        },
      ),
      counters(1700, 0, 100, 200, 50),
    ),
    "a cache outside of the input, as the total says": named(
      report({ cache_read_input_tokens: 500, cache_creation_input_tokens: 3000, total_tokens: 2000 + 50 + 3500 }),
      counters(2000, 500, 3000, 0, 50),
    ),
    "more cache than input, which no total explains": named(
      report({}, { cached_tokens: 1500, cache_write_tokens: 1900 }),
      counters(0, 1500, 500, 0, 50),
    ),
  }
}

const CASES: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  "caches, in Chat": cacheWords("chat", chat),
  "caches, in Responses": cacheWords("responses", responses),
  reasoning: {
    "beside the completion: xAI": {
      dialect: "chat",
      usage: chat({ total_tokens: 2390, completion_tokens_details: { reasoning_tokens: 340 } }),
      expected: { ...counters(2000, 0, 0, 0, 390), reasoning_tokens: 340 },
    },
    "beside the completion, and as long as the cache: xAI": {
      dialect: "chat",
      usage: chat({ total_tokens: 2390, completion_tokens_details: { reasoning_tokens: 340 } }, { cached_tokens: 340 }),
      expected: { ...counters(1660, 340, 0, 0, 390), reasoning_tokens: 340 },
    },
    "nowhere but in the total: Gemini": {
      dialect: "chat",
      usage: { prompt_tokens: 4, completion_tokens: 9, total_tokens: 237 },
      expected: counters(4, 0, 0, 0, 233),
    },
    "nowhere but in the total, in Responses": {
      dialect: "responses",
      usage: { input_tokens: 4, output_tokens: 9, total_tokens: 237 },
      expected: counters(4, 0, 0, 0, 233),
    },
    "within the completion: OpenAI": {
      dialect: "chat",
      usage: chat({ completion_tokens_details: { reasoning_tokens: 40 } }),
      expected: { ...counters(2000, 0, 0, 0, 50), reasoning_tokens: 40 },
    },
  },
  "reports of a stream that say nothing": {
    "a last frame of zeros": {
      dialect: "chat",
      isStreamed: true,
      before: chat({}, { cached_tokens: 200 }),
      usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
      expected: READ,
    },
    "a last frame with an input of zero": {
      dialect: "chat",
      isStreamed: true,
      before: chat({ completion_tokens: 1, total_tokens: 2001 }, { cached_tokens: 200 }),
      usage: { prompt_tokens: 0, completion_tokens: 50, total_tokens: 50 },
      expected: READ,
    },
    "a delta with zeros for the input": {
      dialect: "messages",
      isStreamed: true,
      before: { input_tokens: 1000, cache_read_input_tokens: 500, cache_creation_input_tokens: 0, output_tokens: 1 },
      usage: { input_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0, output_tokens: 50 },
      expected: counters(1000, 500, 0, 0, 50),
    },
    "a delta with zeros for the input, and for the split of the cache": {
      dialect: "messages",
      isStreamed: true,
      before: {
        input_tokens: 1000,
        cache_creation_input_tokens: 300,
        cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
        output_tokens: 1,
      },
      usage: {
        input_tokens: 0,
        cache_creation_input_tokens: 0,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
        output_tokens: 50,
      },
      expected: counters(1000, 0, 100, 200, 50),
    },
    "a start of zeros, and a delta that counts": {
      dialect: "messages",
      isStreamed: true,
      before: { input_tokens: 0, output_tokens: 0 },
      usage: { input_tokens: 1000, output_tokens: 50 },
      expected: counters(1000, 0, 0, 0, 50),
    },
    "a delta whose input is all in the cache": {
      dialect: "messages",
      isStreamed: true,
      before: { input_tokens: 1000, output_tokens: 1 },
      usage: { input_tokens: 0, cache_read_input_tokens: 1000, output_tokens: 50 },
      expected: counters(0, 1000, 0, 0, 50),
    },
  },
  "rounds outside of the top level": {
    compaction: {
      dialect: "messages",
      usage: messages({
        input_tokens: 682,
        iterations: [
          { type: "compaction", input_tokens: 5000, cache_read_input_tokens: 300, output_tokens: 592 },
          { type: "message", input_tokens: 682, output_tokens: 50 },
        ],
      }),
      expected: counters(5682, 300, 0, 0, 642),
    },
    "an advisor, which is another model": {
      dialect: "messages",
      usage: messages({
        iterations: [
          { type: "message", input_tokens: 1000, output_tokens: 50 },
          { type: "advisor_message", model: "another", input_tokens: 70, output_tokens: 8 },
        ],
      }),
      expected: { ...counts(1070, 0, 0, 0, 58), total_cost_nano_usd: null, cost_unknown_reason: "models" },
    },
    "a credit for a fallback, which changes the bill": {
      dialect: "messages",
      usage: messages({ fallback_credit: { status: { type: "redeemed" } } }),
      expected: { ...counts(1000, 0, 0, 0, 50), total_cost_nano_usd: null, cost_unknown_reason: "models" },
    },
  },
}

async function answered(client: Dialect, isStream: boolean, { dialect, ...reported }: Case, model: string) {
  upstream.otherwise(isStream ? stream(framesReporting(dialect, reported)) : reply(unaryReporting(dialect, reported)))
  const answer = await gateway.call(client, SAMPLES[client].request({ model: `${dialect}-${model}`, stream: isStream }))
  expect(answer.status).toBe(200)
  return { answer, row: gateway.records.usage(answer.requestId)[0]! }
}

/** What the client was told in the end, in its own dialect. */
function toldUsage(client: Dialect, isStream: boolean, text: string): unknown {
  if (!isStream) return at(JSON.parse(text), "usage")
  const events = framesOf(text).map(jsonOf)
  if (client === "responses") return at(events.at(-1), "response", "usage")
  const reports = events.map((event) => at(event, "usage") ?? at(event, "message", "usage"))
  const known = reports.filter((report) => typeof report === "object" && report !== null)
  return client === "chat" ? known.at(-1) : Object.assign({}, ...known)
}

for (const [group, cases] of Object.entries(CASES))
  describe(group, () => {
    for (const [name, one] of Object.entries(cases))
      for (const client of drawn(DIALECTS))
        for (const isStream of [false, true]) {
          if (one.isStreamed === true && !isStream) continue
          test(`${name}; ${isStream ? "streamed" : "unary"}, to ${client}`, async () => {
            const { answer, row } = await answered(client, isStream, one, "m1")
            expect(row).toMatchObject(one.expected)
            // within a dialect bytes pass as they are
            if (client === one.dialect) return
            const told = totalsOf(client, toldUsage(client, isStream, answer.text))
            expect(told).toEqual({ input: row.input_tokens!, output: row.output_tokens! })
          })
        }
  })

const plain = 1000 * NANO.fresh + 50 * NANO.output

/** By model: with all prices, and with those of the usual counters alone. */
const BILLED: Readonly<Record<string, Case & { readonly without: Partial<UsageRow> }>> = {
  "images of the input": {
    dialect: "chat",
    usage: chat({ prompt_tokens: 1000, total_tokens: 1050 }, { image_tokens: 800 }),
    expected: {
      input_image_tokens: 800,
      input_cost_nano_usd: 200 * NANO.fresh,
      image_cost_nano_usd: 800 * 100_000,
      total_cost_nano_usd: plain - 800 * NANO.fresh + 800 * 100_000,
    },
    without: { input_image_tokens: 800, total_cost_nano_usd: plain },
  },
  sound: {
    dialect: "chat",
    usage: chat(
      { prompt_tokens: 1000, total_tokens: 1050, completion_tokens_details: { audio_tokens: 40 } },
      { audio_tokens: 900 },
    ),
    expected: {
      input_audio_tokens: 900,
      output_audio_tokens: 40,
      total_cost_nano_usd: 100 * NANO.fresh + 900 * 40_000 + 10 * NANO.output + 40 * 80_000,
    },
    without: { input_audio_tokens: 900, total_cost_nano_usd: null, cost_unknown_reason: "audio" },
  },
  "images of the output": {
    dialect: "chat",
    usage: chat({ prompt_tokens: 1000, total_tokens: 1050, completion_tokens_details: { image_tokens: 30 } }),
    expected: { output_image_tokens: 30, total_cost_nano_usd: plain - 30 * NANO.output + 30 * 60_000 },
    without: { output_image_tokens: 30, total_cost_nano_usd: null, cost_unknown_reason: "image-output" },
  },
  "more speed": {
    dialect: "messages",
    usage: messages({ speed: "fast" }),
    expected: { speed: "fast", total_cost_nano_usd: 6 * plain, input_price_nano_usd_per_million: 6 * 3e9 },
    without: { speed: "fast", total_cost_nano_usd: null, cost_unknown_reason: "speed" },
  },
  "the usual speed": {
    dialect: "messages",
    usage: messages({ speed: "standard", inference_geo: "global", service_tier: "standard" }),
    expected: { speed: null, inference_geo: null, total_cost_nano_usd: plain },
    without: { total_cost_nano_usd: plain },
  },
  "a place": {
    dialect: "messages",
    usage: messages({ inference_geo: "us" }),
    expected: { inference_geo: "us", total_cost_nano_usd: (11 * plain) / 10 },
    without: { inference_geo: "us", total_cost_nano_usd: null, cost_unknown_reason: "inference-geo" },
  },
  "a service tier, by the name that it has now": {
    dialect: "responses",
    usage: responses({ input_tokens: 1000, total_tokens: 1050 }),
    more: { service_tier: "fast" },
    expected: { service_tier: "fast", total_cost_nano_usd: 2 * plain },
    without: { service_tier: "fast", total_cost_nano_usd: null, cost_unknown_reason: "service-tier" },
  },
  "searches of Anthropic": {
    dialect: "messages",
    usage: messages({ server_tool_use: { web_search_requests: 5, web_fetch_requests: 2 } }),
    expected: { hosted_tool_uses: 7, hosted_tool_cost_nano_usd: 5e7, total_cost_nano_usd: plain + 5e7 },
    without: { hosted_tool_uses: 7, total_cost_nano_usd: null, cost_unknown_reason: "hosted-tool" },
  },
  "what Anthropic fetches": {
    dialect: "messages",
    usage: messages({ server_tool_use: { web_search_requests: 0, web_fetch_requests: 2 } }),
    expected: { hosted_tool_uses: 2, hosted_tool_cost_nano_usd: 0, total_cost_nano_usd: plain },
    without: { total_cost_nano_usd: plain },
  },
  "searches of OpenRouter": {
    dialect: "chat",
    usage: chat({
      prompt_tokens: 1000,
      total_tokens: 1050,
      server_tool_use_details: { tool_calls_executed: 2, tool_calls_requested: 2, web_search_requests: 2 },
      cost: 0.5,
      cost_details: { upstream_inference_prompt_cost: 0.2, upstream_inference_completions_cost: 0.25 },
    }),
    expected: {
      hosted_tool_uses: 2,
      total_cost_nano_usd: plain + 2e7,
      upstream_reported_total_cost_nano_usd: 5e8,
      upstream_reported_input_cost_nano_usd: 2e8,
      upstream_reported_output_cost_nano_usd: 2.5e8,
    },
    without: { total_cost_nano_usd: null, cost_unknown_reason: "hosted-tool" },
  },
  "an advisor of OpenRouter, which it does not name": {
    dialect: "chat",
    usage: chat({
      prompt_tokens: 1000,
      total_tokens: 1050,
      server_tool_use_details: { tool_calls_executed: 1, tool_calls_requested: 1 },
    }),
    expected: { hosted_tool_uses: 1, total_cost_nano_usd: plain + 2e7 },
    without: { total_cost_nano_usd: null, cost_unknown_reason: "hosted-tool" },
  },
  "searches of OpenAI, which bills fewer than it makes": {
    dialect: "responses",
    usage: responses({ input_tokens: 1000, total_tokens: 1050 }),
    more: {
      output: [{ type: "web_search_call" }, { type: "web_search_call" }, { type: "file_search_call" }],
      tool_usage: { web_search: { num_requests: 1 } },
    },
    expected: { hosted_tool_uses: 2, total_cost_nano_usd: plain + 1e7 + 2_500_000 },
    without: { total_cost_nano_usd: null, cost_unknown_reason: "hosted-tool" },
  },
  "what xAI executes": {
    dialect: "responses",
    usage: responses({
      input_tokens: 1000,
      total_tokens: 1050,
      num_server_side_tools_used: 3,
      server_side_tool_usage_details: { web_search_calls: 3, x_search_calls: 0, mcp_calls: 0 },
      cost_in_usd_ticks: 3e9,
    }),
    more: { output: [{ type: "web_search_call" }] },
    expected: {
      hosted_tool_uses: 3,
      total_cost_nano_usd: plain + 3e7,
      upstream_reported_total_cost_nano_usd: 3e8,
    },
    without: { total_cost_nano_usd: null, cost_unknown_reason: "hosted-tool" },
  },
}

for (const [name, { without, ...one }] of sampled(Object.entries(BILLED), 4))
  for (const isStream of [false, true]) {
    const how = isStream ? "streamed" : "unary"
    test(`${name}: billed at its price; ${how}`, async () => {
      expect((await answered(one.dialect, isStream, one, "priced")).row).toMatchObject({
        cost_unknown_reason: null,
        ...one.expected,
      })
    })
    test(`${name}: without a price; ${how}`, async () => {
      expect((await answered(one.dialect, isStream, one, "m1")).row).toMatchObject({
        cost_unknown_reason: null,
        ...without,
      })
    })
  }
