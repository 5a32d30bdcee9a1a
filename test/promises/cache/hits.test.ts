/** The same question a second time is answered without a target: in the client's dialect and form, whoever filled the cache. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { cacheable, cacheOf, caching } from "../../helpers/caching.ts"
import { eventually, type Answer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { groupOf } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const TEXT = "Hello from afar"
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer(TEXT))
  gateway = await startGateway({
    upstreams: { far: upstream },
    configure: (config) => caching(config, ["far"], { streams: true }),
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** What a whole answer says, whatever its dialect. */
function saidBy(answer: Answer): string {
  return answer.text.includes("data:") ? wordsIn(answer.text) : answer.text
}

function wordsIn(stream: string): string {
  const events = [...stream.matchAll(/^data: (\{.*\})$/gm)].map(([, data]) => JSON.parse(data ?? "{}") as unknown)
  return JSON.stringify(events)
}

function idsIn(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/"(?:id|item_id)":"([^"]+)"/g)].map(([, id]) => id ?? ""))]
}

interface Way {
  readonly client: Dialect
  readonly stream: boolean
}

const WAYS: readonly Way[] = DIALECTS.flatMap((client) => [
  { client, stream: false },
  { client, stream: true },
])

describe.each(drawn(DIALECTS))("from a target that speaks %s", (target) => {
  const model = groupOf("far", target)

  test.each(WAYS)("$client (streamed: $stream) fills, and everybody is answered", async (filling) => {
    const text = `filled by ${filling.client} ${filling.stream} for ${target}`
    // a cap that every dialect says
    const body = ({ client, stream }: Way): string => cacheable(client, { model, text, stream, extra: CAPS[client] })
    const first = await gateway.call(filling.client, body(filling))
    expect([first.status, cacheOf(first)]).toEqual([200, "miss"])
    for (const way of WAYS) {
      const asked = upstream.received(text).length
      const answer = await gateway.call(way.client, body(way))
      expect([answer.status, cacheOf(answer), answer.headers.get("age")]).toEqual([200, "hit", "0"])
      expect(upstream.received(text)).toHaveLength(asked)
      const direct = await gateway.call(way.client, body(way), { headers: { "cache-control": "no-cache" } })
      expect(cacheOf(direct)).toBe("bypass")
      expect(shapeOf(saidBy(answer))).toEqual(shapeOf(saidBy(direct)))
      const type = way.stream ? "text/event-stream" : "application/json"
      expect(answer.headers.get("content-type")).toStartWith(type)
      const again = await gateway.call(way.client, body(way))
      expect(cacheOf(again)).toBe("hit")
      const shared = idsIn(again.text).filter((id) => idsIn(answer.text).includes(id))
      expect(shared).toEqual([])
      expect(idsIn(again.text)).toHaveLength(idsIn(answer.text).length)
    }
  })
})

/** The field that each client has for its cap: those of one target must be one field. */
const CAPS: Readonly<Record<Dialect, Readonly<Record<string, unknown>>>> = {
  chat: { max_tokens: 64 },
  responses: { max_output_tokens: 64 },
  messages: { max_tokens: 64 },
}

