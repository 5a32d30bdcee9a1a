/** What sections say equals what the rows say, on every database. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { type LedgerState, onDrawnDriver } from "../../../test/helpers/ledger-drivers.ts"
import {
  BASELINE,
  columnCells,
  HOSTILE,
  LIMIT,
  NOW,
  reportedCalls,
  type ReportedLedger,
  reportedLedger,
  tableNamed,
  totalCell,
} from "../../../test/helpers/reported-calls.ts"
import { sampled } from "../../../test/helpers/sample.ts"
import { countTurns } from "../../../test/helpers/count-turns.ts"
import { readAsked } from "../asked.ts"
import { buildSection } from "../build.ts"
import { DIMENSION_NAMES, DIMENSIONS_BY_NAME } from "../dimensions.ts"
import type { Cell, LimitUse, Section, Sources } from "../section.ts"
import { sectionJson } from "../section-json.ts"
import { FILTER_NAMES } from "../where.ts"
import { endOf, LIMITS } from "./limits.ts"
import { SECTIONS } from "./list.ts"

const CALLS = reportedCalls()
const COST = CALLS.reduce((sum, { usage }) => sum + BigInt(usage.total_cost_nano_usd ?? 0), 0n)
const DAY_MS = 86_400_000

function summed(cells: readonly Cell[]): bigint {
  return cells.reduce<bigint>((sum, cell) => sum + (typeof cell === "bigint" ? cell : 0n), 0n)
}

/** Cells fit their columns; charts have a value for each series. */
function expectSound(section: Section): void {
  for (const { columns, rows, totals, id } of section.tables) {
    expect(new Set(columns.map(({ key }) => key)).size).toBe(columns.length)
    for (const row of totals === null ? rows : [...rows, totals])
      row.forEach((cell, index) => {
        const { kind, key } = columns[index] ?? { kind: "text", key: "?" }
        const type =
          { text: "string", time: "number", ms: "number", percent: "number", rate: "number" }[kind as string] ??
          "bigint"
        const isEmptyTotal = row === totals && cell === ""
        expect({ id, key, fits: cell === null || isEmptyTotal || typeof cell === type }).toEqual({
          id,
          key,
          fits: true,
        })
      })
  }
  for (const { points, series } of section.charts) for (const { y } of points) expect(y.length).toBe(series.length)
}

