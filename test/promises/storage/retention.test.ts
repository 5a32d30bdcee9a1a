/** Old rows go while the router serves: what counts, what is reported and what a caller may still use stays as it was. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Database } from "bun:sqlite"
import { openLedger } from "../../../src/ledger/open.ts"
import { systemClock } from "../../../src/system/clock.ts"
import { silentLog } from "../../../src/system/log.ts"
import { ask, HASHES, user, withAdministrators } from "../../helpers/administrators.ts"
import { reply } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { type Prepared, prepare } from "../../helpers/config.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { type LocalGateway, startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { databasePath } from "../../helpers/records.ts"
import { sampleCall, sampleRequestId } from "../../helpers/sample-call.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

setDefaultTimeout(300_000)

const DAY_MS = 86_400_000
const NOW = Date.UTC(2027, 4, 12, 12)
const PREFIX = "/admin/reports"
const OLD = 40
const YOUNG = 5
const TOKENS = 100
const LIFETIME = OLD * TOKENS + YOUNG * TOKENS + 1
const RULES = {
  enabled: true,
  dry_run: false,
  classes: [
    { data_class: "usage_diagnostics", retention_days: 10 },
    { data_class: "decision_telemetry", retention_days: 10 },
    { data_class: "security_access_events", retention_days: 10 },
    { data_class: "usage_detail", retention_days: 20, require_finalized_rollup: true },
  ],
}

let upstream: FakeUpstream
let prepared: Prepared
let gateway: LocalGateway
let clock: HeldClock
const oldId = sampleRequestId(NOW - 30 * DAY_MS, 0)

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
  prepared = prepare({
    upstreams: { upstream },
    env: HASHES,
    configure: (config) => {
      withAdministrators(
        config,
        [user("ann", { permissions: [] }), user("dev", { permissions: [], domain: "lab/dev" })],
        {},
        {
          authorization: {
            enabled: true,
            policy: [
              "p, reader, *, admin:reports, read|export|drilldown",
              "p, looker, lab/dev, admin:reports, read",
              "g, basic:ann, reader, *",
              "g, basic:dev, looker, lab/dev",
            ],
          },
        },
      )
      config.server["admin_reports"] = { enabled: true, path_prefix: PREFIX, max_range: "400d" }
      config.server["retention"] = RULES
      const [caller] = config.callers as Record<string, unknown>[]
      Object.assign(caller ?? {}, { metrics_admin: true, key: { lifetime_tokens: LIFETIME } })
    },
  })
  const path = databasePath(prepared.directory)
  const ledger = await openLedger({
    path,
    durability: "commit",
    onUnavailable: "spool",
    clock: systemClock,
    log: silentLog,
  })
  const usage = { caller_id: "me-lab", caller_environment: "dev", total_tokens: TOKENS, limit_tokens: TOKENS }
  const old = Array.from({ length: OLD }, (_, index) => sampleCall(NOW - 30 * DAY_MS + index * 1000, index, usage))
  const young = Array.from({ length: YOUNG }, (_, index) => sampleCall(NOW - DAY_MS + index, OLD + index, usage))
  await Promise.all([...old, ...young].map((call) => ledger.record(call)))
  await ledger.close()
  using database = new Database(path, { readwrite: true })
  database.run("UPDATE usage_cube_fill SET done_at = 1")
  clock = new HeldClock(NOW)
  gateway = await startGateway(prepared, { clock })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const count = (table: string): number => {
  using database = new Database(databasePath(prepared.directory), { readonly: true })
  return database.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? -1
}

async function usedOf(limit: string): Promise<number | undefined> {
  const lines = at(JSON.parse((await get(gateway, "/v1/usage")).text), "limits") as { limit: string; used: number }[]
  return lines.find((line) => line.limit === limit)?.used
}

async function json(path: string, name = "ann"): Promise<{ status: number; value: unknown; text: string }> {
  const answer = await ask(gateway, PREFIX + path, { user: name })
  return { status: answer.status, value: JSON.parse(answer.text), text: answer.text }
}

const RANGE = `from=${new Date(NOW - 60 * DAY_MS).toISOString()}&to=${new Date(NOW).toISOString()}`

describe("a schedule", () => {
  test("deletes what is old enough, beside calls, and nothing else", async () => {
    const before = (await json(`/api/summary?${RANGE}`)).value
    expect(count("request_usage")).toBe(OLD + YOUNG)
    const used = await usedOf("key.lifetime_tokens")
    expect(used).toBe((OLD + YOUNG) * TOKENS)
    await clock.advance(60_000)
    await eventually("old calls are gone", () => count("request_usage") === YOUNG || undefined)
    expect([count("request_attempts"), count("request_trace_events")]).toEqual([YOUNG, YOUNG])
    const after = (await json(`/api/summary?${RANGE}`)).value
    expect(at(after, "tables")).toEqual(at(before, "tables"))
    expect(await usedOf("key.lifetime_tokens")).toBe(used)
  })

  test("a second look within the hour begins no run", async () => {
    const jobs = count("retention_jobs")
    await clock.advance(120_000)
    expect(count("retention_jobs")).toBe(jobs)
  })

  test("metrics, API and console tell what was done and what is left", async () => {
    const scrape = await eventually("the run is counted", async () => {
      const told = readExposition((await get(gateway, "/metrics")).text)
      return told.sum("smart_router_retention_deleted_rows_total") > 0 ? told : undefined
    })
    expect(scrape.sum("smart_router_retention_deleted_rows_total", { data_class: "usage_detail" })).toBe(OLD)
    expect(scrape.sum("smart_router_retention_left_rows")).toBe(0)
    expect(scrape.sum("smart_router_retention_last_run_successful")).toBe(1)
    expect(Math.floor(scrape.sum("smart_router_retention_last_run_timestamp_seconds"))).toBe((NOW + 60_000) / 1000)
    const status = await json("/api/retention-status")
    const told = at(status.value, "retention")
    expect(told).toMatchObject({ enabled: true, dry_run: false, running: false, holds: [] })
    expect(at(told, "last_job", "state")).toBe("done")
    const classes = at(told, "classes") as { data_class: string; rows_left: unknown; gone_before: string }[]
    const detail = classes.find(({ data_class: name }) => name === "usage_detail")
    expect(detail?.rows_left).toEqual({ due: 0, held: 0, blocked: 0 })
    expect(Date.parse(detail?.gone_before ?? "")).toBeLessThan(NOW - 20 * DAY_MS)
    // one project's administrator is told nothing of the others' rows
    expect((await json("/api/retention-status", "dev")).status).toBe(403)
    const page = await json("/api/page/system?only=retention")
    expect(page.text).toContain("deleted when older")
    expect(page.text).toContain("it deleted")
  })

  test("lists and pages that need rows say that they are gone", async () => {
    const calls = await json(`/api/requests?${RANGE}`)
    expect(calls.status).toBe(200)
    expect((at(calls.value, "tables", 0, "rows") as unknown[]).length).toBe(YOUNG)
    expect(calls.text).toContain("were deleted by retention")
    expect((await json(`/api/page/calls?${RANGE}&only=calls`)).text).toContain("were deleted by retention")
    expect((await json(`/api/report/errors?${RANGE}`)).text).toContain("Rows of usage_diagnostics from before")
    for (const path of [`/api/request/${oldId}`, `/api/page/call?call=${oldId}`]) {
      const gone = await json(path)
      expect(gone.status).toBe(404)
      expect(gone.text).toContain("were deleted by retention")
    }
    // of a call that is younger than what is gone there is nothing to say
    const never = await json(`/api/request/${sampleRequestId(NOW, 9)}`)
    expect([never.status, never.text.includes("retention")]).toEqual([404, false])
  })

  test("a caller gets nothing of its lifetime budget back, after a restart neither", async () => {
    await gateway.stop()
    clock = new HeldClock(NOW + 3_600_000)
    gateway = await startGateway(prepared, { clock })
    await eventually("limits are counted", async () => {
      const used = await usedOf("key.lifetime_tokens")
      return used === (OLD + YOUNG) * TOKENS ? true : undefined
    })
    const refused = await gateway.call(SAMPLES.chat.dialect, SAMPLES.chat.request({ text: "hello" }))
    expect(refused.status).toBe(403)
  })
})
