import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { onEachDriver } from "../../test/helpers/ledger-drivers.ts"
import { oldestLedger } from "../../test/helpers/oldest-ledger.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { MIGRATIONS, NEWEST, PART_CALLS, shareDone } from "./migrations.ts"
import { migrate } from "./sqlite/migrate.ts"

/** The last step that goes through rows. */
const OVER_CALLS = MIGRATIONS.findLast(({ overCalls }) => overCalls !== undefined)?.version ?? 0
/** What later steps make. */
const LATER = MIGRATIONS.filter(({ version }) => version > OVER_CALLS).flatMap(({ statements }) => statements)
const LATER_TABLES = LATER.flatMap((statement) => /^CREATE TABLE (\w+)/.exec(statement)?.slice(1) ?? [])
const LATER_COLUMNS = LATER.flatMap(
  (statement) => /^ALTER TABLE request_usage ADD COLUMN (\w+)/.exec(statement)?.slice(1) ?? [],
)
const CALLS = 2 * PART_CALLS + 500

onEachDriver((driver) => {
  test("the oldest schema is brought to the newest, with what calls left in it", async () => {
    await using state = await driver.state()
    await oldestLedger(state, CALLS)
    const seen: [version: number, share: number][] = []
    const ledger = await state.open({ onMigration: ({ version }, share) => void seen.push([version, share]) })
    await ledger.record(sampleCall(Date.UTC(2026, 10, 22), 1))
    expect(await state.rows("SELECT max(version) AS version FROM schema_migrations")).toEqual([{ version: NEWEST }])
    const failed = await state.rows(
      `SELECT target_provider, target_model, target_dialect, count(*) AS calls FROM request_usage
       WHERE error IS NOT NULL GROUP BY 1, 2, 3`,
    )
    expect(failed).toEqual([
      { target_provider: "beta", target_model: "big", target_dialect: "openai-chat", calls: CALLS / 10 },
    ])
    expect(await state.rows("SELECT count(*) AS n FROM request_usage WHERE target_provider = 'alpha'")).toEqual([
      { n: CALLS - CALLS / 10 + 1 },
    ])
    const later = MIGRATIONS.slice(1).map(({ version }) => version)
    expect(seen.filter(([, share]) => share === 0).map(([version]) => version)).toEqual(later)
    expect(
      seen.filter(([version, share]) => share === 1 && version !== OVER_CALLS).map(([version]) => version),
    ).toEqual(later.filter((version) => version !== OVER_CALLS))
    const shares = seen.filter(([version]) => version === OVER_CALLS).map(([, share]) => share)
    expect(shares).toEqual(shares.toSorted((a, b) => a - b))
    expect(shares.length).toBeGreaterThan(4)
    const lines = state.messages.filter((message) => message.includes("has a newer version"))
    expect(lines).toHaveLength(later.length)
  })

  test("a new ledger says nothing of versions", async () => {
    await using state = await driver.state()
    const seen: number[] = []
    await state.open({ onMigration: ({ version }) => void seen.push(version) })
    expect(seen).toEqual([])
    expect(state.messages.filter((message) => message.includes("version"))).toEqual([])
  })

  test("a step over calls goes on from where it was", async () => {
    await using state = await driver.state()
    await oldestLedger(state, CALLS)
    const first = await state.open()
    await first.close()
    const [middle] = await state.rows<{ id: string }>(
      `SELECT request_id AS id FROM request_usage ORDER BY 1 LIMIT 1 OFFSET ${PART_CALLS}`,
    )
    // as a process leaves it that is killed behind its first part
    await state.change([
      `DELETE FROM schema_migrations WHERE version >= ${OVER_CALLS}`,
      ...LATER_COLUMNS.map((name) => `ALTER TABLE request_usage DROP COLUMN ${name}`),
      ...LATER_TABLES.map((table) => `DROP TABLE ${table}`),
      `UPDATE migration_positions SET position = '${middle?.id}' WHERE version = ${OVER_CALLS}`,
      "UPDATE request_usage SET target_provider = NULL WHERE error IS NOT NULL",
    ])
    await state.open()
    const [counted] = await state.rows<{ before: number; behind: number }>(
      `SELECT sum(CASE WHEN request_id <= '${middle?.id}' THEN 1 ELSE 0 END) AS before,
       sum(CASE WHEN request_id > '${middle?.id}' THEN 1 ELSE 0 END) AS behind
       FROM request_usage WHERE target_provider IS NULL`,
    )
    expect(counted).toEqual({ before: PART_CALLS / 10 + 1, behind: 0 })
  })
})

test("all steps of a new ledger have one time, so that no rows from before its cube are looked for", async () => {
  using database = new Database(":memory:")
  let nowMs = 0
  await migrate(database, { nowMs: () => ++nowMs, onProgress: () => {} })
  expect(database.query("SELECT DISTINCT applied_at FROM schema_migrations").all()).toEqual([{ applied_at: 1 }])
})

test("the part that is done is told by the time in the ids", () => {
  const id = (ms: number): string => `req_${ms.toString(16).padStart(12, "0")}${"0".repeat(20)}`
  expect(shareDone(id(1000), id(1500), id(2000))).toBe(0.5)
  expect(shareDone(id(1000), id(1000), id(1000))).toBe(0)
  expect(shareDone("", "req_x", "req_y")).toBe(0)
})
