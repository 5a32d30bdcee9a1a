/** Reloads that add, take away and bring back limits, and move callers: what is counted is what stands in the ledger. */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken, type Config, type Setup } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { execute, noPostgres, sharedPostgres } from "../../helpers/postgres.ts"
import { databasePath } from "../../helpers/records.ts"
import { startRedis, WITHOUT_REDIS } from "../../helpers/redis.ts"
import type { RouterProcess } from "../../helpers/router-process.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

let upstream: FakeUpstream
const CHAT = SAMPLES.chat
const PER_CALL = CHAT.usage.input + CHAT.usage.output
const QUOTA = { day: { tokens: 1e9, requests: 1e6 } }

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(reply(CHAT.unary()))
})

afterAll(() => upstream.stop())

/** Used and reserved tokens of the day, and used requests, of the caller or its project; null: it has no limit. */
async function countsOf(router: RouterProcess, scope: string, token = router.token): Promise<readonly number[] | null> {
  const page = await get(router, "/v1/usage", { token })
  const lines = at(JSON.parse(page.text), "limits") as {
    scope: string
    limit: string
    used: number
    reserved: number
  }[]
  const of = (limit: string) => lines.find((line) => line.scope === scope && line.limit === limit)
  const [tokens, requests] = [of("quota.day.tokens"), of("quota.day.requests")]
  return tokens === undefined || requests === undefined ? null : [tokens.used, tokens.reserved, requests.used]
}

async function reload(router: RouterProcess, change: (config: Config) => void, isThere: () => Promise<boolean>) {
  router.prepared.rewrite(change)
  router.signal("SIGHUP")
  await eventually("the new limits", async () => ((await isThere()) ? true : undefined))
}

const body = (text = "hello"): string => CHAT.request({ text, extra: { max_tokens: 20 } })

test("limits that go and come back know what was used meanwhile, also by calls that began before", async () => {
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      config.projects[0]!["quota"] = QUOTA
      config.callers[0]!["rate"] = { concurrent: 100 }
    },
  })
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const hold = (text: string, gate: Promise<void>) => {
    upstream.plan(text, async (exchange) => {
      await gate
      await stream(CHAT.frames())(exchange)
    })
    return router.call("chat", CHAT.request({ text, stream: true, extra: { max_tokens: 20 } }))
  }
  const isLimited = async () => (await countsOf(router, "project")) !== null
  await router.call("chat", body())
  // holds the limit that goes
  const early = hold("early", gates[0]!.promise)
  await upstream.arrival("early")
  await reload(
    router,
    (config) => delete config.projects[0]!["quota"],
    async () => !(await isLimited()),
  )
  await router.call("chat", body())
  // holds nothing of it
  const late = hold("late", gates[1]!.promise)
  await upstream.arrival("late")
  await reload(router, (config) => void (config.projects[0]!["quota"] = QUOTA), isLimited)
  const [used, reserved, requests] = (await countsOf(router, "project")) ?? []
  expect([used, requests]).toEqual([2 * PER_CALL, 2])
  expect(reserved).toBeGreaterThan(20)
  gates[0]!.resolve()
  await early
  gates[1]!.resolve()
  await late
  await eventually("both are counted", async () => ((await countsOf(router, "project"))?.[2] === 4 ? true : undefined))
  expect(await countsOf(router, "project")).toEqual([4 * PER_CALL, 0, 4])
})

test("a caller that moves, with a call in flight, counts for each project what was made in it", async () => {
  const stays = { lab: newToken("k2"), shop: newToken("k3") }
  const setup: Setup = {
    upstreams: { upstream },
    configure: (config) => {
      config.projects[0]!["quota"] = QUOTA
      config.projects.push({ id: "shop", name: "Shop", status: "active", quota: QUOTA })
      config.project_memberships.push({ user_id: "me", project: "shop", role: "owner", status: "active" })
      config.callers.push(callerEntry("in-lab", stays.lab, ["default"]))
      config.callers.push(callerEntry("in-shop", stays.shop, ["default"], { project: "shop" }))
      config.callers[0]!["quota"] = QUOTA
    },
  }
  const router = await spawnRouter(setup)
  const seen = async (of: RouterProcess) => [
    await countsOf(of, "caller"),
    await countsOf(of, "project", stays.lab),
    await countsOf(of, "project", stays.shop),
  ]
  const gate = Promise.withResolvers<void>()
  upstream.plan("moving", async (exchange) => {
    await gate.promise
    await stream(CHAT.frames())(exchange)
  })
  const flying = router.call("chat", CHAT.request({ text: "moving", stream: true, extra: { max_tokens: 20 } }))
  await upstream.arrival("moving")
  const move = (config: Config) => void (config.callers[0]!["project"] = "shop")
  await reload(router, move, async () => (await countsOf(router, "project"))?.[1] === 0)
  await router.call("chat", body())
  gate.resolve()
  await flying
  const one = [PER_CALL, 0, 1]
  await eventually("all is counted", async () => ((await countsOf(router, "caller"))?.[2] === 2 ? true : undefined))
  expect(await seen(router)).toEqual([[2 * PER_CALL, 0, 2], one, one])
  router.signal("SIGKILL")
  await router.exited
  await using again = await spawnRouter(router.prepared)
  expect(await seen(again)).toEqual([[2 * PER_CALL, 0, 2], one, one])
})

