/** A killed router forgets no use: what rows say counts again, and what was in flight is booked at what it had reserved. */
import { Database } from "bun:sqlite"
import { readdirSync } from "node:fs"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { stall } from "../../helpers/behaviours.ts"
import { eventually, get, readAnswer } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { databasePath } from "../../helpers/records.ts"
import type { RouterProcess } from "../../helpers/router-process.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const ROUNDS = 4
const CALLS = 12
const CAP = 50

interface Totals {
  readonly tokens: number
  readonly requests: number
  readonly nano: number
}

/** A caller whose only limit counts calls reserves no tokens: what its call used stays unknown. */
const slots = newToken("slots")
const UNKNOWN = {
  input_tokens: null,
  output_tokens: null,
  total_tokens: null,
  total_cost_nano_usd: null,
  cost_unknown_reason: "usage",
} as const

let upstream: FakeUpstream

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer()).plan("hangs", stall)
})

afterAll(() => upstream.stop())

interface Used extends Totals {
  readonly reserved: number
  readonly minute: readonly number[]
}

async function usedOf(router: RouterProcess): Promise<Used> {
  const { text } = await get(router, "/v1/usage")
  const lines = at(JSON.parse(text), "limits") as { limit: string; used: number; reserved: number }[]
  const used = (limit: string): number => lines.find((line) => line.limit === limit)?.used ?? Number.NaN
  return {
    tokens: used("quota.day.tokens"),
    requests: used("quota.day.requests"),
    nano: Math.round(used("spend.month_usd") * 1e9),
    minute: [used("rate.rpm"), used("rate.tpm")],
    reserved: lines.reduce((sum, line) => sum + line.reserved, 0),
  }
}

function rowsOf(router: RouterProcess): Totals {
  using database = new Database(databasePath(router.directory), { readonly: true })
  const sql = `SELECT total(total_tokens) AS tokens, total(attempts > 0) AS requests,
    total(total_cost_nano_usd) AS nano FROM request_usage WHERE caller_id = 'me-lab'`
  return database.query<Totals, []>(sql).get()!
}

function journalsOf(router: RouterProcess): readonly string[] {
  return readdirSync(`${router.directory}/state`).filter((name) => /\.reservations\.\d+$/u.test(name))
}

const body = (text: string): string => SAMPLES.chat.request({ text, extra: { max_tokens: CAP } })

test("kill after kill: totals are what the rows say, and orphans have rows", async () => {
  let router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      config.callers[0]!["rate"] = { rpm: 100_000, tpm: 1_000_000 }
      config.callers[0]!["quota"] = { day: { tokens: 1_000_000, requests: 100_000 } }
      config.callers[0]!["spend"] = { month_usd: 100 }
      config.callers[0]!["key"] = { lifetime_tokens: 10_000_000 }
      config.callers.push(callerEntry("slots", slots, ["default"], { rate: { concurrent: 4 } }))
    },
  })
  const { prepared } = router
  const seen: string[] = []
  let expectedOrphans = 0
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const current = router
      const hanging = Array.from({ length: 3 }, () => current.open("chat", body("hangs")).catch(() => null))
      hanging.push(current.open("chat", body("hangs"), { token: slots }).catch(() => null))
      await upstream.arrival("hangs", round * 4)
      const calls = Array.from({ length: CALLS }, async (_, index) => {
        await Bun.sleep(index * 3)
        return current
          .open("chat", body("finishes"))
          .then((response) => readAnswer(response))
          .then(({ status, requestId, broken }) => (status === 200 && !broken ? seen.push(requestId) : 0))
          .catch(() => 0)
      })
      await Bun.sleep(10 + round * 7)
      current.signal("SIGKILL")
      await current.exited
      await Promise.all([...calls, ...hanging])
      router = await spawnRouter(prepared)
      expectedOrphans += 3
      const rows = rowsOf(router)
      const { reserved, minute, ...used } = await usedOf(router)
      expect(used).toEqual(rows)
      // all of it happened in the last minute
      expect(minute).toEqual([rows.requests, rows.tokens])
      expect(reserved).toBe(0)
      const orphans = router.records.usage().filter(({ usage_source }) => usage_source === "estimated")
      expect(orphans.length).toBeGreaterThanOrEqual(expectedOrphans)
      for (const row of orphans) {
        expect(row).toMatchObject({ status: 500, error: "internal-error", output_tokens: CAP, caller_id: "me-lab" })
        expect(row.total_cost_nano_usd).toBeGreaterThan(CAP * 15_000 - 1)
      }
      const unmetered = router.records.usage().filter(({ caller_id }) => caller_id === "slots")
      expect(unmetered).toHaveLength(round)
      for (const row of unmetered)
        expect(row).toMatchObject({ ...UNKNOWN, status: 500, error: "internal-error", usage_source: "none" })
      expect(at(JSON.parse((await get(router, "/v1/usage", { token: slots })).text), "month")).toMatchObject({
        requests: round,
        cost_unknown_requests: round,
      })
      // one file: of the process that runs
      expect(journalsOf(router)).toHaveLength(1)
    }
    for (const id of seen) expect(router.records.usage(id)).toMatchObject([{ status: 200, usage_source: "provider" }])
    router.signal("SIGTERM")
    await router.exited
    expect(await eventually("no journal", () => (journalsOf(router).length === 0 ? true : undefined))).toBe(true)
  } finally {
    await router[Symbol.asyncDispose]()
  }
})
