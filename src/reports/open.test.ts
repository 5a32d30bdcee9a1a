/** Reports as they are asked for: by a thread, beside a ledger that is written. */
import { Database } from "bun:sqlite"
import { expect, setDefaultTimeout, test } from "bun:test"
import { rmSync } from "node:fs"
import { addressOf } from "../../test/helpers/cube.ts"
import { HeldClock } from "../../test/helpers/held-clock.ts"
import { ledgerFolder, rejectionOf, until } from "../../test/helpers/ledger.ts"
import { type LedgerState, onDrawnDriver } from "../../test/helpers/ledger-drivers.ts"
import { sampleCall, sampleRequestId } from "../../test/helpers/sample-call.ts"
import type { LedgerStore } from "../ledger/open.ts"
import type { UsageRow } from "../ledger/record.ts"
import { careForCube, openReports, type ReportsOptions, type ReportThread } from "./open.ts"
import { silentLog } from "../system/log.ts"
import { type Query, ReportRefused, ReportUnavailable, type Search } from "./query.ts"

setDefaultTimeout(300_000)

const START = Date.UTC(2026, 2, 28)
const DAY_MS = 86_400_000
const RANGE = { from: START, to: START + 4 * DAY_MS }
const QUERY: Query = { ...RANGE, zone: "UTC", where: [], by: [], measures: ["calls"], histograms: [] }
const SEARCH: Search = { ...RANGE, where: [], sort: "newest", limit: 10 }

type AsyncReports = ReportThread & AsyncDisposable

function reportsOf(options: ReportsOptions): AsyncReports {
  const reports = openReports(options)
  return Object.assign(reports, { [Symbol.asyncDispose]: () => reports.close() })
}

async function write(ledger: LedgerStore, rows: readonly Partial<UsageRow>[]): Promise<void> {
  await Promise.all(rows.map((row, index) => ledger.record(sampleCall(START + index * 3_600_000, index + 1, row))))
}

async function withCalls(state: LedgerState, rows: readonly Partial<UsageRow>[]): Promise<AsyncReports> {
  await write(await state.open(), rows)
  return reportsOf(addressOf(state))
}

/** On a crowded machine the calls may hold the lock for longer than a merge waits: then it is tried again later. */
async function mergeOnce(reports: ReportThread): Promise<boolean> {
  try {
    return await reports.maintain({ nowMs: START }, () => {})
  } catch (error) {
    if (error instanceof ReportUnavailable && error.reason === "locked") return true
    throw error
  }
}

