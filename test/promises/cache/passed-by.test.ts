/** What is not answered from the cache, and which answers are never kept; the row says why. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { cacheable, cacheOf, caching } from "../../helpers/caching.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { groupOf } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { far: upstream },
    configure: (config) => {
      caching(config, ["far"])
      config.models["off"] = { ...config.models[groupOf("far", "chat")], cache: "off" }
      config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** Asks twice; the upstream is asked twice as well. */
async function passesBy(dialect: Dialect, body: string, reason: string, headers = {}): Promise<void> {
  const before = upstream.exchanges.length
  for (const _ of [1, 2]) {
    const answer = await gateway.call(dialect, body, { headers })
    expect([answer.status, cacheOf(answer), answer.headers.get("age")]).toEqual([200, "bypass", null])
    expect(gateway.records.usage(answer.requestId)).toMatchObject([{ cache: "bypass", cache_reason: reason }])
  }
  expect(upstream.exchanges.length - before).toBe(2)
}

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
const SCHEMA = { type: "object", properties: {}, additionalProperties: false }

const REQUESTS: Readonly<Record<Dialect, Readonly<Record<string, Readonly<Record<string, unknown>>>>>> = {
  chat: {
    "cache-tool-request": { tools: [{ type: "function", function: { name: "look", parameters: SCHEMA } }] },
    "cache-image-request": {
      messages: [
        { role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } }] },
      ],
    },
    "cache-structured-output": { response_format: { type: "json_object" } },
    "cache-temperature": { temperature: 0.1 },
    "cache-stateful-request": { store: true },
    "cache-request-shape": { max_tokens: 5, max_completion_tokens: 6 },
  },
  responses: {
    "cache-tool-request": { tools: [{ type: "function", name: "look", parameters: SCHEMA, strict: true }] },
    "cache-image-request": {
      input: [{ role: "user", content: [{ type: "input_image", image_url: `data:image/png;base64,${PIXEL}` }] }],
    },
    "cache-structured-output": { text: { format: { type: "json_schema", name: "a", schema: SCHEMA } } },
    "cache-temperature": { temperature: null },
    "cache-stateful-request": { store: true },
    "cache-request-shape": { top_p: "0.5" },
  },
  messages: {
    "cache-tool-request": { tools: [{ name: "look", input_schema: SCHEMA }] },
    "cache-image-request": {
      messages: [
        {
          role: "user",
          content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } }],
        },
      ],
    },
    "cache-structured-output": { output_config: { format: { type: "json_schema", schema: SCHEMA } } },
    "cache-temperature": { temperature: 1 },
    "cache-request-shape": { stop_sequences: "no list" },
  },
}

describe.each(drawn(DIALECTS))("%s", (dialect) => {
  const model = groupOf("far", dialect)

  test.each(Object.entries(REQUESTS[dialect]))("%s", async (reason, extra) => {
    await passesBy(dialect, cacheable(dialect, { model, text: reason, extra }), reason)
  })

  test("a stream, unless streams are cached", async () => {
    await passesBy(dialect, cacheable(dialect, { model, text: "streamed", stream: true }), "cache-streaming")
  })

  test("a temperature that is not said", async () => {
    const { temperature: _, ...rest } = JSON.parse(cacheable(dialect, { model, text: "unsaid" })) as Record<
      string,
      unknown
    >
    await passesBy(dialect, JSON.stringify(rest), "cache-temperature")
  })

  test("a key that is said twice: nobody knows which one the upstream reads", async () => {
    const body = cacheable(dialect, { model, text: "doubled" })
    await passesBy(dialect, body.replace("{", '{"top_p":0.5,"top_p":1,'), "cache-request-shape")
    await passesBy(dialect, body.replace("{", '{"temperature":1,'), "cache-temperature")
  })

  test("no-cache asks for a fresh answer, which is kept", async () => {
    const body = cacheable(dialect, { model, text: "fresh" })
    const headers = { "cache-control": "max-age=5, No-Cache" }
    await passesBy(dialect, body, "cache-request-no-cache", headers)
    expect(cacheOf(await gateway.call(dialect, body))).toBe("hit")
  })

  test("no-store keeps nothing", async () => {
    const body = cacheable(dialect, { model, text: "unkept" })
    const headers = { "cache-control": "no-store" }
    await passesBy(dialect, body, "cache-request-no-store", headers)
    expect(cacheOf(await gateway.call(dialect, body))).toBe("miss")
    expect(cacheOf(await gateway.call(dialect, body, { headers }))).toBe("hit")
  })
})