onDrawnDriver((driver) => {
  /** For tests that change nothing in it. */
  let shared: LedgerState
  let common: ReportedLedger
  beforeAll(async () => {
    shared = await driver.state()
    common = await reportedLedger(shared)
  }, 600_000)
  afterAll(async () => {
    await common[Symbol.asyncDispose]()
    await shared[Symbol.asyncDispose]()
  })

  test("every section is sound, whatever it is asked by and filtered by", async () => {
    await using state = await driver.state()
    await using reported = await reportedLedger(state, {
      limits: async () => await Promise.resolve([LIMIT]),
      catalog: async () => await Promise.resolve([]),
    })
    for (const { id, takesBy } of sampled(SECTIONS, 4)) {
      const section = await reported.section(id)
      expectSound(section)
      expect(() => JSON.stringify(sectionJson(section, reported.ask()))).not.toThrow()
      expect(section.tables.some(({ rows }) => rows.length > 0)).toBe(id !== "catalog" && id !== "security")
      for (const name of sampled(FILTER_NAMES, 3))
        expectSound(await reported.section(id, { where: [`${name}=nobody,${name}!=x,${name}^=n`] }))
      for (const name of takesBy ? sampled(DIMENSION_NAMES, 3) : []) {
        const [table] = (await reported.section(id, { by: name })).tables
        if (id !== "savings")
          expect({ id, name, has: table?.columns.some(({ key }) => key === name) }).toEqual({ id, name, has: true })
      }
    }
  }, 600_000)

  test("each dimension's rows add up to the totals of all calls", async () => {
    for (const name of sampled(DIMENSION_NAMES, 4)) {
      const table = tableNamed(await common.section("usage", { by: name }), "by")
      expect({ name, calls: summed(columnCells(table, "calls")) }).toEqual({ name, calls: 60n })
      expect({ name, cost: summed(columnCells(table, "cost_usd")) }).toEqual({ name, cost: COST })
      expect({ name, total: totalCell(table, "cost_usd") }).toEqual({ name, total: COST })
    }
  }, 600_000)

  test("rows that are left out stand in one row, and the total counts them", async () => {
    const table = tableNamed(await common.section("usage", { by: "caller", top: "2" }), "by")
    expect(table.restOf).toBe(3)
    expect(columnCells(table, "caller").at(-1)).toBeNull()
    expect(summed(columnCells(table, "calls"))).toBe(60n)
  }, 600_000)

  test("details are filtered as the figures of the cube are", async () => {
    const conditions = [
      "caller=app-0,caller=app-2",
      "project!=lab-0",
      "stream=true",
      "status_class=2xx",
      "blame=caller",
      "model^=sm",
      "cost_usd>=0.01",
      "latency_ms<=3000",
      "cost_unknown=price",
      `client=${JSON.stringify(HOSTILE[3])}`,
    ]
    for (const where of sampled(conditions, 4)) {
      const usage = tableNamed(await common.section("usage", { where: [where], by: "caller" }), "by")
      const calls = tableNamed(await common.section("calls", { where: [where] }), "calls")
      expect({ where, found: BigInt(calls.rows.length) }).toEqual({ where, found: totalCell(usage, "calls") as bigint })
      const shaped = tableNamed(await common.section("shaping", { where: [where] }), "by_bucket")
      const ids = columnCells(calls, "request_id")
      const expected = CALLS.filter(
        ({ usage: { request_id: id }, callerShapes }) => ids.includes(id) && callerShapes.length > 0,
      )
      expect({ where, queued: summed(columnCells(shaped, "queued")) }).toEqual({
        where,
        queued: BigInt(expected.length),
      })
    }
  }, 600_000)

  test("a scope hides everything else, also from details", async () => {
    await using state = await driver.state()
    await using reported = await reportedLedger(state, {
      limits: async () => await Promise.resolve([LIMIT, { ...LIMIT, subject: "project", environment: "" }]),
    })
    const scope = { project: "lab-1", environment: "dev" }
    const own = CALLS.filter(({ usage }) => usage.caller_project === "lab-1" && usage.caller_environment === "dev")
    const section = await reported.section("calls", { where: ["project=lab-1,project=lab-2"] }, { scope })
    expect(tableNamed(section, "calls").rows.length).toBe(own.length)
    const limits = await reported.section("limits", {}, { scope })
    expect(columnCells(tableNamed(limits, "budgets"), "subject")).toEqual(["caller"])
    const elsewhere = { project: "lab-9", environment: "dev" }
    const asked = SECTIONS.filter((one) => one.id !== "catalog" && one.id !== "summary")
    for (const { id } of sampled(asked, 4)) {
      const { tables } = await reported.section(id, {}, { scope: elsewhere })
      const shown = tables.filter((table) => !["baselines", "findings"].includes(table.id)).flatMap(({ rows }) => rows)
      expect({
        id,
        shown:
          id === "usage"
            ? shown.filter((row) => row.some((cell) => cell === "lab-1"))
            : shown.filter((row) => row.some((cell) => typeof cell === "string")),
      }).toEqual({ id, shown: [] })
    }
  }, 600_000)

  test("calls go on page by page, each once", async () => {
    const seen: Cell[] = []
    let after: string | undefined
    do {
      const section: Section = await common.section("calls", { top: "7", after, sort: "cost" })
      seen.push(...columnCells(tableNamed(section, "calls"), "request_id"))
      after = section.next ?? undefined
    } while (after !== undefined)
    expect(new Set(seen).size).toBe(60)
    expect(seen.length).toBe(60)
  }, 600_000)

  test("fallbacks, capacity, pauses and waits are those of the rows", async () => {
    const moves = tableNamed(await common.section("errors"), "fallbacks")
    expect(moves.rows).toEqual([["alpha / broken", "alpha / vendor-big-2026", "rate_limited", 6n, 6n]])
    const shaping = await common.section("shaping")
    const queued = CALLS.filter(({ callerShapes }) => callerShapes.length > 0)
    const waits = queued.map(({ usage }) => Math.round(usage.latency_ms)).toSorted((one, other) => one - other)
    const bucket = tableNamed(shaping, "by_bucket")
    expect(columnCells(bucket, "wait_p50_ms")).toEqual([waits[Math.ceil(waits.length * 0.5) - 1] ?? null])
    expect(columnCells(bucket, "wait_p95_ms")).toEqual([waits[Math.ceil(waits.length * 0.95) - 1] ?? null])
    expect(columnCells(bucket, "wait_max_ms")).toEqual([waits.at(-1) ?? null])
    expect(columnCells(tableNamed(shaping, "provider_capacity"), "events")).toEqual([BigInt(queued.length)])
    expect(columnCells(tableNamed(shaping, "adaptive_backoff"), "reason")).toEqual(["rate_limited"])
  }, 600_000)

  test("savings compare the calls of known cost, with the stored cost, and may be negative", async () => {
    const priced = CALLS.filter(({ usage }) => usage.cost_unknown_reason === null)
    const tokens = (name: "input_tokens" | "output_tokens"): bigint =>
      priced.reduce((sum, { usage }) => sum + BigInt(usage[name] ?? 0), 0n)
    const reference = (tokens("input_tokens") * 2_500_000_000n + tokens("output_tokens") * 10_000_000_000n) / 1_000_000n
    const section = await common.section("savings")
    const table = tableNamed(section, "baselines")
    expect(columnCells(table, "reference_cost_usd")).toEqual([reference])
    expect(columnCells(table, "cost_usd")).toEqual([COST])
    expect(columnCells(table, "savings_usd")).toEqual([reference - COST])
    expect(reference < COST).toBe(true)
    expect(section.notes).toEqual([
      "6 of 60 calls used something of unknown cost. They are left out of the reference cost, of the cost and of the savings.",
    ])
    expect(totalCell(tableNamed(section, "by_project"), "savings_usd")).toBe(reference - COST)
    expect((await common.section("savings", {}, { baselines: [] })).tables[0]?.empty).toContain("baselines")
    expect(BASELINE.name).toBe("Big model")
  }, 600_000)

  test("the summary compares with the range before, and names what changed most", async () => {
    const section = await common.section("summary", { since: "24h" })
    const [now = null, before = null] = columnCells(tableNamed(section, "headline"), "cost_usd")
    const costOf = (from: number, to: number): bigint =>
      CALLS.filter(({ usage: { ts } }) => ts >= from && ts < to).reduce(
        (sum, { usage }) => sum + BigInt(usage.total_cost_nano_usd ?? 0),
        0n,
      )
    expect([now, before]).toEqual([costOf(NOW + 1 - DAY_MS, NOW + 1), costOf(NOW + 1 - 2 * DAY_MS, NOW + 1 - DAY_MS)])
    const movers = tableNamed(section, "movers")
    expect(movers.rows.length).toBeGreaterThan(0)
    for (const [, , change, cost, cost_before] of movers.rows)
      expect(change).toBe((cost as bigint) - (cost_before as bigint))
  }, 600_000)

  test("security events are counted as often as they came, by those who may see them", async () => {
    await using state = await driver.state()
    await using reported = await reportedLedger(state)
    const event = (name: string, ts: number, count: number, caller: string | null, project: string | null): string => {
      const id = `sec_${ts.toString(16).padStart(12, "0")}${name}`
      const text = (value: string | null): string => (value === null ? "NULL" : `'${value}'`)
      return `INSERT INTO security_access_events (event_id, ts, last_ts, count, event_type, outcome, reason_code, status_code, surface,
        http_method, path_template, request_id, auth_source, caller_id, caller_project, caller_environment, client, ip_address)
        VALUES ('${id}', ${ts}, ${ts}, ${count}, 'credential', 'denied', 'unauthorized', 401, 'calls', 'POST', '/v1/chat/completions',
        'req_x', 'token', ${text(caller)}, ${text(project)}, ${project === null ? "NULL" : "'dev'"}, 'curl', '10.0.0.${count}')`
    }
    await state.change([
      event("a", NOW - 1000, 3, "app-1", "lab-1"),
      event("b", NOW - 2000, 4, null, null),
      event("c", NOW - 100 * DAY_MS, 5, "app-1", "lab-1"),
    ])
    const counted = async (
      ...question: Parameters<typeof reported.section> extends [unknown, ...infer Rest] ? Rest : never
    ) => {
      const section = await reported.section("security", ...question)
      return columnCells(tableNamed(section, "by_kind"), "events")
    }
    expect(await counted()).toEqual([7n])
    expect(await counted({ where: ["caller=app-1"] })).toEqual([3n])
    expect(await counted({ where: ["caller!=app-1"] })).toEqual([4n])
    expect(await counted({}, { scope: { project: "lab-1", environment: "dev" } })).toEqual([3n])
    expect(await counted({}, { scope: { project: "lab-1", environment: "prod" } })).toEqual([])
    const ignored = await reported.section("security", { where: ["model=big"] })
    expect(ignored.notes).toEqual(["Not filtered by model, which says nothing of these rows."])
  }, 600_000)

  test("an older ledger without a table says so, and the section goes on", async () => {
    await using state = await driver.state()
    await using reported = await reportedLedger(state)
    await state.change(["DROP TABLE security_access_events"])
    const section = await reported.section("security")
    expect(section.notes.join(" ")).toContain("keeps no security events yet")
    expectSound(section)
  }, 600_000)
})

