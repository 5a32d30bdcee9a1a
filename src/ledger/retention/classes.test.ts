import { expect, test } from "bun:test"
import { ALL_TABLES, CHILDREN } from "../tables.ts"
import { CALLS_TABLE, hexOf, idFrom, RETENTION_CLASSES, timeOf, UNFINISHED } from "./classes.ts"

/** Sums, what the ledger knows of itself, and what goes by a rule of its own. */
const NO_CLASS = [
  "activation_lease",
  "activation_records",
  "caller_tags",
  "content_data_keys",
  "installation",
  "ledger_probe",
  "migration_positions",
  "request_content_audit_events",
  "schema_migrations",
  "stored_state",
  "usage_rollup_hourly",
]

const listed = RETENTION_CLASSES.flatMap(({ tables }) => tables.map(({ name }) => name))

test("every table belongs to one class, or to none for a reason", () => {
  const others = ALL_TABLES.map(({ name }) => name).filter(
    (name) => !listed.includes(name) && !UNFINISHED.includes(name) && !/^(usage_cube|retention|legal_hold)/.test(name),
  )
  expect(others.toSorted()).toEqual(NO_CLASS)
  expect(new Set(listed).size).toBe(listed.length)
})

test("each table has the key by which it is deleted", () => {
  for (const { tables } of RETENTION_CLASSES)
    for (const { name, key } of tables) {
      const table = ALL_TABLES.find((one) => one.name === name)
      expect([name, Object.keys(table?.columns ?? {}).includes(key)]).toEqual([name, true])
      // holds name calls by it
      expect([name, Object.keys(table?.columns ?? {}).includes("request_id")]).toEqual([name, true])
    }
})

test("rows that hang on a call go before it, and a call knows all that hang on it", () => {
  expect(listed.at(-1)).toBe(CALLS_TABLE)
  const ofCalls = RETENTION_CLASSES.filter(({ isOfCalls }) => isOfCalls).flatMap(({ tables }) => tables)
  const names: readonly string[] = [...ofCalls.map(({ name }) => name), ...UNFINISHED]
  expect(CHILDREN.map(({ name }) => name).filter((name) => !names.includes(name))).toEqual([])
})

test("ids begin with their millisecond", () => {
  const ms = Date.UTC(2026, 10, 22, 10)
  expect(timeOf(`${idFrom("req", ms)}00112233445566778899`)).toBe(ms)
  expect(timeOf(`${idFrom("sec", ms)}0011`)).toBe(ms)
  expect(timeOf("call-12")).toBe(0)
  expect(hexOf(-1)).toBe("000000000000")
  expect(idFrom("req", ms) < idFrom("req", ms + 1)).toBe(true)
})
