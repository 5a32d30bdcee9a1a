/** What the ledger tells limits of the past: by caller and project, with all that limits had counted, and once. */
import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import fc from "fast-check"
import { Client } from "pg"
import { ledgerFolder } from "../../test/helpers/ledger.ts"
import { onDrawnDriver } from "../../test/helpers/ledger-drivers.ts"
import { noPostgres, sharedPostgres } from "../../test/helpers/postgres.ts"
import { runs } from "../../test/helpers/sample.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { type LimitTotals, limitTotals, type UsedAmounts } from "./limit-totals.ts"
import { MIGRATIONS } from "./migrations.ts"
import type { Scalar } from "./database.ts"
import type { LedgerStore } from "./open.ts"
import { PostgresDatabase } from "./postgres/database.ts"
import { migrate as migratePostgres } from "./postgres/migrate.ts"
import type { CallRecord, UsageRow } from "./record.ts"
import { encodeLine } from "./spool-line.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"

const TS = Date.UTC(2026, 10, 22, 10)
const clock = { ...systemClock, now: () => TS + 60_000, monotonicMs: () => 0 }

const NOTHING: UsedAmounts = { requests: 0, tokens: 0, nanoUsd: 0 }
const TODAY = Date.UTC(2026, 10, 22)
const THIS_MONTH = Date.UTC(2026, 10)

interface Present {
  readonly callerId: string
  readonly project: string
  readonly day: UsedAmounts
  readonly month: UsedAmounts
  readonly lifetimeTokens: number
}

/** Of this day and month, and of all time where that was asked, else of this month. */
function byWhom({ periods }: LimitTotals): Readonly<Record<string, Present>> {
  const isForever = periods.some(({ kind }) => kind === "lifetime")
  const found: Record<string, Present> = {}
  for (const { kind, ts, totals } of periods) {
    if ((kind === "day" && ts !== TODAY) || (kind === "month" && ts !== THIS_MONTH)) continue
    for (const { callerId, project, used } of totals) {
      const name = `${callerId} in ${project}`
      const known = found[name] ?? { callerId, project, day: NOTHING, month: NOTHING, lifetimeTokens: 0 }
      const lifetimeTokens = kind === (isForever ? "lifetime" : "month") ? used.tokens : known.lifetimeTokens
      found[name] = kind === "lifetime" ? { ...known, lifetimeTokens } : { ...known, [kind]: used, lifetimeTokens }
    }
  }
  return found
}

async function recordAll(ledger: LedgerStore, calls: readonly CallRecord[]): Promise<void> {
  await Promise.all(calls.map((call) => ledger.record(call)))
}

/** A row as calls of all kinds leave them; `books`: the number of the call that it books. */
const rows = fc.record({
  caller_id: fc.constantFrom("app-1", "app-2"),
  caller_project: fc.constantFrom("lab", "shop"),
  resolved_group: fc.constantFrom("fast", "slow"),
  hoursAgo: fc.constantFrom(0, 1, 11, 40, 24 * 40),
  attempts: fc.constantFrom(0, 1, 2),
  total_tokens: fc.option(fc.nat(10_000)),
  total_cost_nano_usd: fc.option(fc.nat(1_000_000)),
  cost_unknown_reason: fc.option(fc.constantFrom("price", "usage")),
  limit_tokens: fc.option(fc.nat(10_000)),
  limit_nano_usd: fc.option(fc.nat(1_000_000)),
  books: fc.boolean(),
})

type Drawn = typeof rows extends fc.Arbitrary<infer Row> ? Row : never

function callOf({ hoursAgo, books, ...row }: Drawn, number: number): CallRecord {
  const usage: Partial<UsageRow> = { ...row, ts: TS - hoursAgo * 3_600_000 }
  if (!books) return sampleCall(TS, number, usage)
  const less = { limit_tokens: -(row.limit_tokens ?? 0), limit_nano_usd: -(row.limit_nano_usd ?? 0) }
  return sampleCall(TS, number, { ...usage, ...less, attempts: 0, books_request_id: `call ${number}` })
}

