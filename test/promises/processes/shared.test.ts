/** Two routers on one Redis are as one: one budget, one target for a conversation, one memory of a provider that fails. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { type Answer, eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../helpers/redis.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { allowAll } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const NAMES = ["one", "two"] as const
const BUDGET = 10
/** Conversations of each dialect that must stay; by chance all of a dialect go to one of the two targets once in 10,000 runs. */
const STAYING = 16
const PER_CALL = SAMPLES.chat.usage.input + SAMPLES.chat.usage.output
const TOKEN = newToken("limited")
const PAUSE = { enabled: true, min_backoff_ms: 60_000, max_backoff_ms: 60_000 }

const stack = new AsyncDisposableStack()
let redis: RedisServer
let routers: readonly [Gateway, Gateway]
let one: FakeUpstream

async function startOne(upstreams: Readonly<Record<string, FakeUpstream>>): Promise<Gateway> {
  return startGateway({
    upstreams,
    configure: (config) => {
      config.server["state"] = { driver: "redis", url: redis.url, on_unavailable: "fail_closed" }
      config.server["breaker"] = { failures: 3, window: "10m", cooldown: "10m" }
      for (const strategy of ["weighted", "failover"])
        config.models[strategy] = { strategy, targets: targetsOf(NAMES), translation: "off" }
      for (const [name, provider] of Object.entries(config.providers))
        if (name.startsWith("one")) provider["traffic_shape"] = { enabled: true, upstream_429_backoff: PAUSE }
      const quota = { day: { requests: BUDGET } }
      config.callers.push(callerEntry("limited", TOKEN, [], { quota }))
      allowAll(config)
      for (const caller of config.callers) caller["metrics_admin"] = true
    },
  })
}

const ask = (router: Gateway, token = TOKEN): Promise<Answer> =>
  router.call("chat", SAMPLES.chat.request({ text: "hi" }), { token })

/** Again where the machine stalls for longer than the store may take. */
async function askAgain(router: Gateway): Promise<Answer> {
  for (;;) {
    const answer = await ask(router)
    if (answer.status !== 503) return answer
  }
}

/** Which upstream answered. */
async function placeOf(router: Gateway, model: string, session: string, dialect = DIALECTS[0]!): Promise<string> {
  const body = SAMPLES[dialect].request({ model, text: "hi" })
  const answer = await router.call(dialect, body, { headers: { "x-session-id": session } })
  expect(answer.status).toBe(200)
  return NAMES.find((name) => answer.text.includes(name)) ?? "none"
}

/** The largest of all targets. */
async function gauge(router: Gateway, name: string): Promise<number> {
  const { samples } = readExposition((await get(router, "/metrics")).text)
  return Math.max(...samples.filter((sample) => sample.name === name).map(({ value }) => value))
}

describe.skipIf(WITHOUT_REDIS !== null)(`one Redis${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  beforeAll(async () => {
    redis = stack.use(await startRedis())
    one = (await FakeUpstream.start()).otherwise(vendorAnswer("one"))
    const two = (await FakeUpstream.start()).otherwise(vendorAnswer("two"))
    for (const upstream of [one, two]) stack.defer(async () => upstream.stop())
    const started = [await startOne({ one, two }), await startOne({ one, two })] as const
    for (const router of started) stack.use(router)
    routers = started
    // a router serves before its pins are there
    await eventually("the pins", async () => {
      const clients = String(await redis.command("CLIENT", "LIST"))
      return clients.trim().split("\n").length >= 7 ? true : undefined
    })
  })
  afterAll(() => stack.disposeAsync())

  test("a budget holds over all routers to the last call", async () => {
    const answers = await Promise.all(Array.from({ length: 3 * BUDGET }, (_, index) => askAgain(routers[index % 2]!)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(BUDGET)
    for (const answer of answers) if (answer.status !== 200) expectError(answer, "chat", 429, "quota-exhausted")
    const rows = routers.flatMap(({ records }) => records.usage()).filter(({ status }) => status === 200)
    expect(rows).toHaveLength(BUDGET)
  })

  test("a conversation that changes its router with every turn stays on its target, in every dialect", async () => {
    const [left, right] = routers
    for (const dialect of DIALECTS) {
      const places = new Set<string>()
      let moved = 0
      // a stall of 50 ms loses a pin; without shared pins three of four conversations move
      for (let number = 0; number - moved < STAYING; number += 1) {
        const went: string[] = []
        for (const router of [left, right, left])
          went.push(await placeOf(router, "weighted", `${dialect} ${number}`, dialect))
        if (new Set(went).size > 1) moved += 1
        expect(moved).toBeLessThanOrEqual(STAYING / 2)
        places.add(went[0]!)
      }
      expect([dialect, places.size]).toEqual([dialect, 2])
    }
    expect(JSON.stringify(await redis.command("KEYS", "*"))).not.toMatch(/messages|session|sk-|http/)
  })

  test("a provider that asks one router for a pause gets it from the other, and an open breaker is told as well", async () => {
    const [left, right] = routers
    expect(await placeOf(right, "failover", "before")).toBe("one")
    one.otherwise(reply("{}", { status: 429 }))
    expect(await placeOf(left, "failover", "asks for a pause")).toBe("two")
    await eventually("the pause", async () =>
      (await gauge(right, "smart_router_target_backoff_seconds")) > 0 ? true : undefined,
    )
    expect(await placeOf(right, "failover", "paused")).toBe("two")
    one.otherwise(reply("{}", { status: 500 }))
    // three faults open a breaker
    for (const dialect of ["responses", "messages"] as const) {
      for (let call = 0; call < 3; call += 1) await placeOf(left, "failover", `${dialect} fails ${call}`, dialect)
    }
    const isOpen = async () => (await gauge(right, "smart_router_target_breaker_state")) === 2
    await eventually("the breaker", async () => ((await isOpen()) ? true : undefined))
    expect(await isOpen()).toBe(true)
  })

  test("a store that is gone refuses limited calls only; when it comes back empty, the ledger knows what was used", async () => {
    const [left] = routers
    redis.signal("SIGKILL")
    const refused = await eventually("the refusal", async () => {
      const answer = await ask(left)
      return answer.status === 503 ? answer : undefined
    })
    expectError(refused, "chat", 503, "shared-state-unavailable")
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0)
    expect((await get(left, "/readyz", { token: null })).text).toContain("shared_state")
    expect((await ask(left, left.token)).status).toBe(200)
    await redis.restart()
    const usage = await eventually("the return", async () => {
      const page = await get(left, "/v1/usage", { token: TOKEN })
      return page.status === 200 && page.text.includes("quota.day.requests") ? page.text : undefined
    })
    const own = left.records.usage().filter(({ caller_id, status }) => caller_id === "limited" && status === 200)
    const { limits } = JSON.parse(usage) as { readonly limits: readonly { readonly used: number }[] }
    expect(limits[0]?.used).toBe(own.length)
    expect(own.every(({ total_tokens }) => total_tokens === PER_CALL)).toBe(true)
  })
})
