/** With PostgreSQL as usage database every finished call has its row, once, also when the server dies and comes back. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { eventually, get } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { finishedCalls } from "../../helpers/finished-calls.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { execute, noPostgres, startPostgres, type PostgresServer } from "../../helpers/postgres.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const WORKERS = 4
const CALLS = 40

describe.skipIf(noPostgres !== null)(`postgres${noPostgres === null ? "" : ` (${noPostgres})`}`, () => {
  let server: PostgresServer
  let upstream: FakeUpstream
  beforeAll(async () => {
    server = await startPostgres()
    upstream = await FakeUpstream.start()
  })
  afterAll(async () => {
    await upstream.stop()
    await server[Symbol.asyncDispose]()
  })

  async function start(policy: string): Promise<{ readonly gateway: Gateway; readonly dsn: string }> {
    const dsn = await server.schema()
    const gateway = await startGateway({
      upstreams: { upstream },
      env: { USAGE_DB_DSN: dsn },
      configure: (config) => {
        config.server["usage_db"] = { driver: "postgres", dsn: "${USAGE_DB_DSN}", on_unavailable: policy }
      },
    })
    return { gateway, dsn }
  }

  test("a server that is killed under load and comes back has a row for every finished call", async () => {
    const { gateway, dsn } = await start("spool")
    await using _ = gateway
    const answer = vendorAnswer()
    let calls = 0
    const half = Promise.withResolvers<void>()
    upstream.otherwise((exchange) => {
      if ((calls += 1) === CALLS) half.resolve()
      return answer(exchange)
    })
    const over = new AbortController()
    const isEnough = (): boolean => over.signal.aborted
    const working = Promise.all(
      Array.from({ length: WORKERS }, (__, worker) => finishedCalls(gateway, worker, isEnough)),
    )
    await half.promise
    await server.kill()
    const without = calls
    await eventually("calls without a database", () => (calls > without + CALLS ? true : undefined))
    await server.start()
    const later = calls
    await eventually("calls with a database", () => (calls > later + CALLS ? true : undefined))
    over.abort()
    const finished = (await working).flat()
    expect(finished.length).toBeGreaterThan(3 * CALLS - WORKERS)
    await eventually("a row for every finished call", async () => {
      const rows = await execute<{ id: string }>(dsn, "SELECT request_id AS id FROM request_usage")
      const known = new Set(rows.map(({ id }) => id))
      return finished.every((id) => known.has(id)) ? true : undefined
    })
    const sums = `SELECT (SELECT count(*) FROM request_usage) = (SELECT sum(requests) FROM usage_rollup_hourly) AS requests,
      (SELECT count(*) FROM request_usage) = (SELECT count(*) FROM request_attempts) AS attempts`
    expect(await execute(dsn, sums)).toEqual([{ requests: "t", attempts: "t" }])
  })

  test("fail_closed refuses calls while the server is away, and serves them again afterwards", async () => {
    const { gateway } = await start("fail_closed")
    await using _ = gateway
    upstream.otherwise(vendorAnswer())
    const statusOf = async (): Promise<number> => (await gateway.call("chat", SAMPLES.chat.request())).status
    const ready = async (status: number): Promise<true | undefined> =>
      (await get(gateway, "/readyz")).status === status ? true : undefined
    expect(await statusOf()).toBe(200)
    await server.kill()
    await eventually("not ready", () => ready(503))
    expect(await statusOf()).toBe(503)
    await server.start()
    await eventually("ready", () => ready(200))
    expect(await statusOf()).toBe(200)
  })
})