onDrawnDriver((driver) => {
  test("totals, groups and series add up, and what is not shown is Other", async () => {
    await using state = await driver.state()
    const rows = Array.from({ length: 60 }, (_, index) => ({
      caller_id: `app-${index % 7}`,
      total_cost_nano_usd: 10 ** (index % 7),
    }))
    await using reports = await withCalls(state, rows)
    const asked = {
      ...QUERY,
      zone: "Asia/Kathmandu",
      slot: "day",
      by: ["caller"],
      top: 3,
      measures: ["total_cost_nano_usd", "calls"],
    } as const
    const { totals, groups, groupCount, slots } = await reports.query(asked)
    expect(groups.map(({ key }) => key)).toEqual([["app-6"], ["app-5"], ["app-4"], null])
    expect(groupCount).toBe(7)
    expect(slots).toHaveLength(5)
    expect(totals.figures.sums.calls).toBe(60n)
    for (const measure of ["calls", "total_cost_nano_usd"] as const) {
      const sum = (all: readonly { sums: typeof totals.figures.sums }[]): bigint =>
        all.reduce((total, { sums }) => total + (sums[measure] ?? 0n), 0n)
      expect(sum(groups.map(({ figures }) => figures))).toBe(totals.figures.sums[measure] ?? -1n)
      expect(sum(totals.series)).toBe(totals.figures.sums[measure] ?? -1n)
      for (const group of groups) expect(sum(group.series)).toBe(group.figures.sums[measure] ?? -1n)
    }
  })

  test("sums beyond 2^53 are exact", async () => {
    await using state = await driver.state()
    const most = Number.MAX_SAFE_INTEGER
    await using reports = await withCalls(
      state,
      Array.from({ length: 9 }, () => ({ total_cost_nano_usd: most })),
    )
    const { totals } = await reports.query({ ...QUERY, measures: ["total_cost_nano_usd"] })
    expect(totals.figures.sums.total_cost_nano_usd).toBe(9n * BigInt(most))
  })

  test("filters hold for any name, however hostile", async () => {
    await using state = await driver.state()
    const names = ["x".repeat(200), "a\u0000b", `"'; DROP TABLE request_usage; --`, "\ud800", "", "%_"]
    await using reports = await withCalls(
      state,
      names.map((name) => ({ caller_id: name, token_id: `t${name}` })),
    )
    for (const name of names) {
      const is = await reports.query({ ...QUERY, where: [{ dimension: "caller", is: [name] }] })
      expect(is.totals.figures.sums.calls).toBe(1n)
      const not = await reports.query({ ...QUERY, where: [{ dimension: "caller", not: [name] }] })
      expect(not.totals.figures.sums.calls).toBe(5n)
    }
    const prefix = await reports.query({ ...QUERY, where: [{ dimension: "token", prefix: "txxx" }] })
    expect(prefix.totals.figures.sums.calls).toBe(1n)
    expect(await reports.facets({ dimension: "caller", ...RANGE })).toHaveLength(6)
  })

  test("detail rows are asked for by any text", async () => {
    await using state = await driver.state()
    await using reports = await withCalls(state, [{ caller_id: "a\u0000b" }, { caller_id: "other" }])
    const calls = "SELECT caller_id FROM request_usage WHERE caller_id"
    expect(await reports.rows(`${calls} = ?`, ["a\u0000b"])).toHaveLength(1)
    expect(await reports.rows(`${calls} <> ?`, ["\ud800\u0000"])).toHaveLength(2)
  })

  test("percentiles are within 5 % of the exact ones", async () => {
    await using state = await driver.state()
    const rows = Array.from({ length: 90 }, (_, index) => ({ latency_ms: 10 * (index + 1) ** 2 }))
    await using reports = await withCalls(state, rows)
    const { totals } = await reports.query({ ...QUERY, histograms: ["latency_ms"], buckets: true })
    const spread = totals.figures.spreads.latency_ms
    expect(spread?.count).toBe(90)
    for (const [found, rank] of [
      [spread?.p50, 45],
      [spread?.p95, 86],
      [spread?.p99, 90],
      [spread?.max, 90],
    ] as const) {
      const exact = 10 * rank ** 2
      expect(Math.abs((found ?? 0) - exact) / exact).toBeLessThan(0.05)
    }
    expect(spread?.buckets?.reduce((sum, { count }) => sum + count, 0)).toBe(90)
  })

  test("a search pages through all calls once, by time, cost and latency", async () => {
    await using state = await driver.state()
    const rows = Array.from({ length: 45 }, (_, index) => ({
      total_cost_nano_usd: (index * 7) % 10,
      latency_ms: index % 3,
    }))
    await using reports = await withCalls(state, rows)
    const ids = Array.from({ length: 45 }, (_, index) => sampleRequestId(START + index * 3_600_000, index + 1))
    for (const sort of ["newest", "oldest", "cost", "latency"] as const) {
      const found: string[] = []
      const values: number[] = []
      let after: Search["after"]
      do {
        const page = await reports.search({ ...SEARCH, sort, ...(after === undefined ? {} : { after }) })
        found.push(...page.calls.map(({ requestId }) => requestId))
        values.push(
          ...page.calls.map((call) =>
            sort === "cost" ? call.totalCostNanoUsd : sort === "latency" ? call.latencyMs : call.ts,
          ),
        )
        after = page.next ?? undefined
      } while (after !== undefined)
      expect(found.toSorted()).toEqual(ids)
      expect(values).toEqual(values.toSorted((one, other) => (sort === "oldest" ? one - other : other - one)))
    }
  })

  test("a search finds by any filter, and by measures", async () => {
    await using state = await driver.state()
    await using reports = await withCalls(state, [
      { status: 429 },
      { total_cost_nano_usd: 5000 },
      { status: 503, latency_ms: 9000 },
    ])
    const count = async (where: Search["where"]): Promise<number> =>
      (await reports.search({ ...SEARCH, where })).calls.length
    expect(await count([{ dimension: "status_class", is: ["4xx", "5xx"] }])).toBe(2)
    expect(await count([{ measure: "latency_ms", min: 9000 }])).toBe(1)
    expect(await count([{ measure: "total_cost_nano_usd", min: 5000, max: 5000 }])).toBe(1)
    expect(await count([{ dimension: "status", is: [] }])).toBe(0)
  })

  test("the thread merges while calls are written, and no sum changes", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    await using reports = reportsOf(addressOf(state))
    let written = 0
    for (let round = 0; round < 6; round += 1) {
      const rows = Array.from({ length: 1500 }, (_, index) => sampleCall(START + index, 1500 * round + index))
      const merging = mergeOnce(reports)
      await Promise.all(rows.map((row) => ledger.record(row)))
      await merging
      written += rows.length
      expect((await reports.query(QUERY)).totals.figures.sums.calls).toBe(BigInt(written))
    }
    while (await mergeOnce(reports));
    expect(await state.rows("SELECT id FROM usage_cube_segments")).not.toEqual([])
    expect((await reports.verify(RANGE)).differences).toEqual([])
  })

  test("very many rows come whole and in order, some at a time", async () => {
    await using state = await driver.state()
    await using reports = await withCalls(state, [])
    const numbers =
      "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5001) SELECT x FROM n ORDER BY x"
    const rows = await reports.rows<{ readonly x: number }>(numbers, [])
    expect(rows?.map(({ x }) => x)).toEqual(Array.from({ length: 5001 }, (_, at) => at + 1))
    const gone = new AbortController()
    const asked = reports.rows(numbers, [], gone.signal)
    gone.abort()
    expect(await rejectionOf(asked)).toMatchObject({ reason: "aborted" })
    expect(await reports.rows("SELECT 1 AS x", [])).toHaveLength(1)
  })

  test("a ledger without calls has reports", async () => {
    await using state = await driver.state()
    await using reports = await withCalls(state, [])
    const { totals, groups } = await reports.query({ ...QUERY, by: ["caller"], histograms: ["latency_ms"] })
    expect([totals.figures.sums.calls, groups]).toEqual([0n, []])
    expect(totals.figures.spreads.latency_ms?.p95).toBeNull()
    expect(await reports.search(SEARCH)).toEqual({ calls: [], next: null })
  })
})

