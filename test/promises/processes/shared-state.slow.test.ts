/** Several routers on one Redis keep one caller's limits as one: hammered, killed, and with the store taken away. */
import { describe, expect, test } from "bun:test"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import { reply } from "../../helpers/behaviours.ts"
import { type Answer, eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken, type Setup } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../helpers/redis.ts"
import { spawnRouter, type RouterProcess } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"

const CALLER = "{smart-router}:caller:shared"
const PER_CALL = SAMPLES.chat.usage.input + SAMPLES.chat.usage.output

interface Wish {
  readonly token: string
  readonly limits: Readonly<Record<string, unknown>>
  readonly onUnavailable?: "fail_closed" | "local"
}

const setup = (upstream: FakeUpstream, redis: RedisServer, { token, limits, onUnavailable }: Wish): Setup => ({
  upstreams: { upstream },
  configure: (config) => {
    config.server["state"] = { driver: "redis", url: redis.url, on_unavailable: onUnavailable ?? "fail_closed" }
    config.callers.push(callerEntry("shared", token, ["default"], { ...limits }))
  },
})

/** What the store holds for the caller: settled and reserved tokens of the day, and the leases with what they reserve. */
interface Held {
  readonly settled: number
  readonly reserved: number
  readonly leases: ReadonlyMap<string, number>
}

const LOOK = `
local day = redis.call('HKEYS', KEYS[1])
local answer = {}
for _, field in ipairs(day) do
  local value = redis.call('HGET', KEYS[1], field)
  if string.match(field, '^d%d') then
    local requests, tokens, money, r, reserved = struct.unpack('<dddddd', value)
    answer[#answer + 1] = 'day'
    answer[#answer + 1] = string.format('%.0f %.0f', tokens, reserved)
  elseif string.sub(field, 1, 1) == 'L' then
    local expiry, day, month, tokens = struct.unpack('<ddddddddd', value)
    answer[#answer + 1] = string.sub(field, 2)
    answer[#answer + 1] = string.format('%.0f', tokens)
  end
end
return answer`

async function look(redis: RedisServer): Promise<Held> {
  const words = (await redis.command("EVAL", LOOK, "1", CALLER)) as readonly string[]
  const leases = new Map<string, number>()
  let [settled, reserved] = [0, 0]
  for (let at = 0; at < words.length; at += 2) {
    const [name = "", value = ""] = [words[at], words[at + 1]]
    if (name === "day") [settled = 0, reserved = 0] = value.split(" ").map(Number)
    else leases.set(name, Number(value))
  }
  return { settled, reserved, leases }
}

let turn = 0
const slowly: Behaviour = async (exchange) => {
  await Bun.sleep(5 + ((turn += 1) % 7) * 5)
  await reply(SAMPLES.chat.unary())(exchange)
}

const ask = (router: RouterProcess, token: string, cap = 50): Promise<Answer | null> =>
  router.call("chat", SAMPLES.chat.request({ text: "hi", extra: { max_tokens: cap } }), { token }).catch(() => null)

/** A machine that stalls for half a second is not what these tests are about. */
async function askAgain(router: RouterProcess, token: string): Promise<Answer | null> {
  for (;;) {
    const answer = await ask(router, token)
    if (answer?.status !== 503) return answer
    await Bun.sleep(50)
  }
}

