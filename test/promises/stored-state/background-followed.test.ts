/** An answer in the background that nobody reads is followed by the router itself, and booked once: exactly, or at what was reserved. */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { call, eventually, get } from "../../helpers/client.ts"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import type { Door } from "../../helpers/client.ts"
import { callerEntry, newToken, type Setup, sha256 } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { execute, noPostgres, sharedPostgres } from "../../helpers/postgres.ts"
import { startRedis, WITHOUT_REDIS } from "../../helpers/redis.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

let upstream: FakeUpstream
const SAMPLE = SAMPLES.responses
const ALL = SAMPLE.usage.input + SAMPLE.usage.output
const PRICE = 2_000_000_000
const COST = (ALL * PRICE) / 1e6

beforeAll(async () => {
  upstream = await FakeUpstream.start()
})

afterAll(() => upstream.stop())

const setup = (): Setup => ({
  upstreams: { upstream },
  configure: (config) => {
    const prices = { input_price_per_million_usd: 2, output_price_per_million_usd: 2 }
    for (const provider of Object.values(config.providers))
      provider["models"] = { m1: { model: "m", max_output_tokens: 1000, ...prices } }
    config.callers[0]!["quota"] = { day: { tokens: 1_000_000, requests: 1000 } }
    config.projects[0]!["quota"] = { month: { tokens: 1_000_000 } }
    config.projects[0]!["spend"] = { month_usd: 1000 }
  },
})

function bodyOf(id: string, members: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...(JSON.parse(SAMPLE.unary()) as object), id, ...members })
}

const QUEUED = { status: "queued", output: [], usage: null }

/** A call that leaves an answer in the background. @returns its request id */
async function begin(door: Gateway, id: string): Promise<string> {
  upstream.plan(`<${id}>`, reply(bodyOf(id, QUEUED)))
  const body = SAMPLE.request({ text: `<${id}>`, extra: { background: true, max_output_tokens: 500 } })
  const answer = await door.call("responses", body)
  expect(answer.status).toBe(200)
  return answer.requestId
}

interface Booked {
  readonly request_id: string
  readonly usage_source: string
  readonly total_tokens: number | null
  readonly total_cost_nano_usd: number | null
  readonly attempts: number
}

function rowsOf(door: Gateway, sql: string): readonly unknown[] {
  using database = new Database(databasePath(door.directory))
  database.run("PRAGMA busy_timeout=5000")
  return database.query<unknown, []>(sql).all()
}

function bookingsOf(door: Gateway, requestId: string): readonly Booked[] {
  return rowsOf(door, `SELECT * FROM request_usage WHERE books_request_id = '${requestId}'`) as readonly Booked[]
}

const booking = (door: Gateway, requestId: string) =>
  eventually("the row that books it", () => bookingsOf(door, requestId)[0])

const waiting = (door: Gateway): number => rowsOf(door, "SELECT * FROM background_responses").length

async function usedOf(door: Door): Promise<Readonly<Record<string, number>>> {
  const lines = at(JSON.parse((await get(door, "/v1/usage")).text), "limits") as {
    scope: string
    limit: string
    used: number
  }[]
  return Object.fromEntries(lines.map(({ scope, limit, used }) => [`${scope} ${limit}`, used]))
}

const TOKENS = "caller quota.day.tokens"
const REQUESTS = "caller quota.day.requests"
const MONTH = "project quota.month.tokens"
const MONEY = "project spend.month_usd"
const REAL = { [TOKENS]: ALL, [REQUESTS]: 1, [MONTH]: ALL, [MONEY]: COST / 1e9 }

test("nobody reads it: the router asks until it is over, across a crash, and a restart counts one request", async () => {
  const first = await spawnRouter(setup())
  const id = "resp_unread"
  upstream.plan(`/responses/${id}`, reply(bodyOf(id, QUEUED)))
  const requestId = await begin(first, id)
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

test.each([
  ["a provider that has it no more", () => reply("{}", { status: 404 })],
  ["a cancelled one without usage", (id: string) => reply(bodyOf(id, { status: "cancelled", usage: null }))],
])("%s: what was reserved is booked, as an estimate", async (name: string, told: (id: string) => Behaviour) => {
  await using gateway = await startGateway(setup())
  const id = `resp_lost_${name.length}`
  upstream.plan(`/responses/${id}`, told(id))
  const requestId = await begin(gateway, id)
  const reserved = await usedOf(gateway)
  expect(await booking(gateway, requestId)).toMatchObject({
    usage_source: "estimated",
    total_tokens: reserved[TOKENS],
    total_cost_nano_usd: Math.round((reserved[MONEY] ?? 0) * 1e9),
  })
  expect(await usedOf(gateway)).toEqual(reserved)
})

test("one that its provider does not store can be read, and is followed all the same", async () => {
  await using gateway = await startGateway(setup())
  upstream.plan("/responses/resp_unstored", reply(bodyOf("resp_unstored", { store: false })))
  upstream.plan("<resp_unstored>", reply(bodyOf("resp_unstored", { ...QUEUED, store: false, background: true })))
  const body = SAMPLE.request({ text: "<resp_unstored>", extra: { background: true } })
  const { requestId } = await gateway.call("responses", body)
  const { status } = await call(gateway, "responses", null, { method: "GET", path: "/v1/responses/resp_unstored" })
  expect(status).toBe(200)
  expect(await booking(gateway, requestId)).toMatchObject({ usage_source: "provider", total_tokens: ALL })
})

test("one that failed has used nothing", async () => {
  await using gateway = await startGateway(setup())
  const failed = { status: "failed", error: { code: "server_error", message: "no" }, usage: null }
  upstream.plan("/responses/resp_failed", reply(bodyOf("resp_failed", failed)))
  const requestId = await begin(gateway, "resp_failed")
  expect(await booking(gateway, requestId)).toMatchObject({ usage_source: "none", total_tokens: null })
  await eventually("the limits", async () => ((await usedOf(gateway))[TOKENS] === 0 ? true : undefined))
  expect((await usedOf(gateway))[REQUESTS]).toBe(1)
})

test("a target that cannot be asked: given up after a day, and not before", async () => {
  await using gateway = await startGateway(setup())
  upstream.plan("/responses/resp_silent", reply("{}", { status: 503 }))
  const requestId = await begin(gateway, "resp_silent")
  await upstream.arrival("/responses/resp_silent", 2)
  expect(bookingsOf(gateway, requestId)).toEqual([])
  rowsOf(gateway, "UPDATE background_responses SET ts = ts - 86400000, next_poll_at = 0")
  expect(await booking(gateway, requestId)).toMatchObject({ usage_source: "estimated" })
})

test.each([
  ["in work: at what was reserved", QUEUED, "estimated"],
  ["over: at what it has used", {}, "provider"],
])("deleted while it is %s", async (_, members, source) => {
  await using gateway = await startGateway(setup())
  const id = `resp_deleted_${source}`
  const requestId = await begin(gateway, id)
  upstream.plan(`/responses/${id}`, reply(bodyOf(id, members)), reply(bodyOf(id, { deleted: true })))
  const { status } = await call(gateway, "responses", null, { method: "DELETE", path: `/v1/responses/${id}` })
  expect(status).toBe(200)
  expect(bookingsOf(gateway, requestId)).toMatchObject([{ usage_source: source }])
  expect(upstream.received(`/responses/${id}`).map(({ request }) => request.method)).toEqual(["GET", "DELETE"])
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
      requestIds.push(await begin(router, id))
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
      const body = SAMPLE.request({ text: `<${id}>`, extra: { background: true, max_output_tokens: 500 } })
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
