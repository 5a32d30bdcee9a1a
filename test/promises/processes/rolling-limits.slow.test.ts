/** A limit that replicas take one after the other counts what each of them has served without it. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import type { Config, Setup } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { execute, noPostgres, sharedPostgres } from "../../helpers/postgres.ts"
import { startRedis, WITHOUT_REDIS } from "../../helpers/redis.ts"
import { spawnRouter, type RouterProcess } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

const CHAT = SAMPLES.chat
const PER_CALL = CHAT.usage.input + CHAT.usage.output
const SUMS = "SELECT sum(limit_tokens) AS tokens FROM request_usage"
const missing = noPostgres ?? WITHOUT_REDIS

let upstream: FakeUpstream

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(reply(CHAT.unary()))
})

afterAll(() => upstream.stop())

/** Of the caller's day; null: it has no limit. */
async function usedAt(router: RouterProcess): Promise<number | null> {
  const { text } = await get(router, "/v1/usage", { token: router.token })
  const lines = at(JSON.parse(text), "limits") as { readonly limit: string; readonly used: number }[]
  return lines.find(({ limit }) => limit === "quota.day.tokens")?.used ?? null
}

test.skipIf(missing !== null)(
  `two replicas, one store, one ledger${missing === null ? "" : ` (${missing})`}`,
  async () => {
    await using redis = await startRedis()
    const dsn = await (await sharedPostgres()).schema()
    const setup: Setup = {
      upstreams: { upstream },
      env: { USAGE_DB_DSN: dsn },
      configure: (config) => {
        config.server["usage_db"] = { driver: "postgres", dsn: "${USAGE_DB_DSN}" }
        config.server["state"] = { driver: "redis", url: redis.url }
      },
    }
    await using first = await spawnRouter(setup)
    await using second = await spawnRouter(setup)
    const limit = (config: Config): void => void (config.callers[0]!["quota"] = { day: { tokens: 1e9 } })
    const calls = async (router: RouterProcess, count: number): Promise<void> => {
      const body = CHAT.request({ extra: { max_tokens: 20 } })
      const answers = await Promise.all(Array.from({ length: count }, () => router.call("chat", body)))
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    }
    const reload = async (router: RouterProcess): Promise<void> => {
      router.prepared.rewrite(limit)
      router.signal("SIGHUP")
      await eventually("the limit", async () => ((await usedAt(router)) === null ? undefined : true))
    }
    await calls(first, 6)
    await calls(second, 6)
    await reload(first)
    await calls(second, 15)
    await calls(first, 5)
    await eventually("all of it", async () => ((await usedAt(first)) === 32 * PER_CALL ? true : undefined))
    await reload(second)
    await calls(second, 3)
    await eventually("all of it", async () => ((await usedAt(second)) === 35 * PER_CALL ? true : undefined))
    const [sums] = await execute<{ tokens: number }>(dsn, SUMS)
    expect([await usedAt(first), await usedAt(second)]).toEqual([sums!.tokens, sums!.tokens])
  },
  120_000,
)