onDrawnDriver((driver) => {
  test("the sums are those of the rows, whatever the rows are, and a row counts once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rows, { minLength: 1, maxLength: 40 }), async (drawn) => {
        await using state = await driver.state()
        const ledger = await state.open({ clock })
        const calls = drawn.map(callOf)
        await recordAll(ledger, calls)
        await recordAll(ledger, calls)
        const expected: Record<string, unknown> = {}
        for (const [who, of] of Object.entries(
          Object.groupBy(calls, ({ usage }) => `${usage.caller_id} in ${usage.caller_project}`),
        )) {
          const sums = (from: number) => ({
            requests: count(of, from, ({ usage }) => (usage.attempts > 0 && usage.books_request_id === null ? 1 : 0)),
            tokens: count(of, from, ({ usage }) => usage.limit_tokens ?? usage.total_tokens ?? 0),
            nanoUsd: count(of, from, ({ usage }) => usage.limit_nano_usd ?? usage.total_cost_nano_usd ?? 0),
          })
          const [callerId, project] = who.split(" in ")
          const day = sums(Date.UTC(2026, 10, 22))
          const month = sums(Date.UTC(2026, 10))
          expected[who] = { callerId, project, day, month, lifetimeTokens: sums(0).tokens }
        }
        expect(byWhom(await ledger.limitTotals(true))).toEqual(expected as Record<string, Present>)
        const figures =
          "SELECT sum(requests) AS requests, sum(cost_unknown_requests) AS unknown FROM usage_rollup_hourly"
        const requests = calls.filter(({ usage }) => usage.books_request_id === null)
        const unknown = requests.filter(({ usage }) => usage.cost_unknown_reason !== null)
        const told = calls.filter((call) => !requests.includes(call) && call.usage.cost_unknown_reason === null)
        expect(await state.rows(figures)).toEqual([
          { requests: requests.length, unknown: unknown.length - told.length },
        ])
      }),
      runs(24),
    )
  })

  test("a caller that moves within the hour leaves in its project what it has used there", async () => {
    await using state = await driver.state()
    const ledger = await state.open({ clock })
    const used = { attempts: 1, total_tokens: 10, limit_tokens: 10, total_cost_nano_usd: 5, limit_nano_usd: 5 }
    await ledger.record(sampleCall(TS, 1, { ...used, caller_project: "before" }))
    await ledger.record(sampleCall(TS, 2, { ...used, caller_project: "after" }))
    const totals = byWhom(await ledger.limitTotals(false))
    for (const who of ["app-1 in before", "app-1 in after"])
      expect(totals[who]).toMatchObject({ day: { requests: 1, tokens: 10, nanoUsd: 5 }, lifetimeTokens: 10 })
    const { rows: shown } = await ledger.usageOf("app-1", { sinceMs: TS, groupBy: [] })
    expect(shown).toMatchObject([{ requests: 2, total_tokens: 20, cost_nano_usd: 10 }])
  })

  test("a call that is still in the spool wins over the row that a crash left for it, and is counted", async () => {
    await using state = await driver.state()
    const calls = Array.from({ length: 4000 }, (_, number) => sampleCall(TS, number, { limit_tokens: 3 }))
    mkdirSync(dirname(state.spoolPath), { recursive: true })
    writeFileSync(state.spoolPath, Buffer.concat(calls.map((call) => encodeLine("g", call))))
    // less than the replay takes
    const openMs = driver.name === "sqlite" ? 1 : 100
    const ledger = await state.open({ clock, limits: { openMs } })
    expect(ledger.status().spooledBytes).toBeGreaterThan(0)
    const last = calls.at(-1)?.usage.request_id
    const cutOff = { request_id: "", usage_source: "estimated", limit_tokens: 1000 } as const
    const orphans = [calls.at(-1), sampleCall(TS, 9999)].flatMap((call) => {
      if (call === undefined) return []
      return { ...call, usage: { ...call.usage, ...cutOff, request_id: call.usage.request_id } }
    })
    await ledger.recordBehind(orphans)
    expect(byWhom(await ledger.limitTotals(true))["app-1 in lab"]).toMatchObject({
      day: { requests: calls.length + 1 },
      lifetimeTokens: 3 * calls.length + 1000,
    })
    const sources = `SELECT usage_source FROM request_usage WHERE request_id = '${last}'`
    expect(await state.rows(sources)).toEqual([{ usage_source: "provider" }])
  })

  test("nothing becomes durable while somebody is alone", async () => {
    for (const durability of ["commit", "async"] as const) {
      await using state = await driver.state()
      const ledger = await state.open({ durability })
      const told: string[] = []
      const record = (number: number) =>
        ledger.record(sampleCall(TS, number)).then(() => void told.push(`call ${number}`))
      const before = record(1)
      const during: Promise<void>[] = []
      const rowsSeen: number[] = []
      const alone = ledger.alone(async () => {
        rowsSeen.push((await state.ids()).length)
        during.push(record(2))
        await Bun.sleep(20)
        rowsSeen.push((await state.ids()).length)
        told.push("alone")
      })
      await Promise.all([before, alone])
      await Promise.all(during)
      await ledger.alone(() => Promise.resolve(told.push("alone again")))
      expect(rowsSeen).toEqual([1, 1])
      expect(told).toEqual(["call 1", "alone", "call 2", "alone again"])
    }
  })
})

onDrawnDriver((driver) => {
  test("what was used in a day, a month and ever, however far apart", async () => {
    await using state = await driver.state()
    const ledger = await state.open({ clock })
    const hoursAgo = [0, 1, 9, 11, 48, 480, 24 * 22, 24 * 900]
    for (const [index, hours] of hoursAgo.entries()) {
      const usage = { total_tokens: 1, limit_tokens: 1, total_cost_nano_usd: 2, limit_nano_usd: 2 }
      await ledger.record(sampleCall(TS - hours * 3_600_000, index + 1, { ...usage, caller_project: "lab" }))
    }
    const used = (requests: number): UsedAmounts => ({ requests, tokens: requests, nanoUsd: 2 * requests })
    const entry = { callerId: "app-1", project: "lab", day: used(3), month: used(6) }
    expect(byWhom(await ledger.limitTotals(true))).toEqual({ "app-1 in lab": { ...entry, lifetimeTokens: 8 } })
    expect(byWhom(await ledger.limitTotals(false))).toEqual({ "app-1 in lab": { ...entry, lifetimeTokens: 6 } })
  })
})

