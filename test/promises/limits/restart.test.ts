/** What limits count across a restart or a reload where the hourly sums alone do not tell it. */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { reply, stall } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { mayMount, smallDisk } from "../../helpers/small-disk.ts"
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

test("a call that reached an upstream is found after a kill, in whichever moment it comes", async () => {
  const CALLS = 64
  const killed = Promise.withResolvers<void>()
  upstream.otherwise(reply(SAMPLES.chat.unary()))
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => void (config.callers[0]!["quota"] = { day: { tokens: 1_000_000 } }),
  })
  const burst = (text: string): Promise<unknown>[] =>
    Array.from({ length: CALLS }, () =>
      router.call("chat", SAMPLES.chat.request({ text, extra: { max_tokens: CAP } })).catch(() => null),
    )
  // connections are kept from here on, so that the next calls are written as soon as they are admitted
  const all = Promise.withResolvers<void>()
  upstream.plan("warm", async (exchange) => {
    if (upstream.received("warm").length === CALLS) all.resolve()
    await all.promise
    await reply(SAMPLES.chat.unary())(exchange)
  })
  await Promise.all(burst("warm"))
  const before = router.records.usage().length
  upstream.plan("fatal", async (exchange) => {
    router.signal("SIGKILL")
    killed.resolve()
    await exchange.left
  })
  // while it stands still all of the calls come, so that it finds them in one turn
  router.signal("SIGSTOP")
  const calls = burst("fatal")
  await Bun.sleep(200)
  router.signal("SIGCONT")
  await killed.promise
  await router.exited
  await Promise.all(calls)
  await Promise.all(upstream.received("fatal").map(({ left }) => left))
  const arrived = upstream.received("fatal").length
  expect(arrived).toBeGreaterThan(0)
  await using again = await startGateway(router.prepared)
  const orphans = again.records.usage().slice(before)
  expect(orphans.length).toBeGreaterThanOrEqual(arrived)
  for (const orphan of orphans) expect(orphan).toMatchObject({ status: 500, output_tokens: CAP })
})

test.skipIf(!mayMount())(
  "a call is not sent whose reservation cannot be written down (needs the right to mount)",
  async () => {
    using disk = smallDisk("14m")
    if (disk === null) throw new Error("the disk was there a moment ago")
    const unlimited = newToken("unlimited")
    upstream.otherwise(reply(SAMPLES.chat.unary()))
    await using router = await startGateway({
      upstreams: { upstream },
      configure: (config) => {
        config.server["usage_db"] = { path: join(disk.folder, "state", "usage.sqlite") }
        config.callers[0]!["quota"] = { day: { tokens: 1_000_000 } }
        config.callers.push(callerEntry("unlimited", unlimited, ["default"]))
      },
    })
    const text = "while the disk is full"
    const request = SAMPLES.chat.request({ text })
    const filler = join(disk.folder, "filler")
    expect(() => writeFileSync(filler, Buffer.alloc(14 << 20))).toThrow("ENOSPC")
    // the last block of the file of reservations may still have room for some
    const refused = await eventually("a call that is refused", async () => {
      const answer = await router.call("chat", request)
      return answer.status === 200 ? undefined : answer
    })
    const sent = upstream.received(text).length
    expect(refused).toMatchObject({ status: 503 })
    expect(refused.text).toContain("usage-store-unavailable")
    expect((await router.call("chat", request)).status).toBe(503)
    expect(upstream.received(text)).toHaveLength(sent)
    expect((await router.call("chat", request, { token: unlimited })).status).toBe(200)
    rmSync(filler)
    expect((await router.call("chat", request)).status).toBe(200)
  },
)

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
