/** The same ledger on each kind of database, for tests that hold for all of them. */
import { Database } from "bun:sqlite"
import { describe } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type LedgerOptions, type LedgerStore, openLedger } from "../../src/ledger/open.ts"
import { systemClock } from "../../src/system/clock.ts"
import { jsonLog } from "../../src/system/log.ts"
import { ledgerFolder } from "./ledger.ts"
import { execute, lockCalls, noPostgres, PostgresReader, sharedPostgres } from "./postgres.ts"
import { drawn } from "./sample.ts"

export interface LedgerState extends AsyncDisposable {
  readonly path: string
  /** As `server.usage_db` names it. */
  readonly usageDb: { readonly driver?: string; readonly path: string; readonly dsn?: string }
  readonly spoolPath: string
  /** Messages logged so far. */
  readonly messages: readonly string[]
  /** Closed with the state, unless it was closed before. */
  open(options?: Partial<LedgerOptions>): Promise<LedgerStore>
  /** Read by a connection of its own. */
  rows<Row>(sql: string): Promise<Row[]>
  /** Statements by a connection of its own. */
  change(statements: readonly string[]): Promise<void>
  ids(): Promise<string[]>
  /** Keeps every writer out until disposed. */
  lock(): Promise<AsyncDisposable>
}

export interface Driver {
  readonly name: string
  /** Null where it can be tested; else why not. */
  readonly missing: string | null
  state(): Promise<LedgerState>
}

const IDS = "SELECT request_id AS id FROM request_usage ORDER BY 1"

const DRIVERS: readonly Driver[] = [
  { name: "sqlite", missing: null, state: sqliteState },
  {
    name: noPostgres === null ? "postgres" : `postgres (${noPostgres})`,
    missing: noPostgres,
    state: async () => postgresState(await (await sharedPostgres()).schema()),
  },
]

/** The same tests on every kind of database. */
export function onEachDriver(tests: (driver: Driver) => void): void {
  for (const driver of DRIVERS) describe.skipIf(driver.missing !== null)(`on ${driver.name}`, () => tests(driver))
}

/** As `onEachDriver`; a sampled run takes one of those that can be tested, another one in each file. */
export function onDrawnDriver(tests: (driver: Driver) => void): void {
  const present = drawn(DRIVERS.filter(({ missing }) => missing === null))
  for (const driver of present) describe(`on ${driver.name}`, () => tests(driver))
}

export function postgresState(dsn: string): LedgerState & { readonly details: readonly string[] } {
  const folder = mkdtempSync(join(tmpdir(), "ledger-"))
  const path = join(folder, "state", "usage.sqlite")
  const messages: string[] = []
  const details: string[] = []
  const log = jsonLog(systemClock, (line) => {
    details.push(line)
    messages.push((JSON.parse(line) as { message: string }).message)
  })
  const opened: LedgerStore[] = []
  const reader = new PostgresReader(dsn)
  const rows = <Row>(sql: string): Promise<Row[]> => reader.rows<Row>(sql)
  return {
    path,
    usageDb: { driver: "postgres", path, dsn },
    spoolPath: `${path}.spool`,
    messages,
    details,
    open: async (options = {}) => {
      const defaults = { path, dsn, durability: "commit", onUnavailable: "spool", clock: systemClock } as const
      const ledger = await openLedger({ ...defaults, log, ...options })
      opened.push(ledger)
      return ledger
    },
    rows,
    change: async (statements) => void (await execute(dsn, statements.join(";\n"))),
    ids: async () => (await rows<{ id: string }>(IDS)).map(({ id }) => id),
    lock: () => lockCalls(dsn),
    [Symbol.asyncDispose]: async () => {
      for (const ledger of opened) await ledger.close()
      await reader.close()
      rmSync(folder, { recursive: true })
    },
  }
}

export async function sqliteState(): Promise<LedgerState> {
  const state = ledgerFolder()
  return await Promise.resolve({
    ...state,
    usageDb: { path: state.path },
    rows: async <Row>(sql: string) => await Promise.resolve(state.rows<Row>(sql)),
    change: async (statements) => {
      using database = new Database(state.path, { readwrite: true })
      database.run("PRAGMA busy_timeout=20000")
      await Promise.resolve(statements.map((statement) => database.run(statement)))
    },
    ids: async () => await Promise.resolve(state.ids()),
    lock: async () => {
      const held = state.lock()
      return await Promise.resolve({
        [Symbol.asyncDispose]: async () => await Promise.resolve(held[Symbol.dispose]()),
      })
    },
  })
}
