/** An answer in the background is booked once, whichever process dies, and whichever of several is asked. */
import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test"
import { OpenLeases } from "../../../src/governance/redis/open-leases.ts"
import { StoreState } from "../../../src/governance/redis/store.ts"
import {
  ALL,
  backgroundSetup,
  begin,
  bodyOf,
  booking,
  bookingsOf,
  COST,
  MONEY,
  MONTH,
  QUEUED,
  REAL,
  REQUESTS,
  TOKENS,
  usedOf,
  waiting,
} from "../../helpers/background-answers.ts"
import { reply } from "../../helpers/behaviours.ts"
import { call, eventually, get, type Door } from "../../helpers/client.ts"
import { callerEntry, newToken, type Setup, sha256 } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { execute, noPostgres, sharedPostgres } from "../../helpers/postgres.ts"
import { startRedis, WITHOUT_REDIS } from "../../helpers/redis.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

let upstream: FakeUpstream
const setup = (): Setup => backgroundSetup(upstream)

beforeAll(async () => {
  upstream = await FakeUpstream.start()
})

afterAll(() => upstream.stop())

test("the router asks until an answer is over that no client reads, across a crash, and a restart counts one request", async () => {
  const first = await spawnRouter(setup())
  const id = "resp_unread"
  upstream.plan(`/responses/${id}`, reply(bodyOf(id, QUEUED)))
  const requestId = await begin(upstream, first, id)
  const reserved = await usedOf(first)
  expect(reserved[TOKENS]).toBeGreaterThan(500)
  await upstream.arrival(`/responses/${id}`, 2)
  first.signal("SIGKILL")
  await first.exited
  const second = await spawnRouter(first.prepared)
  expect(await usedOf(second)).toEqual(reserved)
  upstream.plan(`/responses/${id}`, reply(bodyOf(id, {})))
  const row = await booking(second, requestId)
  expect(row).toMatchObject({ usage_source: "provider", total_tokens: ALL, total_cost_nano_usd: COST, attempts: 0 })
  await eventually("the limits", async () => ((await usedOf(second))[TOKENS] === ALL ? true : undefined))
  expect(await usedOf(second)).toEqual(REAL)
  expect(waiting(second)).toBe(0)
  expect(at(JSON.parse((await get(second, "/v1/usage")).text), "month")).toMatchObject({
    requests: 1,
    total_tokens: ALL,
    cost_unknown_requests: 0,
  })
  second.signal("SIGKILL")
  await second.exited
  await using third = await spawnRouter(first.prepared)
  expect(await usedOf(third)).toEqual(REAL)
})

