import { expect, test } from "bun:test"
import { Database } from "bun:sqlite"
import { ledgerFolder, until } from "../../test/helpers/ledger.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { systemClock } from "../system/clock.ts"
import type { StoredStateRow } from "./record.ts"
import { storedIdHash, StoredStateIndex } from "./stored-state.ts"

const TS = Date.UTC(2026, 10, 22, 10)
const FAR = TS * 2

function row(id: string, more: Partial<StoredStateRow> = {}): StoredStateRow {
  return {
    id_sha256: storedIdHash("lab", "response", id),
    request_id: "req_1",
    caller_id: "me-lab",
    provider: "alpha",
    model: "m",
    dialect: "openai-responses",
    resolved_group: "default",
    expires_at: FAR,
    usage_pending: 0,
    ...more,
  }
}

test("what was recorded is found after a restart, also when it went through the spool", async () => {
  await using state = ledgerFolder()
  const first = await state.open()
  await first.record({ ...sampleCall(TS, 1), stored: [row("one")] })
  {
    using _ = state.lock()
    await first.record({ ...sampleCall(TS, 2), stored: [row("two")] })
  }
  await first.close()
  const second = await state.open()
  await until(() => state.ids().length === 2)
  const hashes = [row("one"), row("two"), row("three")].map(({ id_sha256 }) => id_sha256)
  const found = await second.storedStates.find(hashes)
  expect([...found.keys()].toSorted()).toEqual(hashes.slice(0, 2).toSorted())
  expect(found.get(hashes[0] ?? "")).toEqual(row("one"))
})

test("an id that comes again lives longer, and belongs to the target that gave it last", async () => {
  await using state = ledgerFolder()
  const ledger = await state.open()
  await ledger.record({ ...sampleCall(TS, 1), stored: [row("one")] })
  await ledger.record({ ...sampleCall(TS, 2), stored: [row("one", { provider: "beta", expires_at: FAR + 1 })] })
  expect(state.rows<StoredStateRow>("SELECT * FROM stored_state")).toMatchObject([
    { provider: "beta", expires_at: FAR + 1 },
  ])
})

test("the hash keeps projects, kinds and ids apart", () => {
  const hashes = [
    ["a", "b", "c"],
    ["a", "bc", ""],
    ["ab", "", "c"],
    ["a", "b", "d"],
  ].map(([project = "", kind = "", id = ""]) => storedIdHash(project, kind, id))
  expect(new Set(hashes).size).toBe(4)
})

test("a sweep takes what has expired, and beyond the bound what expires first", async () => {
  await using state = ledgerFolder()
  const ledger = await state.open()
  const rows = Array.from({ length: 1500 }, (_, index) =>
    row(`${index}`, { expires_at: index < 1200 ? 1 : FAR + index }),
  )
  await ledger.record({ ...sampleCall(TS, 1), stored: rows })
  await ledger.close()
  using database = new Database(state.path)
  const query = <Row>(sql: string, parameters: readonly (string | number)[]): Row[] =>
    database.query<Row, (string | number)[]>(sql).all(...parameters)
  const clock = { ...systemClock, now: () => TS, monotonicMs: () => 0 }
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const index = new StoredStateIndex({ query }, clock, log, { maxRows: 100 })
  await index.sweep()
  index.close()
  const left = state.rows<{ expires_at: number }>("SELECT expires_at FROM stored_state ORDER BY expires_at")
  expect(left).toHaveLength(100)
  expect(left[0]?.expires_at).toBe(FAR + 1400)
})

test("only so many are remembered, and the database is asked for the others", async () => {
  const asked: string[] = []
  const query = <Row>(_: string, parameters: readonly (string | number)[]): Row[] => {
    asked.push(String(parameters[0]))
    return []
  }
  const clock = { ...systemClock, now: () => TS, monotonicMs: () => 0 }
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const index = new StoredStateIndex({ query }, clock, log, { remembered: 2 })
  index.remember([row("one"), row("two"), row("three")])
  await index.find([row("one").id_sha256, row("two").id_sha256, row("three").id_sha256])
  index.close()
  expect(asked).toEqual([row("one").id_sha256])
})
