/** What limits count across a restart or a reload where the hourly sums alone do not tell it. */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { reply, stall } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

let upstream: FakeUpstream

beforeAll(async () => {
  upstream = await FakeUpstream.start()
})

afterAll(() => upstream.stop())

async function usedOf(router: Gateway, limit: string): Promise<number | undefined> {
  const lines = at(JSON.parse((await get(router, "/v1/usage")).text), "limits") as { limit: string; used: number }[]
  return lines.find((line) => line.limit === limit)?.used
}

function journalsOf({ directory }: Gateway): readonly string[] {
  return readdirSync(`${directory}/state`).filter((name) => /\.reservations\.\d+$/u.test(name))
}

const CAP = 50
const body = SAMPLES.chat.request({ text: "hello", extra: { max_tokens: 20 } })
const CACHED = { prompt_tokens: 1000, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 600 } }

test("a killed router forgets nothing: neither what a call without a known cost took, nor what was in flight", async () => {
  upstream.plan("hangs", stall).otherwise(reply(JSON.stringify({ ...JSON.parse(SAMPLES.chat.unary()), usage: CACHED })))
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      const prices = { input_price_per_million_usd: 3, output_price_per_million_usd: 15 }
      for (const provider of Object.values(config.providers)) provider["models"] = { m1: { model: "m", ...prices } }
      config.callers[0]!["spend"] = { day_usd: 10, month_usd: 100 }
      config.callers[0]!["quota"] = { day: { requests: 1000, tokens: 100_000 } }
      config.projects[0]!["spend"] = { month_usd: 1000 }
    },
  })
  const { requestId } = await router.call("chat", body)
  expect(router.records.usage(requestId)[0]).toMatchObject({ total_cost_nano_usd: null })
  const used = (1000 * 3 + 7 * 15) / 1e6
  expect(await usedOf(router, "spend.day_usd")).toBe(used)
  const request = SAMPLES.chat.request({ text: "hangs", extra: { max_tokens: CAP } })
  const hanging = router.open("chat", request).catch(() => null)
  await upstream.arrival("hangs")
  // reservations are written once per turn of the event loop: an answer comes a turn later
  expect(await usedOf(router, "spend.day_usd")).toBe(used)
  router.signal("SIGKILL")
  await router.exited
  await hanging
  const again = await startGateway(router.prepared)
  const orphan = await eventually("the row of the call in flight", () =>
    again.records.usage().find(({ usage_source }) => usage_source === "estimated"),
  )
  expect(again.records.usage()).toHaveLength(2)
  expect(orphan).toMatchObject({ status: 500, error: "internal-error", output_tokens: CAP, caller_id: "me-lab" })
  const cost = (orphan.total_cost_nano_usd ?? Number.NaN) / 1e9
  expect(cost).toBeGreaterThanOrEqual((CAP * 15) / 1e6)
  expect(await usedOf(again, "spend.day_usd")).toBeCloseTo(used + cost, 9)
  expect(await usedOf(again, "spend.month_usd")).toBeCloseTo(used + cost, 9)
  expect(await usedOf(again, "quota.day.requests")).toBe(2)
  expect(await usedOf(again, "quota.day.tokens")).toBe(1007 + (orphan.total_tokens ?? Number.NaN))
  // one file of reservations: of the process that runs
  expect(journalsOf(router)).toHaveLength(1)
  await again.stop()
  expect(journalsOf(router)).toEqual([])
})

test("a lifetime budget that comes with a reload knows the months before", async () => {
  upstream.otherwise(reply(SAMPLES.chat.unary()))
  await using router = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.callers[0]!["rate"] = { rpm: 1000 }
    },
  })
  await router.call("chat", body)
  await router.call("chat", body)
  await router.stop()
  using database = new Database(databasePath(router.directory))
  const MONTHS = 24 * 70
  database.run(`UPDATE usage_rollup_hourly SET hour = hour - ${MONTHS}`)
  await using again = await spawnRouter(router.prepared)
  await again.call("chat", body)
  again.prepared.rewrite((config) => {
    config.callers[0]!["key"] = { lifetime_tokens: 1000 }
  })
  again.signal("SIGHUP")
  const used = await eventually("the budget", () => usedOf(again, "key.lifetime_tokens"))
  expect(used).toBe(54)
})
