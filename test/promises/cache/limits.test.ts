/** A hit is a request, and nothing more: it reserves, uses and pays no tokens and no money. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { cacheable, cacheOf, caching } from "../../helpers/caching.ts"
import { get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { untilGauge } from "../../helpers/gauge.ts"
import { DIALECTS } from "../../helpers/samples.ts"
import { groupOf } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const TOKENS = {
  tokens: newToken("tokens"),
  money: newToken("money"),
  minute: newToken("minute"),
  calls: newToken("calls"),
  starts: newToken("starts"),
  busy: newToken("busy"),
  input: newToken("input"),
} as const
/** A call of these tests is estimated at less, and two of them at more. */
const ONE_CALL = 120
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { far: upstream },
    configure: (config) => {
      caching(config, ["far"])
      const allow = Object.keys(config.models)
      const shaped = (more: object): object => ({ traffic_shape: { enabled: true, ...more } })
      const limits: Record<keyof typeof TOKENS, object> = {
        tokens: { quota: { day: { tokens: ONE_CALL } } },
        // 64 tokens of output cost 0.00096 USD
        money: { spend: { day_usd: 0.0013 } },
        minute: { rate: { tpm: ONE_CALL } },
        calls: { rate: { rpm: 3 } },
        starts: shaped({ request_start_per_sec: 0.001, request_burst: 3 }),
        busy: { rate: { concurrent: 1 } },
        input: shaped({ total_reserved_tokens_per_sec: 0.001, total_reserved_token_burst: ONE_CALL }),
      }
      config.server["traffic_shape"] = { enabled: true }
      config.callers = config.callers.map((caller) => ({ ...caller, metrics_admin: true }))
      for (const [id, more] of Object.entries(limits))
        config.callers.push(callerEntry(id, TOKENS[id as keyof typeof TOKENS], allow, more as Record<string, unknown>))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const model = groupOf("far", "chat")
const CAP = { max_tokens: 64 }

async function ask(caller: keyof typeof TOKENS, text: string, extra: object = CAP) {
  return gateway.call("chat", cacheable("chat", { model, text, extra: { ...extra } }), { token: TOKENS[caller] })
}

test.each([
  ["tokens", 429, "quota-exhausted"],
  ["money", 429, "spend-exhausted"],
  ["minute", 429, "tpm-exceeded"],
  ["input", 429, "traffic-shaped"],
] as const)("a limit of %s that is used up keeps no hit away", async (caller, status, code) => {
  const first = await ask(caller, "kept")
  expect([first.status, cacheOf(first)]).toEqual([200, "miss"])
  const used = gateway.records.usage(first.requestId)[0]
  expect(used?.limit_tokens).toBeGreaterThan(0)
  // what is left is not enough for another answer
  const more = { max_tokens: 5000 }
  expectError(await ask(caller, "new", more), "chat", status, code)
  for (let count = 0; count < 5; count++) {
    const hit = await ask(caller, "kept")
    expect([hit.status, cacheOf(hit)]).toEqual([200, "hit"])
    expect(gateway.records.usage(hit.requestId)).toMatchObject([
      { limit_tokens: 0, limit_nano_usd: 0, reserved_output_tokens: null, reserved_nano_usd: null },
    ])
  }
})

test("requests count, of hits too", async () => {
  await ask("calls", "counted")
  for (const _ of [1, 2]) expect(cacheOf(await ask("calls", "counted"))).toBe("hit")
  expectError(await ask("calls", "counted"), "chat", 429, "rpm-exceeded")
  const { text } = await get({ url: gateway.url, token: TOKENS.calls }, "/v1/usage")
  const { limits } = JSON.parse(text) as { limits: unknown }
  expect(limits).toMatchObject([{ limit: "rate.rpm", used: 3, reserved: 0, remaining: 0 }])
})

test("starts count, of hits too, and of a miss once", async () => {
  expect(cacheOf(await ask("starts", "started"))).toBe("miss")
  for (const _ of [1, 2]) expect(cacheOf(await ask("starts", "started"))).toBe("hit")
  expectError(await ask("starts", "started"), "chat", 429, "traffic-shaped")
})

test("a call in flight has its one place, whether it asks a target or waits for another call", async () => {
  const gate = Promise.withResolvers<void>()
  upstream.plan("in-flight", async (exchange) => {
    await gate.promise
    await vendorAnswer()(exchange)
  })
  const first = ask("busy", "in-flight")
  await upstream.arrival("in-flight")
  expectError(await ask("busy", "in-flight"), "chat", 429, "concurrency-exceeded")
  gate.resolve()
  expect(cacheOf(await first)).toBe("miss")
  for (const _ of [1, 2, 3]) expect(cacheOf(await ask("busy", "in-flight"))).toBe("hit")
  expect(cacheOf(await ask("busy", "another"))).toBe("miss")
})

test.each(drawn(DIALECTS))("hits and misses of %s leave no reservation behind", async (dialect) => {
  const body = cacheable(dialect, { model: groupOf("far", dialect), text: "no leftovers" })
  const token = TOKENS.tokens
  await gateway.call(dialect, body, { token })
  await gateway.call(dialect, body, { token })
  await untilGauge("awaiting", 0, gateway, gateway.token)
  const { text } = await get({ url: gateway.url, token }, "/v1/usage")
  const view = JSON.parse(text) as { limits: { reserved?: number; in_flight?: number }[] }
  for (const { reserved = 0 } of view.limits) expect(reserved).toBe(0)
})