test("a group without the cache says nothing of it", async () => {
  const body = cacheable("chat", { model: "off" })
  for (const _ of [1, 2]) {
    const answer = await gateway.call("chat", body)
    expect(cacheOf(answer)).toBeNull()
    expect(gateway.records.usage(answer.requestId)).toMatchObject([
      { cache: "off", cache_reason: null, cache_enabled: 0, cache_items: null },
    ])
  }
})

/** Answers that are right for this once. */
const UNKEPT: Readonly<Record<Dialect, Readonly<Record<string, (sample: string) => string>>>> = {
  chat: {
    cut: (sample) => sample.replace('"finish_reason":"stop"', '"finish_reason":"length"'),
    filtered: (sample) => sample.replace('"finish_reason":"stop"', '"finish_reason":"content_filter"'),
    refused: (sample) => sample.replace('"refusal":null', '"refusal":"I will not."'),
    unfinished: (sample) => sample.replace('"finish_reason":"stop"', '"finish_reason":null'),
    empty: (sample) => sample.replace('"content":"Hi there"', '"content":""'),
    "a call of a tool": (sample) =>
      sample
        .replace(
          '"content":"Hi there"',
          '"content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{}"}}]',
        )
        .replace('"finish_reason":"stop"', '"finish_reason":"tool_calls"'),
  },
  responses: {
    cut: (sample) =>
      sample
        .replace('"status":"completed","error"', '"status":"incomplete","error"')
        .replace('"incomplete_details":null', '"incomplete_details":{"reason":"max_output_tokens"}'),
    filtered: (sample) =>
      sample
        .replace('"status":"completed","error"', '"status":"incomplete","error"')
        .replace('"incomplete_details":null', '"incomplete_details":{"reason":"content_filter"}'),
    refused: (sample) => sample.replace(/\{"type":"output_text"[^}]*\}/, '{"type":"refusal","refusal":"I will not."}'),
  },
  messages: {
    cut: (sample) => sample.replace('"end_turn"', '"max_tokens"'),
    refused: (sample) => sample.replace('"end_turn"', '"refusal"'),
    paused: (sample) => sample.replace('"end_turn"', '"pause_turn"'),
  },
}

describe.each(drawn(DIALECTS))("an answer of %s is not kept", (dialect) => {
  test.each(Object.entries(UNKEPT[dialect]))("that is %s", async (what, change) => {
    const text = `unkept-${dialect}-${what.replaceAll(" ", "-")}`
    const sample = SAMPLES[dialect].unary()
    const changed = change(sample)
    expect(changed).not.toBe(sample)
    upstream.plan(text, reply(changed))
    const body = cacheable(dialect, { model: groupOf("far", dialect), text })
    for (const _ of [1, 2]) {
      const answer = await gateway.call(dialect, body)
      expect([answer.status, cacheOf(answer)]).toEqual([200, "miss"])
    }
    expect(upstream.received(text)).toHaveLength(2)
  })

  test("that is none", async () => {
    const text = `fails-${dialect}`
    const sample = SAMPLES[dialect]
    upstream.plan(text, reply(sample.errorBody("no"), { status: 400 }), reply(sample.unary()))
    const body = cacheable(dialect, { model: groupOf("far", dialect), text })
    const failed = await gateway.call(dialect, body)
    expect([failed.status, cacheOf(failed)]).toEqual([400, "miss"])
    expect(cacheOf(await gateway.call(dialect, body))).toBe("miss")
    expect(cacheOf(await gateway.call(dialect, body))).toBe("hit")
  })
})

test("a stream that broke off is not kept", async () => {
  await using streaming = await startGateway({
    upstreams: { far: upstream },
    configure: (config) => caching(config, ["far"], { streams: true }),
  })
  for (const dialect of DIALECTS) {
    const sample = SAMPLES[dialect]
    const text = `breaks-${dialect}`
    const frames = sample.frames()
    upstream.plan(text, stream([...frames.slice(0, sample.framesBeforeContent + 1), { end: "reset" }]), stream(frames))
    const body = cacheable(dialect, { model: groupOf("far", dialect), text, stream: true })
    for (const expected of ["miss", "miss", "hit"]) expect(cacheOf(await streaming.call(dialect, body))).toBe(expected)
  }
})