const SUMS = "SELECT sum(limit_tokens) AS tokens, count(*) AS requests FROM request_usage"
const DRIVERS = [
  { name: "sqlite", missing: null, dsn: () => Promise.resolve(null) },
  { name: "postgres", missing: noPostgres, dsn: async () => (await sharedPostgres()).schema() },
] as const

describe.each(DRIVERS.map((driver) => ({ ...driver })))("under load, on $name", ({ missing, dsn: schema }) => {
  test.skipIf(missing !== null)("a limit that comes with a reload misses no call and counts none twice", async () => {
    const dsn = await schema()
    await using router = await spawnRouter({
      upstreams: { upstream },
      ...(dsn === null ? {} : { env: { USAGE_DB_DSN: dsn } }),
      configure: (config) => {
        if (dsn !== null) config.server["usage_db"] = { driver: "postgres", dsn: "${USAGE_DB_DSN}" }
      },
    })
    const over = new AbortController()
    const caller = async (): Promise<void> => {
      while (!over.signal.aborted) await router.call("chat", body())
    }
    const callers = Array.from({ length: 12 }, caller)
    for (let round = 0; round < 4; round += 1) {
      const isLimited = async () => (await countsOf(router, "caller")) !== null
      await reload(router, (config) => void (config.callers[0]!["quota"] = QUOTA), isLimited)
      await Bun.sleep(50)
      if (round === 3) break
      await reload(
        router,
        (config) => delete config.callers[0]!["quota"],
        async () => !(await isLimited()),
      )
    }
    over.abort()
    await Promise.all(callers)
    const [sums] = dsn === null ? sqliteRows(router) : await execute<{ tokens: number; requests: number }>(dsn, SUMS)
    expect(sums?.requests).toBeGreaterThan(50)
    expect(await countsOf(router, "caller")).toEqual([sums?.tokens ?? 0, 0, sums?.requests ?? 0])
  })
})

test.skipIf(WITHOUT_REDIS !== null)(
  `limits in a shared state that go and come back count what was used in between${WITHOUT_REDIS === null ? "" : ` (${WITHOUT_REDIS})`}`,
  async () => {
    await using redis = await startRedis()
    await using router = await spawnRouter({
      upstreams: { upstream },
      configure: (config) => {
        config.server["state"] = { driver: "redis", url: redis.url }
        config.callers[0]!["quota"] = QUOTA
      },
    })
    const calls = async (): Promise<void> => {
      for (let made = 0; made < 3; made += 1) expect((await router.call("chat", body())).status).toBe(200)
    }
    await calls()
    const isLimited = async () => (await countsOf(router, "caller")) !== null
    await reload(
      router,
      (config) => delete config.callers[0]!["quota"],
      async () => !(await isLimited()),
    )
    await calls()
    await reload(router, (config) => void (config.callers[0]!["quota"] = QUOTA), isLimited)
    await calls()
    const [sums] = sqliteRows(router)
    expect(sums?.requests).toBe(9)
    await eventually("what the rows say", async () => {
      const counts = await countsOf(router, "caller")
      return String(counts) === String([sums?.tokens, 0, 9]) ? true : undefined
    })
  },
)

test.skipIf(WITHOUT_REDIS !== null)(
  `limits in a shared state that go and come back by restarts count what was used in between${WITHOUT_REDIS === null ? "" : ` (${WITHOUT_REDIS})`}`,
  async () => {
    await using redis = await startRedis()
    const first = await spawnRouter({
      upstreams: { upstream },
      configure: (config) => {
        config.server["state"] = { driver: "redis", url: redis.url }
        config.callers[0]!["quota"] = QUOTA
      },
    })
    const { prepared } = first
    const callsOf = async (router: RouterProcess): Promise<void> => {
      for (let made = 0; made < 3; made += 1) expect((await router.call("chat", body())).status).toBe(200)
      router.signal("SIGKILL")
      await router.exited
    }
    await callsOf(first)
    prepared.rewrite((config) => delete config.callers[0]!["quota"])
    await callsOf(await spawnRouter(prepared))
    prepared.rewrite((config) => void (config.callers[0]!["quota"] = QUOTA))
    await using router = await spawnRouter(prepared)
    const [sums] = sqliteRows(router)
    expect(sums?.requests).toBe(6)
    const isAsTheRowsSay = async (): Promise<true | undefined> =>
      String(await countsOf(router, "caller")) === String([sums?.tokens, 0, 6]) ? true : undefined
    await eventually("what the rows say", isAsTheRowsSay)
    expect(await isAsTheRowsSay()).toBe(true)
  },
)

function sqliteRows(router: RouterProcess): readonly { readonly tokens: number; readonly requests: number }[] {
  using database = new Database(databasePath(router.directory), { readonly: true })
  return database.query<{ tokens: number; requests: number }, []>(SUMS).all()
}
