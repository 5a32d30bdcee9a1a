/** Odd prices: whatever a call costs by its row is what its budget has taken, at once and behind a restart. */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply, stall } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

const NANO = 1e9
const input = (usd: number): object => ({ input_price_per_million_usd: usd })
const output = (usd: number): object => ({ output_price_per_million_usd: usd })
const tier = (above: number, ...prices: object[]): object =>
  Object.assign({ above_input_tokens: above }, ...prices) as object

const MODELS: Readonly<Record<string, object>> = {
  tiered: { ...input(1), ...output(2), price_tiers: [tier(100, input(10), output(20)), tier(1000, output(400))] },
  multiplied: {
    ...input(1),
    ...output(2),
    service_tier_multipliers: { priority: 2.5, flex: 0.5, odd: 0.333333333 },
  },
  free: { ...input(0), ...output(0) },
  "free output": { ...input(1), ...output(0) },
  tiny: { ...input(0.0005), ...output(0.000000001), cached_input_price_per_million_usd: 0.0005 },
  dearest: { ...input(100_000), ...output(100_000), service_tier_multipliers: { priority: 1000 } },
  "no cached price": { ...input(3), ...output(15) },
}

interface Usage {
  readonly input: number
  readonly output: number
  readonly cached?: number
  readonly tier?: string | null
}

let upstream: FakeUpstream
let gateway: Gateway
const tokens = new Map(Object.keys(MODELS).map((name) => [name, newToken(idOf(name))]))
const poor = newToken("poor")

function idOf(name: string): string {
  return name.replaceAll(" ", "-")
}

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const models = Object.entries(MODELS).map(([name, prices]) => [idOf(name), { model: name, ...prices }])
      config.providers["upstream-chat"]!["models"] = Object.fromEntries(models)
      config.models = {}
      for (const name of Object.keys(MODELS)) {
        const id = idOf(name)
        config.models[id] = { strategy: "static", targets: [{ provider: "upstream-chat", model_ref: id }] }
        config.callers.push(
          callerEntry(id, tokens.get(name)!, [id], { spend: { day_usd: 5_000_000, month_usd: 6_000_000 } }),
        )
      }
      config.callers[0]!["allow"] = []
      config.callers.push(
        callerEntry("poor", poor, ["free", "free-output", "tiny", "dearest"], { spend: { day_usd: 0.000000001 } }),
      )
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

function answer(usage: Usage): string {
  return JSON.stringify({
    ...(JSON.parse(SAMPLES.chat.unary()) as object),
    ...(usage.tier === undefined ? {} : { service_tier: usage.tier }),
    usage: {
      prompt_tokens: usage.input,
      completion_tokens: usage.output,
      ...(usage.cached === undefined ? {} : { prompt_tokens_details: { cached_tokens: usage.cached } }),
    },
  })
}

const request = (name: string, extra: object = {}): string =>
  SAMPLES.chat.request({ model: idOf(name), extra: { max_tokens: 10, ...extra } })

/** The cost by the row, and by the budget; in nano-USD. */
async function cost(
  name: string,
  usage: Usage,
  extra: object = {},
): Promise<readonly [row: number | null, budget: number]> {
  const token = tokens.get(name)!
  upstream.otherwise(reply(answer(usage)))
  const before = await used(token)
  const { status, requestId } = await gateway.call("chat", request(name, extra), { token })
  expect(status).toBe(200)
  const taken = Math.round((await used(token)) - before)
  return [gateway.records.usage(requestId)[0]!.total_cost_nano_usd, taken]
}

interface Line {
  readonly used: number
  readonly reserved: number
}

async function linesOf(token: string): Promise<readonly Line[]> {
  return at(JSON.parse((await get(gateway, "/v1/usage", { token })).text), "limits") as readonly Line[]
}

/** Of the day, in nano-USD. */
async function used(token: string): Promise<number> {
  return (await linesOf(token))[0]!.used * NANO
}

/** What a call holds while it is in flight, in nano-USD. */
async function reserved(name: string, extra: object): Promise<number> {
  upstream.otherwise(stall)
  const leaving = new AbortController()
  const token = tokens.get(name)!
  const before = upstream.exchanges.length
  const held = gateway.open("chat", request(name, extra), { token, signal: leaving.signal }).catch(() => null)
  await eventually("the call", () => (upstream.exchanges.length > before ? true : undefined))
  const lines = await linesOf(token)
  leaving.abort()
  await held
  await eventually("the end", async () =>
    (await linesOf(token)).every((line) => line.reserved === 0) ? true : undefined,
  )
  return Math.round(lines[0]!.reserved * NANO)
}

const twice = (nanoUsd: number): readonly [number, number] => [nanoUsd, nanoUsd]