test("the cube is cared for when calls were committed, and an idle thread rests", async () => {
  await using folder = ledgerFolder()
  const clock = new HeldClock(START)
  const ledger = await folder.open()
  await using reports = reportsOf({ path: folder.path })
  let commits = 0
  const care = careForCube(reports, { clock, log: silentLog, commits: () => commits })
  const asked = async (rounds: number): Promise<number> => {
    const before = reports.asked
    for (let round = 0; round < rounds; round += 1) {
      await clock.advance(5000)
      await until(() => !reports.isBusy)
    }
    return reports.asked - before
  }
  expect(await asked(1)).toBeGreaterThan(0)
  expect(await asked(10)).toBe(0)
  await write(ledger, [{}])
  commits = 1
  expect(await asked(1)).toBeGreaterThan(0)
  expect(reports.isAwake).toBe(true)
  expect(await asked(60)).toBe(0)
  expect(reports.isAwake).toBe(false)
  expect((await reports.query(QUERY)).totals.figures.sums.calls).toBe(1n)
  expect(await asked(720)).toBeGreaterThan(0)
  care.close()
})

test("a wrong question is refused with where it is wrong", async () => {
  await using reports = reportsOf({ path: "/nowhere/usage.sqlite" })
  const wrong: readonly (readonly [Partial<Query>, string])[] = [
    [{ zone: "Mars/Olympus" }, "zone"],
    [{ from: RANGE.to, to: RANGE.from }, "to"],
    [{ from: -1 }, "from"],
    [{ from: 0.5 }, "from"],
    [{ measures: [] }, "measures"],
    [{ measures: ["__proto__" as "calls"] }, "measures"],
    [{ by: ["caller", "model", "project", "group"] }, "by"],
    [{ by: ["constructor" as "caller"] }, "by[0]"],
    [
      {
        where: [
          { dimension: "caller", is: [] },
          { dimension: "nothing" as "caller", is: [""] },
        ],
      },
      "where[1].dimension",
    ],
    [{ where: [{ measure: "latency_ms", min: Number.NaN }] }, "where[0].min"],
    [{ top: 0 }, "top"],
    [{ from: 0, to: 100 * 365 * DAY_MS, slot: "hour" }, "slot"],
    [{ by: ["caller"], top: 1000, slot: "15m" }, "top"],
  ]
  for (const [part, path] of wrong) {
    const refused = await rejectionOf(reports.query({ ...QUERY, histograms: ["latency_ms"], ...part }))
    expect(refused).toBeInstanceOf(ReportRefused)
    expect((refused as ReportRefused).path).toBe(path)
  }
  expect(await rejectionOf(reports.search({ ...SEARCH, limit: 1e9 }))).toMatchObject({ path: "limit" })
  expect(await rejectionOf(reports.facets({ dimension: "toString" as "caller", ...RANGE }))).toMatchObject({
    path: "dimension",
  })
})

