/** Routers and workers start while PostgreSQL is down, and are whole when it is back. */
import { describe, expect, test } from "bun:test"
import { eventually } from "../../helpers/client.ts"
import { callerEntry, newToken, type Config } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { execute, noPostgres, startPostgres } from "../../helpers/postgres.ts"
import { startRedis, WITHOUT_REDIS } from "../../helpers/redis.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const quota = newToken("quota")

describe.skipIf(noPostgres !== null)(
  `a start without PostgreSQL${noPostgres === null ? "" : ` (${noPostgres})`}`,
  () => {
    async function startsWithout(more: (config: Config) => void, isShared: boolean): Promise<void> {
      const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
      await using server = await startPostgres()
      const dsn = await server.schema()
      await server.kill()
      await using router = await spawnRouter({
        upstreams: { upstream },
        env: { USAGE_DB_DSN: dsn },
        configure: (config) => {
          config.server["usage_db"] = { driver: "postgres", dsn: "${USAGE_DB_DSN}" }
          config.callers.push(callerEntry("quota", quota, ["default"], { quota: { day: { requests: 2 } } }))
          more(config)
        },
      })
      const ask = (token?: string) => router.call("chat", SAMPLES.chat.request(), token === undefined ? {} : { token })
      expect((await ask()).status).toBe(200)
      const refused = await ask(quota)
      expect(refused.status).toBe(503)
      if (!isShared) expectError(refused, "chat", 503, "usage-store-unavailable")
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0)
      await server.start()
      const served = await eventually("the totals", async () => {
        const answer = await ask(quota)
        return answer.status === 200 ? answer : undefined
      })
      expect((await ask(quota)).status).toBe(200)
      expectError(await ask(quota), "chat", 429, "quota-exhausted")
      await eventually("the rows", async () => {
        const rows = await execute<{ id: string }>(dsn, "SELECT request_id AS id FROM request_usage WHERE status = 200")
        return rows.length === 3 && rows.some(({ id }) => id === served.requestId) ? true : undefined
      })
      await upstream.stop()
    }

    test("serves who needs no totals, and the others when the server is there", async () => {
      await startsWithout(() => {}, false)
    }, 300_000)

    test.skipIf(WITHOUT_REDIS !== null)(
      "is no other with workers",
      async () => {
        await using redis = await startRedis()
        await startsWithout((config) => {
          config.server["workers"] = 2
          config.server["state"] = { driver: "redis", url: redis.url }
        }, true)
      },
      300_000,
    )
  },
)