describe("the row and the budget say the same", () => {
  test("a tier begins one token above its bound", async () => {
    expect(await cost("tiered", { input: 100, output: 1 })).toEqual(twice(100 * 1000 + 2000))
    expect(await cost("tiered", { input: 101, output: 1 })).toEqual(twice(101 * 10_000 + 20_000))
    expect(await cost("tiered", { input: 1000, output: 1 })).toEqual(twice(1000 * 10_000 + 20_000))
    expect(await cost("tiered", { input: 1001, output: 1 })).toEqual(twice(1001 * 10_000 + 400_000))
  })

  test("a service tier without a factor has no price, and a budget takes the dearest; one that is not given costs nothing", async () => {
    const plain = 10 * 1000 + 5 * 2000
    const usage = { input: 10, output: 5 }
    expect(await cost("multiplied", { ...usage, tier: "unheard-of" })).toEqual([null, plain * 2.5])
    expect(await cost("multiplied", { ...usage, tier: null }, { service_tier: "priority" })).toEqual(twice(plain))
    expect(await cost("multiplied", { ...usage, tier: "default" }, { service_tier: "priority" })).toEqual(twice(plain))
    expect(await cost("multiplied", { ...usage, tier: "priority" })).toEqual(twice(plain * 2.5))
    expect(await cost("multiplied", { ...usage, tier: "flex" }, { service_tier: "priority" })).toEqual(twice(plain / 2))
    expect(await cost("multiplied", { ...usage, tier: "constructor" })).toEqual([null, plain * 2.5])
    expect(await cost("multiplied", { ...usage, tier: "fast" })).toEqual(twice(plain * 2.5))
    expect(await cost("multiplied", { ...usage, tier: "on_demand" })).toEqual(twice(plain))
    expect(await cost("multiplied", { ...usage, tier: "odd" })).toEqual(
      twice(Math.round(10 * 333.333333) + Math.round(5 * 666.666666)),
    )
  })

  test("a call reserves at the dearest service tier unless it names the plain one", async () => {
    const plain = await reserved("multiplied", { service_tier: "default" })
    for (const extra of [
      {},
      ...["auto", "priority", "flex", "unheard-of", null].map((name) => ({ service_tier: name })),
    ]) {
      const open = await reserved("multiplied", extra)
      // the field itself is a few tokens more
      expect(open).toBeGreaterThanOrEqual(2.5 * (plain - 15_000))
      expect(open).toBeLessThan(2.5 * (plain + 15_000))
    }
  })

  test("nothing, where nothing costs anything", async () => {
    expect(await cost("free", { input: 1000, output: 1000 })).toEqual(twice(0))
    expect(await cost("free output", { input: 10, output: 1000 })).toEqual(twice(10_000))
  })

  test("parts of a nano-USD are rounded once for each component", async () => {
    expect(await cost("tiny", { input: 1, output: 0 })).toEqual(twice(1))
    expect(await cost("tiny", { input: 3, output: 0 })).toEqual(twice(2))
    expect(await cost("tiny", { input: 3, output: 0, cached: 1 })).toEqual(twice(2))
    expect(await cost("tiny", { input: 0, output: 1000 })).toEqual(twice(0))
  })

  test("large prices are exact", async () => {
    expect(await cost("dearest", { input: 1_234_567, output: 7 })).toEqual(twice(1_234_574 * 100_000_000))
    expect(await cost("dearest", { input: 11, output: 7, tier: "priority" })).toEqual(twice(18 * 100_000_000_000))
  })

  test("an unknown price of a part: the row does not know, the budget takes the dearest", async () => {
    expect(await cost("no cached price", { input: 1000, output: 7, cached: 600 })).toEqual([
      null,
      1000 * 3000 + 7 * 15_000,
    ])
    expect(await cost("no cached price", { input: 1000, output: 7, cached: 0 })).toEqual(
      twice(1000 * 3000 + 7 * 15_000),
    )
  })
})

test("a budget of a single nano-USD lets free calls pass, and no others", async () => {
  upstream.otherwise(reply(answer({ input: 5, output: 5 })))
  const ask = (name: string) => gateway.call("chat", request(name), { token: poor })
  expect((await ask("free")).status).toBe(200)
  for (const name of ["free output", "tiny", "dearest"]) expectError(await ask(name), "chat", 429, "spend-exhausted")
  expect((await ask("free")).status).toBe(200)
  expect(await used(poor)).toBe(0)
})

test("behind a restart every budget has used what its rows say", async () => {
  const before = new Map<string, number>()
  for (const [name, token] of tokens) before.set(name, Math.round(await used(token)))
  await gateway.stop()
  gateway = await startGateway(gateway.prepared)
  for (const [name, token] of tokens) expect([name, Math.round(await used(token))]).toEqual([name, before.get(name)!])
  using database = new Database(databasePath(gateway.directory), { readonly: true })
  const sql = "SELECT total(total_cost_nano_usd) AS nano FROM request_usage WHERE caller_id = ?"
  for (const name of tokens.keys()) {
    const { nano } = database.query<{ nano: number }, [string]>(sql).get(idOf(name))!
    const unpriced = { "no cached price": 1000 * 3000 + 7 * 15_000, multiplied: 2 * 2.5 * (10 * 1000 + 5 * 2000) }
    const unknown = new Map(Object.entries(unpriced)).get(name) ?? 0
    expect([name, nano + unknown]).toEqual([name, before.get(name)!])
  }
})

test("prices that cannot be held exactly, or that nobody charges, are refused at the load", async () => {
  for (const value of [0.0000000001, 100_001, -1, "1e400", "a lot"]) {
    const load = startGateway({
      upstreams: { upstream },
      configure: (config) => {
        const models = { m1: { model: "m", ...output(1), input_price_per_million_usd: value } }
        config.providers["upstream-chat"]!["models"] = models
      },
    })
    expect(load).rejects.toThrow("input_price_per_million_usd")
    await load.catch(() => null)
  }
})