test("a database that is locked, lost or old is told apart, and comes back without a restart", async () => {
  await using state = ledgerFolder()
  await using reports = reportsOf({ path: state.path })
  expect(await rejectionOf(reports.query(QUERY))).toMatchObject({ reason: "lost" })
  const ledger = await state.open()
  await write(ledger, [{}])
  expect((await reports.query(QUERY)).totals.figures.sums.calls).toBe(1n)
  await ledger.close()
  using holder = new Database(state.path)
  holder.run("PRAGMA locking_mode=EXCLUSIVE")
  holder.run("BEGIN EXCLUSIVE")
  holder.run("DELETE FROM ledger_probe")
  expect(await rejectionOf(reports.query(QUERY))).toMatchObject({ reason: "locked" })
  holder.run("COMMIT")
  holder.close()
  expect((await reports.query(QUERY)).totals.figures.sums.calls).toBe(1n)
  for (const suffix of ["", "-wal", "-shm"]) rmSync(state.path + suffix, { force: true })
  using other = new Database(state.path)
  other.run("CREATE TABLE request_usage (id INTEGER)")
  expect(await rejectionOf(reports.query(QUERY))).toMatchObject({ reason: "old-schema" })
})

test("a report that nobody waits for any more, or that takes too long, is given up", async () => {
  await using state = ledgerFolder()
  await write(await state.open(), [{}])
  await using reports = reportsOf({ path: state.path })
  const aborted = AbortSignal.abort()
  expect(await rejectionOf(reports.query(QUERY, aborted))).toMatchObject({ reason: "aborted" })
  const leaving = new AbortController()
  const asked = reports.verify({ from: 0, to: RANGE.to }, leaving.signal)
  leaving.abort()
  expect(await rejectionOf(asked)).toMatchObject({ reason: "aborted" })
  await using hasty = reportsOf({ path: state.path, deadlineMs: 0 })
  expect(await rejectionOf(hasty.query(QUERY))).toMatchObject({ reason: "deadline" })
  const crowd = Array.from({ length: 80 }, () => rejectionOf(hasty.query(QUERY)))
  expect((await Promise.all(crowd)).filter((error) => (error as { reason?: string }).reason === "busy")).toHaveLength(
    16,
  )
})