describe.skipIf(WITHOUT_REDIS !== null)(`one Redis${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  test("three routers, two of them killed under load: totals are exact, and no slot stays taken", async () => {
    await using redis = await startRedis()
    const upstream = (await FakeUpstream.start()).otherwise(slowly)
    const token = newToken("shared")
    const limit = 30_000
    const limits = { quota: { day: { tokens: limit } }, rate: { concurrent: 40 } }
    const wish = { token, limits }
    await using stack = new AsyncDisposableStack()
    const routers = await Promise.all(
      [1, 2, 3].map(async () => stack.use(await spawnRouter(setup(upstream, redis, wish)))),
    )
    const [one, two, three] = routers as [RouterProcess, RouterProcess, RouterProcess]
    const refusals = new Set<string>()
    const load = { isOver: false }
    const hammer = async (router: RouterProcess): Promise<void> => {
      while (!load.isOver) {
        const answer = await ask(router, token)
        if (answer === null) return
        if (answer.status !== 200) refusals.add((JSON.parse(answer.text) as { error: { code: string } }).error.code)
      }
    }
    const hammers = routers.flatMap((router) => Array.from({ length: 20 }, () => hammer(router)))
    const watching = (async () => {
      while (!load.isOver) {
        const { settled, reserved, leases } = await look(redis)
        expect(settled + reserved).toBeLessThanOrEqual(limit)
        expect(leases.size).toBeLessThanOrEqual(40)
      }
    })()
    const used = (share: number): Promise<true> =>
      eventually(`${share} of the budget`, async () => ((await look(redis)).settled > share * limit ? true : undefined))
    await used(0.3)
    one.signal("SIGKILL")
    await used(0.6)
    two.signal("SIGKILL")
    await Promise.all([one.exited, two.exited])
    await Bun.sleep(500)
    load.isOver = true
    await Promise.all([...hammers, watching])
    expect([...refusals].toSorted()).toContain("concurrency-exceeded")

    // three has nothing in flight: what is left belongs to the killed ones
    const after = await eventually("the last settlements", async () => {
      const held = await look(redis)
      const mine = new Set(three.records.usage().map(({ request_id }) => request_id))
      return [...held.leases.keys()].some((id) => mine.has(id)) ? undefined : held
    })
    const rows = routers.flatMap(({ records }) => records.usage()).filter(({ status }) => status === 200)
    const settledRows = rows.filter(({ request_id }) => !after.leases.has(request_id))
    const sumOf = (of: readonly { readonly total_tokens: number | null }[]): number =>
      of.reduce((sum, { total_tokens }) => sum + (total_tokens ?? 0), 0)
    expect(rows.length).toBeGreaterThan(50)
    expect(after.settled).toBe(sumOf(settledRows))
    expect(after.reserved).toBe([...after.leases.values()].reduce((sum, tokens) => sum + tokens, 0))
    expect(after.leases.size).toBeGreaterThan(0)

    // nobody renews the leases of the dead: they are booked at what they had reserved, and their slots are free
    three.prepared.rewrite((config) => {
      config.callers = config.callers.map((caller) => (caller["id"] === "shared" ? { ...caller, quota: {} } : caller))
    })
    three.signal("SIGHUP")
    await Bun.sleep(15_500)
    expect((await askAgain(three, token))?.status).toBe(200)
    await eventually("exact totals without a lease", async () => {
      const held = await look(redis)
      return held.leases.size === 0 && held.settled === after.settled + after.reserved + PER_CALL ? true : undefined
    })
    const slots = await Promise.all(Array.from({ length: 40 }, () => askAgain(three, token)))
    expect(slots.map((answer) => answer?.status)).toEqual(slots.map(() => 200))
    await upstream.stop()
  })

  test("a budget holds over all routers to the last token", async () => {
    await using redis = await startRedis()
    const upstream = (await FakeUpstream.start()).otherwise(slowly)
    const token = newToken("shared")
    const wish = { token, limits: { quota: { day: { requests: 25 } } } }
    await using stack = new AsyncDisposableStack()
    const routers = await Promise.all(
      [1, 2, 3].map(async () => stack.use(await spawnRouter(setup(upstream, redis, wish)))),
    )
    const answers = await Promise.all(Array.from({ length: 90 }, (_, index) => askAgain(routers[index % 3]!, token)))
    expect(answers.filter((answer) => answer?.status === 200).length).toBe(25)
    const refused = answers.filter((answer) => answer?.status !== 200)
    for (const answer of refused) expectError(answer!, "chat", 429, "quota-exhausted")
    const rows = routers.flatMap(({ records }) => records.usage()).filter(({ status }) => status === 200)
    expect(rows.length).toBe(25)
    await upstream.stop()
  })

  test("fail_closed: a store that hangs or is gone is a 503 with Retry-After, and callers without limits go on", async () => {
    await using redis = await startRedis()
    const upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
    const token = newToken("shared")
    await using router = await spawnRouter(
      setup(upstream, redis, { token, limits: { quota: { day: { tokens: 500 } } } }),
    )
    expect((await ask(router, token))?.status).toBe(200)
    const ready = async (): Promise<string> => (await get(router, "/readyz", { token: null })).text
    for (const [down, up] of [
      ["SIGSTOP", () => Promise.resolve(redis.signal("SIGCONT"))],
      ["SIGKILL", () => redis.restart()],
    ] as const) {
      redis.signal(down)
      const refused = await eventually("the refusal", async () => {
        const answer = await ask(router, token)
        return answer?.status === 200 ? undefined : answer
      })
      expectError(refused!, "chat", 503, "shared-state-unavailable")
      expect(Number(refused!.headers.get("retry-after"))).toBeGreaterThan(0)
      expect(await ready()).toContain("shared_state")
      expect((await ask(router, router.token))?.status).toBe(200)
      await up()
      await eventually("the return", async () => ((await ask(router, token))?.status === 200 ? true : undefined))
      expect(await ready()).toContain('"ready"')
    }
    // the second time it came back empty: the ledger knows what was used
    const usage = JSON.parse((await get(router, "/v1/usage", { token })).text) as {
      readonly limits: readonly { readonly used: number }[]
    }
    expect(usage.limits[0]?.used).toBe(3 * PER_CALL)
    await upstream.stop()
  })

  test("a store that is emptied under load resets no quota", async () => {
    await using redis = await startRedis()
    const upstream = (await FakeUpstream.start()).otherwise(slowly)
    const token = newToken("shared")
    await using router = await spawnRouter(
      setup(upstream, redis, { token, limits: { quota: { day: { requests: 40 } } } }),
    )
    const answers: (Answer | null)[] = []
    const hammer = async (): Promise<void> => {
      for (let round = 0; round < 12; round += 1) answers.push(await ask(router, token))
    }
    const load = Promise.all(Array.from({ length: 8 }, hammer))
    for (let flush = 0; flush < 5; flush += 1) {
      await Bun.sleep(30)
      await redis.command("FLUSHALL")
    }
    await load
    const served = answers.filter((answer) => answer?.status === 200).length
    expect(answers.length).toBe(96)
    // a call that ends at the very moment of a flush may be counted twice, but none is forgotten
    expect(served).toBeLessThanOrEqual(40)
    expect(served).toBeGreaterThanOrEqual(40 - 5 * 8)
    await eventually("the end of the quota", async () =>
      (await ask(router, token))?.status === 429 ? true : undefined,
    )
    await upstream.stop()
  })

  test("local: calls go on within the limits of each process, and are booked when the store is back", async () => {
    await using redis = await startRedis()
    const upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
    const token = newToken("shared")
    const wish = { token, limits: { quota: { day: { requests: 10 } } }, onUnavailable: "local" as const }
    await using router = await spawnRouter(setup(upstream, redis, wish))
    for (let call = 0; call < 4; call += 1) expect((await ask(router, token))?.status).toBe(200)
    redis.signal("SIGSTOP")
    const answers = await Promise.all(Array.from({ length: 9 }, () => ask(router, token)))
    expect(answers.filter((answer) => answer?.status === 200).length).toBe(6)
    redis.signal("SIGCONT")
    await eventually("the bookings", async () => ((await look(redis)).settled === 10 * PER_CALL ? true : undefined))
    expectError((await ask(router, token))!, "chat", 429, "quota-exhausted")
    await upstream.stop()
  })
})