describe("limits", () => {
  test("of very many the nearest are shown, and other work has turns meanwhile", async () => {
    const uses = Array.from({ length: 20_000 }, (_, at) => ({
      ...LIMIT,
      id: `caller-${at}`,
      used: (LIMIT.allowed * BigInt((at * 7919) % 20_000)) / 20_000n,
      reserved: 0n,
    }))
    const defaults = { nowMs: NOW, sinceMs: DAY_MS, zone: "UTC", top: 3, scope: null, baselines: [] }
    const asked = readAsked({ near: "50" }, defaults)
    const none = (): Promise<never> => Promise.reject(new Error("not asked"))
    const limits = (): Promise<readonly LimitUse[]> => Promise.resolve(uses)
    const sources: Sources = { queries: none, search: none, rows: none, catalog: null, nowMs: NOW, limits }
    const turns = countTurns()
    const section = await buildSection(LIMITS, asked, sources)
    expect(turns.stop()).toBeGreaterThanOrEqual(20)
    const table = tableNamed(section, "budgets")
    const percents = columnCells(table, "used_percent")
    expect(percents).toEqual(percents.toSorted((one, other) => Number(other) - Number(one)))
    expect(columnCells(table, "id")).toHaveLength(3)
    expect(Number(percents[2])).toBeGreaterThan(99)
    expect(table.notes.join(" ")).toContain("9997 more are left out")
  })

  test("end at the pace of the last day, unless they begin anew before", () => {
    expect(endOf(LIMIT, NOW)).toBe(NOW + 2.5 * DAY_MS)
    expect(endOf({ ...LIMIT, resetsAt: NOW + 2 * DAY_MS }, NOW)).toBeNull()
    expect(endOf({ ...LIMIT, usedInLastDay: 0n }, NOW)).toBeNull()
    expect(endOf({ ...LIMIT, usedInLastDay: null }, NOW)).toBeNull()
    expect(endOf({ ...LIMIT, used: 960_000_000n }, NOW)).toBe(NOW)
    expect(endOf({ ...LIMIT, resetsAt: null, usedInLastDay: 1n, allowed: 10n ** 18n }, NOW)).toBeNull()
  })
})

test("every dimension has its SQL, title and sentence", () => {
  for (const name of DIMENSION_NAMES) {
    const { title, about } = DIMENSIONS_BY_NAME[name]
    expect([title === "", about.endsWith(".")]).toEqual([false, true])
  }
})
