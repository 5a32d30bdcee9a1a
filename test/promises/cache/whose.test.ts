/** Whose answers they are, and of which target: callers have their own, groups and targets are told apart, also over a reload. */
import { afterEach, describe, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { cacheable, cacheOf, caching } from "../../helpers/caching.ts"
import { eventually } from "../../helpers/client.ts"
import { callerEntry, newToken, type Config } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { allowAll, groupOf } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const other = newToken("other")
const stack: { stop(): Promise<void> }[] = []

afterEach(async () => {
  for (const one of stack.splice(0).toReversed()) await one.stop()
})

async function start(configure: (config: Config) => void, names = ["far", "near"]) {
  const upstreams = Object.fromEntries(
    await Promise.all(
      names.map(async (name) => {
        const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer(`from ${name}`))
        stack.push({ stop: () => upstream.stop() })
        return [name, upstream] as const
      }),
    ),
  )
  const gateway = await startGateway({
    upstreams,
    configure: (config) => {
      caching(config, names)
      config.callers.push(callerEntry("other", other, []))
      configure(config)
      allowAll(config)
    },
  })
  stack.push({ stop: async () => gateway[Symbol.asyncDispose]() })
  return { gateway, upstreams: upstreams as Readonly<Record<string, FakeUpstream>> }
}

/** A change that every call after it sees. */
async function change(gateway: LocalGateway, what: (config: Config) => void): Promise<void> {
  const before = Bun.nanoseconds()
  gateway.prepared.rewrite((config) => {
    what(config)
    config.models[`reloaded-${before}`] = { ...config.models[groupOf("far", "chat")] }
    allowAll(config)
  })
  gateway.requestReload()
  await eventually("the reload", async () => {
    const { status } = await gateway.call("chat", "", { method: "GET", path: `/v1/models/reloaded-${before}` })
    return status === 200 ? true : undefined
  })
}

describe.each(drawn(DIALECTS))("%s", (dialect) => {
  const body = (model: string, text = "whose"): string => cacheable(dialect, { model, text })

  test("each caller has its own answers, unless the group shares them", async () => {
    const { gateway } = await start((config) => {
      config.models["for-all"] = { ...config.models[groupOf("far", dialect)], cache: "shared" }
    })
    for (const token of [gateway.token, other])
      for (const expected of ["miss", "hit"])
        expect(cacheOf(await gateway.call(dialect, body(groupOf("far", dialect)), { token }))).toBe(expected)
    expect(cacheOf(await gateway.call(dialect, body("for-all")))).toBe("miss")
    expect(cacheOf(await gateway.call(dialect, body("for-all"), { token: other }))).toBe("hit")
  })

  test("groups of the same targets are apart", async () => {
    const { gateway } = await start((config) => {
      config.models["twin"] = { ...config.models[groupOf("far", dialect)], aliases: ["twin-alias"] }
    })
    expect(cacheOf(await gateway.call(dialect, body(groupOf("far", dialect))))).toBe("miss")
    expect(cacheOf(await gateway.call(dialect, body("twin")))).toBe("miss")
    // another name of one group
    expect(cacheOf(await gateway.call(dialect, body("twin-alias")))).toBe("hit")
  })

  test("an answer after a failover is that of the target that gave it", async () => {
    const { gateway, upstreams } = await start((config) => {
      config.models["pair"] = {
        strategy: "failover",
        targets: ["far", "near"].map((name) => ({ provider: `${name}-${dialect}`, model_ref: "m1" })),
      }
      config.models["second"] = { strategy: "static", targets: [{ provider: `near-${dialect}`, model_ref: "m1" }] }
    })
    upstreams["far"]!.plan("whose", reply(SAMPLES[dialect].errorBody("down"), { status: 500 }))
    const first = await gateway.call(dialect, body("pair"))
    expect([first.status, cacheOf(first)]).toEqual([200, "miss"])
    expect(first.text).toContain("from near")
    // the first target is asked again: what the second one said is not its answer
    const again = await gateway.call(dialect, body("pair"))
    expect([cacheOf(again), gateway.records.attempts(again.requestId).length]).toEqual(["miss", 2])
    // where the second one comes first, its answer is there
    await change(gateway, (config) => {
      config.models["pair"]!["targets"] = ["near", "far"].map((name) => ({
        provider: `${name}-${dialect}`,
        model_ref: "m1",
      }))
    })
    const found = await gateway.call(dialect, body("pair"))
    expect(cacheOf(found)).toBe("hit")
    expect(found.text).toContain("from near")
  })

  test("a changed target, model or header has no answers yet; an unchanged one keeps its own", async () => {
    const model = groupOf("far", dialect)
    const provider = `far-${dialect}`
    const { gateway } = await start(() => {})
    const expectNext = async (expected: readonly string[]): Promise<void> => {
      for (const one of expected) expect(cacheOf(await gateway.call(dialect, body(model)))).toBe(one)
    }
    await expectNext(["miss", "hit"])
    await change(gateway, (config) => void (config.server["default_output_reservation"] = 77))
    await expectNext(["hit"])
    await change(gateway, (config) => {
      config.providers[provider]!["models"] = { m1: { ...modelOf(config, provider), model: "vendor/model-2" } }
    })
    await expectNext(["miss", "hit"])
    await change(gateway, (config) => void (config.providers[provider]!["headers"] = { "X-Version": "2" }))
    await expectNext(["miss", "hit"])
    await change(gateway, (config) => void (config.models[model]!["cache"] = "shared"))
    await expectNext(["miss", "hit"])
    await change(gateway, (config) => void (config.models[model]!["cache"] = "off"))
    expect(cacheOf(await gateway.call(dialect, body(model)))).toBeNull()
  })

  test("a changed price counts for what hits save from then on", async () => {
    const model = groupOf("far", dialect)
    const provider = `far-${dialect}`
    const { gateway } = await start(() => {})
    await gateway.call(dialect, body(model))
    const before = await savedBy(gateway, dialect, body(model))
    await change(gateway, (config) => {
      const twice = { ...modelOf(config, provider), input_price_per_million_usd: 6, output_price_per_million_usd: 30 }
      config.providers[provider]!["models"] = { m1: twice }
    })
    await gateway.call(dialect, body(model))
    expect(await savedBy(gateway, dialect, body(model))).toBe(2 * before)
  })
})