describe.skipIf(WITHOUT_REDIS !== null)(`two processes${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  test("whoever is asked, one of them closes the reservation, once", async () => {
    await using redis = await startRedis()
    const first = await spawnRouter({
      ...setup(),
      configure: (config, directory) => {
        setup().configure?.(config, directory)
        config.server["state"] = { driver: "redis", url: redis.url, on_unavailable: "fail_closed" }
        config.server["workers"] = 2
      },
    })
    await using router = first
    const ids = Array.from({ length: 6 }, (_unused, number) => `resp_shared_${number}`)
    const requestIds: string[] = []
    for (const id of ids) {
      upstream.plan(`/responses/${id}`, reply(bodyOf(id, {})))
      requestIds.push(await begin(upstream, router, id))
    }
    // each on a connection of its own: either worker may get it
    const read = (id: string) => call(router, "responses", null, { method: "GET", path: `/v1/responses/${id}` })
    await Promise.all([...ids, ...ids, ...ids].map(read))
    const times = ids.length
    const all = { [TOKENS]: ALL * times, [REQUESTS]: times, [MONTH]: ALL * times, [MONEY]: (COST * times) / 1e9 }
    await eventually("all that was used", async () =>
      (await usedOf(router))[TOKENS] === ALL * times ? true : undefined,
    )
    expect(await usedOf(router)).toEqual(all)
    for (const requestId of requestIds) expect(bookingsOf(router, requestId)).toHaveLength(1)
    expect(waiting(router)).toBe(0)
  })

  test("a process that is killed behind the row and before the limits hear of it: they read it from the row", async () => {
    await using redis = await startRedis()
    await using router = await startGateway({
      ...setup(),
      configure: (config, directory) => {
        setup().configure?.(config, directory)
        config.server["state"] = { driver: "redis", url: redis.url, on_unavailable: "fail_closed" }
      },
    })
    const id = "resp_half_booked"
    upstream.plan(`/responses/${id}`, reply(bodyOf(id, QUEUED)))
    const requestId = await begin(upstream, router, id)
    expect((await usedOf(router))[TOKENS]).toBeGreaterThan(500)
    // what a kill in this moment leaves undone
    const undone = [spyOn(StoreState.prototype, "settle"), spyOn(StoreState.prototype, "book")]
    const renewal = spyOn(OpenLeases.prototype, "renew").mockImplementation(() => {})
    for (const one of undone) one.mockImplementation(() => {})
    try {
      upstream.plan(`/responses/${id}`, reply(bodyOf(id, {})))
      await booking(router, requestId)
      await router.stop()
    } finally {
      for (const one of [...undone, renewal]) one.mockRestore()
    }
    await using again = await startGateway(router.prepared)
    await eventually("what the row says", async () => (Bun.deepEquals(await usedOf(again), REAL) ? true : undefined))
    expect(await usedOf(again)).toEqual(REAL)
  })
})

describe.skipIf(noPostgres !== null)("two routers on one PostgreSQL that count for themselves", () => {
  test("each corrects what it has counted; what one leaves behind the other one books", async () => {
    const dsn = await (await sharedPostgres()).schema()
    const onPostgres = (): Setup => ({
      ...setup(),
      env: { USAGE_DB_DSN: dsn },
      configure: (config, directory) => {
        setup().configure?.(config, directory)
        config.callers[0] = callerEntry("me-lab", token, ["default"], {
          ...config.callers[0],
          token_sha256: sha256(token),
        })
        config.server["usage_db"] = { driver: "postgres", dsn: "${USAGE_DB_DSN}" }
      },
    })
    const token = newToken()
    const first = await spawnRouter(onPostgres())
    await using second = await spawnRouter(onPostgres())
    const used = async (router: Door) => (await usedOf({ url: router.url, token }))[TOKENS]
    const bookings = () => execute(dsn, "SELECT usage_source FROM request_usage WHERE books_request_id IS NOT NULL")
    const start = (id: string) => {
      upstream.plan(`/responses/${id}`, reply(bodyOf(id, QUEUED)))
      upstream.plan(`<${id}>`, reply(bodyOf(id, QUEUED)))
      const body = SAMPLES.responses.request({ text: `<${id}>`, extra: { background: true, max_output_tokens: 500 } })
      return call(first, "responses", body, { token })
    }
    await start("resp_apart")
    const reserved = (await used(first)) ?? 0
    expect([reserved > 500, await used(second)]).toEqual([true, 0])
    await upstream.arrival("/responses/resp_apart", 1)
    upstream.plan("/responses/resp_apart", reply(bodyOf("resp_apart", {})))
    await call(second, "responses", null, { method: "GET", path: "/v1/responses/resp_apart", token })
    await eventually("the row that books it", async () => ((await bookings()).length === 1 ? true : undefined))
    await eventually("the limits", async () => ((await used(first)) === ALL ? true : undefined))
    expect(await used(second)).toBe(0)

    await start("resp_alone")
    expect(await used(first)).toBe(ALL + reserved)
    first.signal("SIGKILL")
    await first.exited
    upstream.plan("/responses/resp_alone", reply(bodyOf("resp_alone", {})))
    await execute(dsn, "UPDATE background_responses SET next_poll_at = next_poll_at - 120000")
    await call(second, "responses", null, { method: "GET", path: "/v1/responses/resp_alone", token })
    expect(await bookings()).toHaveLength(2)
    expect(await used(second)).toBe(0)
    first.prepared.remove()
  })
})
