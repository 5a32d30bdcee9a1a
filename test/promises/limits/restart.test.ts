/** What limits count across a restart or a reload where the hourly sums alone do not tell it. */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { databasePath } from "../../helpers/records.ts"
import type { RouterProcess } from "../../helpers/router-process.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

let upstream: FakeUpstream

beforeAll(async () => {
  upstream = await FakeUpstream.start()
})

afterAll(() => upstream.stop())

async function usedOf(router: RouterProcess, limit: string): Promise<number | undefined> {
  const lines = at(JSON.parse((await get(router, "/v1/usage")).text), "limits") as { limit: string; used: number }[]
  return lines.find((line) => line.limit === limit)?.used
}

const body = SAMPLES.chat.request({ text: "hello", extra: { max_tokens: 20 } })
const CACHED = { prompt_tokens: 1000, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 600 } }

test("what a call without a known cost took from a budget in money is not forgotten", async () => {
  upstream.otherwise(reply(JSON.stringify({ ...JSON.parse(SAMPLES.chat.unary()), usage: CACHED })))
  const router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      const prices = { input_price_per_million_usd: 3, output_price_per_million_usd: 15 }
      for (const provider of Object.values(config.providers)) provider["models"] = { m1: { model: "m", ...prices } }
      config.callers[0]!["spend"] = { day_usd: 10, month_usd: 100 }
      config.projects[0]!["spend"] = { month_usd: 1000 }
    },
  })
  const { requestId } = await router.call("chat", body)
  expect(router.records.usage(requestId)[0]).toMatchObject({ total_cost_nano_usd: null })
  const used = (1000 * 3 + 7 * 15) / 1e6
  expect(await usedOf(router, "spend.day_usd")).toBe(used)
  router.signal("SIGKILL")
  await router.exited
  await using again = await spawnRouter(router.prepared)
  expect(await usedOf(again, "spend.day_usd")).toBe(used)
  expect(await usedOf(again, "spend.month_usd")).toBe(used)
})

test("a lifetime budget that comes with a reload knows the months before", async () => {
  upstream.otherwise(reply(SAMPLES.chat.unary()))
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      config.callers[0]!["rate"] = { rpm: 1000 }
    },
  })
  await router.call("chat", body)
  await router.call("chat", body)
  router.signal("SIGKILL")
  await router.exited
  using database = new Database(databasePath(router.directory))
  const MONTHS = 24 * 70
  database.run(`UPDATE usage_rollup_hourly SET hour = hour - ${MONTHS}`)
  await using again = await spawnRouter(router.prepared)
  await again.call("chat", body)
  again.prepared.rewrite((config) => {
    config.callers[0]!["key"] = { lifetime_tokens: 1000 }
  })
  again.signal("SIGHUP")
  await eventually("the budget counts", async () =>
    (await usedOf(again, "key.lifetime_tokens")) === 54 ? true : undefined,
  )
})