function modelOf(config: Config, provider: string): Readonly<Record<string, unknown>> {
  return (config.providers[provider]!["models"] as Readonly<Record<string, Readonly<Record<string, unknown>>>>)["m1"]!
}

async function savedBy(gateway: LocalGateway, dialect: Dialect, body: string): Promise<number> {
  const hit = await gateway.call(dialect, body)
  expect(cacheOf(hit)).toBe("hit")
  return gateway.records.usage(hit.requestId)[0]?.cache_saved_nano_usd ?? 0
}

test("a reload that ends the cache, or makes answers older, is felt at once", async () => {
  const { gateway } = await start(() => {})
  const body = cacheable("chat", { model: groupOf("far", "chat") })
  await gateway.call("chat", body)
  await change(gateway, (config) => void (config.server["cache"] = { enabled: false }))
  expect(cacheOf(await gateway.call("chat", body))).toBeNull()
  await change(gateway, (config) => void (config.server["cache"] = { enabled: true }))
  expect(cacheOf(await gateway.call("chat", body))).toBe("miss")
  expect(cacheOf(await gateway.call("chat", body))).toBe("hit")
  await change(gateway, (config) => void (config.server["cache"] = { enabled: true, default_ttl: "1ms" }))
  await Bun.sleep(5)
  expect(cacheOf(await gateway.call("chat", body))).toBe("miss")
})

test("headers that a provider is sent count, and those of the client's vendor", async () => {
  const { gateway } = await start((config) => {
    config.providers["far-chat"]!["forward_headers"] = ["x-experiment"]
  })
  const chat = cacheable("chat", { model: groupOf("far", "chat") })
  const ask = async (headers: Readonly<Record<string, string>>) =>
    cacheOf(await gateway.call("chat", chat, { headers }))
  expect(await ask({ "x-experiment": "a" })).toBe("miss")
  expect(await ask({ "x-experiment": "b" })).toBe("miss")
  expect(await ask({ "x-experiment": "a", "idempotency-key": "one", "x-other": "b" })).toBe("hit")
  const messages = cacheable("messages", { model: groupOf("far", "messages") })
  const beta = async (headers: Readonly<Record<string, string>>) =>
    cacheOf(await gateway.call("messages", messages, { headers }))
  expect(await beta({ "anthropic-version": "2023-06-01" })).toBe("miss")
  expect(await beta({})).toBe("hit")
  expect(await beta({ "anthropic-beta": "something-2026-01-01" })).toBe("miss")
})
