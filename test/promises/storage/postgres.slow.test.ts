/**
 * With PostgreSQL as usage database, too, every call whose client saw its end has exactly one row, whatever dies under load:
 * the database server, its answers, or the router.
 */
import { describe, expect, test } from "bun:test"
import { randomInt } from "node:crypto"
import { eventually, get } from "../../helpers/client.ts"
import type { Prepared } from "../../helpers/config.ts"
import { prepare } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { finishedBeforeKill, finishedCalls } from "../../helpers/finished-calls.ts"
import { parsed } from "../../helpers/expectations.ts"
import { at } from "../../helpers/streams.ts"
import { execute, noPostgres, type PostgresServer, sharedPostgres, startPostgres } from "../../helpers/postgres.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const WORKERS = 8
const ROUNDS = 4
const PASSWORD = "pass-7c1f"

function prepareFor(upstream: FakeUpstream, dsn: string, policy = "spool"): Prepared {
  return prepare({
    upstreams: { upstream },
    env: { USAGE_DB_DSN: dsn.replace("postgres@", `postgres:${PASSWORD}@`) },
    configure: (config) => {
      config.server["usage_db"] = { driver: "postgres", dsn: "${USAGE_DB_DSN}", on_unavailable: policy }
    },
  })
}

/** Once nothing is on its way any more: one row for each of the calls, and sums that are those of the rows. */
async function expectExactly(dsn: string, finished: readonly string[]): Promise<void> {
  await eventually("a row for every finished call", async () => {
    const rows = await execute<{ id: string }>(dsn, "SELECT request_id AS id FROM request_usage")
    const known = new Set(rows.map(({ id }) => id))
    return finished.every((id) => known.has(id)) ? true : undefined
  })
  const [sums] = await execute(
    dsn,
    `SELECT (SELECT count(*) FROM request_usage) = (SELECT sum(requests) FROM usage_rollup_hourly) AS requests,
       (SELECT sum(total_cost_nano_usd) FROM request_usage) = (SELECT sum(cost_nano_usd) FROM usage_rollup_hourly) AS cost,
       (SELECT sum(total_tokens) FROM request_usage) = (SELECT sum(total_tokens) FROM usage_rollup_hourly) AS tokens,
       (SELECT count(*) FROM request_usage) = (SELECT count(*) FROM request_attempts) AS attempts`,
  )
  expect(sums).toEqual({ requests: "t", cost: "t", tokens: "t", attempts: "t" })
  expect(new Set(finished).size).toBe(finished.length)
}

/** Load, during which the server goes away and comes back. Returns what clients saw the end of. */
async function disturbed(server: PostgresServer, disturb: () => Promise<void>): Promise<void> {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const dsn = await server.schema()
  const prepared = prepareFor(upstream, dsn)
  await using router = await spawnRouter(prepared)
  let isEnough = false
  const working = Promise.all(
    Array.from({ length: WORKERS }, async (_, worker) => finishedCalls(router, worker, () => isEnough)),
  )
  try {
    await Bun.sleep(200)
    await disturb()
    await Bun.sleep(300)
  } finally {
    isEnough = true
  }
  const finished = (await working).flat()
  expect(router.output()).toContain("calls go to the spool")
  expect(router.output()).not.toContain(PASSWORD)
  await expectExactly(dsn, finished)
  const usage = parsed(await get(router, "/v1/usage"))
  expect(Number(at(usage, "today", "requests"))).toBeGreaterThanOrEqual(finished.length)
  await upstream.stop()
}

describe.skipIf(noPostgres !== null)(`postgres${noPostgres === null ? "" : ` (${noPostgres})`}`, () => {
  test("the server is killed under load, again and again, and comes back", async () => {
    await using server = await startPostgres()
    await disturbed(server, async () => {
      for (let round = 0; round < 3; round += 1) {
        await server.kill()
        await Bun.sleep(randomInt(50, 400))
        await server.start()
        await Bun.sleep(randomInt(50, 800))
      }
    })
  })

  test("the server hangs under load: it accepts connections and does not answer", async () => {
    await using server = await startPostgres()
    await disturbed(server, async () => {
      server.freeze()
      await Bun.sleep(3500)
      server.resume()
    })
  })

  test("the router is killed under load, again and again", async () => {
    const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
    const dsn = await (await sharedPostgres()).schema()
    const prepared = prepareFor(upstream, dsn)
    const finished: string[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const router = await spawnRouter(prepared)
      finished.push(...(await finishedBeforeKill(router, WORKERS, Bun.sleep(randomInt(60, 300)))))
    }
    expect(finished.length).toBeGreaterThan(ROUNDS)
    await expectExactly(dsn, finished)
    prepared.remove()
    await upstream.stop()
  })

  test("two routers on one database, one of them killed: nothing is lost, doubled or in the other's way", async () => {
    const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
    const dsn = await (await sharedPostgres()).schema()
    const prepared = prepareFor(upstream, dsn)
    await using one = await spawnRouter(prepared)
    await using other = await spawnRouter(prepared)
    let isEnough = false
    const working = Promise.all(
      [one, other].flatMap((router) =>
        Array.from({ length: WORKERS }, async (_, worker) => finishedCalls(router, worker, () => isEnough)),
      ),
    )
    await Bun.sleep(300)
    other.signal("SIGKILL")
    await Bun.sleep(300)
    isEnough = true
    await expectExactly(dsn, (await working).flat())
    await upstream.stop()
  })

  test("fail_closed: calls are refused while the server is away, and served again afterwards", async () => {
    const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
    await using server = await startPostgres()
    await using router = await spawnRouter(prepareFor(upstream, await server.schema(), "fail_closed"))
    expect((await get(router, "/readyz")).status).toBe(200)
    await server.kill()
    await eventually("not ready", async () => ((await get(router, "/readyz")).status === 503 ? true : undefined))
    expect((await router.call("chat", '{"model":"default","messages":[]}')).status).toBe(503)
    await server.start()
    await eventually("ready", async () => ((await get(router, "/readyz")).status === 200 ? true : undefined))
    expect((await router.call("chat", '{"model":"default","messages":[]}')).status).toBe(200)
    await upstream.stop()
  })
})