test("no query sums more than some thousand hours, however many there are, and nothing is left out", async () => {
  await using state = ledgerFolder()
  const ledger = await state.open({ clock })
  await ledger.record(sampleCall(TS, 1, { ts: TS, total_tokens: 1, limit_tokens: 1 }))
  using database = new Database(state.path)
  const HOUR = Math.floor(TS / 3_600_000)
  database.run(`WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 39999)
    INSERT INTO usage_rollup_hourly SELECT ${HOUR - 30} + n % 40, 'caller ' || (n % 7), 'group ' || (n / 40), 'lab',
      1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 5 FROM number`)
  const summed: number[] = []
  const counting = {
    query: <Row>(sql: string, parameters: readonly Scalar[]): Row[] => {
      if (sql.includes("GROUP BY")) {
        const where = /WHERE .*?(?=GROUP BY)/su.exec(sql)?.[0]
        const counts = database.query<{ count: number }, Scalar[]>(
          `SELECT count(*) AS count FROM usage_rollup_hourly ${where}`,
        )
        summed.push(counts.get(...parameters)?.count ?? Number.NaN)
      }
      return database.query<Row, Scalar[]>(sql).all(...parameters)
    },
  }
  const { periods } = await limitTotals(counting, TS, true)
  expect(Math.max(...summed)).toBeLessThanOrEqual(2048)
  const used = (kind: string, ts: number): number =>
    periods
      .filter((period) => period.kind === kind && (kind === "lifetime" || period.ts === ts))
      .flatMap(({ totals }) => totals)
      .reduce((sum, { used: { tokens } }) => sum + tokens, 0)
  // 10 of the hours lie behind the day, and 20 before it
  expect([used("day", TODAY), used("month", THIS_MONTH), used("lifetime", 0)]).toEqual([
    1 + 20_000 * 3,
    1 + 40_000 * 3,
    1 + 40_000 * 3,
  ])
})

function count(calls: readonly CallRecord[] | undefined, from: number, amount: (call: CallRecord) => number): number {
  return (calls ?? []).filter(({ usage }) => usage.ts >= from).reduce((sum, call) => sum + amount(call), 0)
}

const BEFORE = MIGRATIONS.filter(({ version }) => version < 8)
const OLD_HOUR = Math.floor(TS / 3_600_000)
const OLD_SUMS = `INSERT INTO usage_rollup_hourly (hour, caller_id, resolved_group, requests, errors, input_tokens,
  cached_input_tokens, output_tokens, reasoning_tokens, total_tokens, cost_nano_usd, cost_unknown_requests,
  caller_project, sent_requests) VALUES (${OLD_HOUR}, 'app-1', 'fast', 9, 1, 70, 0, 30, 0, 100, 500, 0, 'lab', 8)`
const OLD_TOTALS = {
  "app-1 in lab": {
    callerId: "app-1",
    project: "lab",
    day: { requests: 8, tokens: 100, nanoUsd: 500 },
    month: { requests: 8, tokens: 100, nanoUsd: 500 },
    lifetimeTokens: 100,
  },
}

test("sums of an earlier version are kept, on sqlite", async () => {
  await using state = ledgerFolder()
  mkdirSync(dirname(state.path), { recursive: true })
  {
    using database = new Database(state.path)
    database.run("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER)")
    for (const { version, name, statements } of BEFORE) {
      for (const statement of statements) database.run(statement)
      database.run("INSERT INTO schema_migrations VALUES (?, ?, 0)", [version, name])
    }
    database.run(OLD_SUMS)
  }
  const ledger = await state.open({ clock })
  expect(byWhom(await ledger.limitTotals(true))).toEqual(OLD_TOTALS)
})

test.skipIf(noPostgres !== null)("sums of an earlier version are kept, on postgres", async () => {
  const dsn = await (await sharedPostgres()).schema()
  const client = new Client(dsn)
  await client.connect()
  await migratePostgres(client, { nowMs: () => 0, acceptsNewer: false, onProgress: () => {}, steps: BEFORE })
  await client.query(OLD_SUMS)
  await client.end()
  const database = new PostgresDatabase({
    dsn,
    clock,
    log: silentLog,
    limits: { connectMs: 5000, answerMs: 5000, queryMs: 5000 },
    onMigration: () => {},
  })
  await database.reopen()
  expect(byWhom(await limitTotals(database, clock.now(), true))).toEqual(OLD_TOTALS)
  await database.close()
})