/** The words of an answer, without pieces: a stream from the cache comes in one. */
function shapeOf(said: string): readonly string[] {
  const words = [...said.matchAll(/"(?:text|content|delta)":"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text ?? "")
  return [words.join("").includes("Hello from afar") ? TEXT : words.join("")]
}

test("the row of a hit names no target, costs nothing, and says what it saved", async () => {
  const body = cacheable("chat", { model: groupOf("far", "chat"), text: "for its row" })
  const first = await gateway.call("chat", body)
  const second = await gateway.call("chat", body)
  const [missed] = gateway.records.usage(first.requestId)
  const [hit] = gateway.records.usage(second.requestId)
  const { input, output } = SAMPLES.chat.usage
  expect(missed).toMatchObject({ cache: "miss", cache_reason: "cache-miss", cache_saved_nano_usd: null, attempts: 1 })
  expect(hit).toMatchObject({
    cache: "hit",
    cache_reason: "cache-hit",
    cache_enabled: 1,
    cache_max_bytes: 134_217_728,
    cache_age_s: 0,
    cache_saved_input_tokens: input,
    cache_saved_output_tokens: output,
    cache_saved_nano_usd: missed?.total_cost_nano_usd ?? 0,
    attempts: 0,
    input_tokens: 0,
    output_tokens: 0,
    total_cost_nano_usd: 0,
    usage_source: "none",
    target_provider: null,
    upstream_duration_ms: null,
    stop_reason: "stop",
  })
  expect(hit?.cache_items).toBeGreaterThan(0)
  expect(hit?.cache_bytes).toBeGreaterThan(hit?.cache_items ?? 0)
  expect(hit?.cache_occupancy_pct).toBeGreaterThan(0)
  expect(gateway.records.attempts(second.requestId)).toEqual([])
  expect(hit?.cache_saved_nano_usd).toBeGreaterThan(0)
  const line = await eventually("its line of the log", () =>
    gateway.records.logLines().find((one) => one["request_id"] === second.requestId),
  )
  expect(line).toMatchObject({ cache: "hit", cache_reason: "cache-hit" })
})

test("a hit tells what was lost on the way to the target, as a miss does", async () => {
  const body = cacheable("chat", { model: groupOf("far", "messages"), text: "with a loss", extra: { seed: 7 } })
  const first = await gateway.call("chat", body)
  const losses = first.headers.get("x-router-losses")
  expect(losses).not.toBeNull()
  for (const _ of [1, 2]) {
    const again = await gateway.call("chat", body)
    expect([cacheOf(again), again.headers.get("x-router-losses")]).toEqual(["hit", losses])
    expect(gateway.records.losses(again.requestId).map(({ code }) => code)).toEqual(
      gateway.records.losses(first.requestId).map(({ code }) => code),
    )
  }
})

test("several answers at once are kept together, for their number alone", async () => {
  const two = cacheable("chat", { model: groupOf("far", "chat"), text: "twice", extra: { n: 2 } })
  const choice = (index: number): unknown => ({
    index,
    message: { role: "assistant", content: `answer ${index}` },
    finish_reason: "stop",
  })
  const both = { ...(JSON.parse(SAMPLES.chat.unary()) as object), choices: [choice(0), choice(1)] }
  upstream.plan("twice", reply(JSON.stringify(both)))
  await gateway.call("chat", two)
  const hit = await gateway.call("chat", two)
  expect(cacheOf(hit)).toBe("hit")
  expect((JSON.parse(hit.text) as { choices: unknown }).choices).toEqual(both.choices)
  expect(cacheOf(await gateway.call("chat", two.replace('"n":2', '"n":3')))).toBe("miss")
  const streamed = cacheable("chat", { model: groupOf("far", "chat"), text: "twice", stream: true, extra: { n: 2 } })
  expect(cacheOf(await gateway.call("chat", streamed))).toBe("bypass")
})

test.each(drawn(DIALECTS))("a large question of %s, and a large answer to it", async (dialect) => {
  const text = `large ${dialect} ${"word ".repeat(300_000)}`
  const long = "An answer. ".repeat(20_000)
  upstream.plan(`large ${dialect}`, vendorAnswer(long))
  for (const target of DIALECTS) {
    const body = cacheable(dialect, { model: groupOf("far", target), text })
    for (const expected of ["miss", "hit", "hit"]) {
      const answer = await gateway.call(dialect, body)
      expect([answer.status, cacheOf(answer)]).toEqual([200, expected])
      expect(answer.text).toContain(long)
    }
    const streamed = await gateway.call(
      dialect,
      cacheable(dialect, { model: groupOf("far", target), text, stream: true }),
    )
    expect([streamed.status, cacheOf(streamed)]).toEqual([200, "hit"])
    expect(streamed.text).toContain(long)
  }
})
