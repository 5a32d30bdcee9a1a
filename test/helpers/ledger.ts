/** A ledger in a folder of its own, and what another process would read there. */
import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type LedgerOptions, type LedgerStore, openLedger } from "../../src/ledger/open.ts"
import { systemClock } from "../../src/system/clock.ts"
import type { Log } from "../../src/system/log.ts"

export interface LedgerFolder extends AsyncDisposable {
  readonly folder: string
  readonly path: string
  readonly spoolPath: string
  /** Messages logged so far. */
  readonly messages: readonly string[]
  /** Closed with the folder, unless it was closed before. */
  open(options?: Partial<LedgerOptions>): Promise<LedgerStore>
  /** Read by a connection of its own. */
  rows<Row>(sql: string): Row[]
  ids(): string[]
  /** Holds the write lock until disposed. */
  lock(): Disposable
}

export function ledgerFolder(): LedgerFolder {
  const folder = mkdtempSync(join(tmpdir(), "ledger-"))
  const path = join(folder, "state", "usage.sqlite")
  const messages: string[] = []
  const log = logInto(messages)
  const opened: LedgerStore[] = []
  const rows = <Row>(sql: string): Row[] => read(path, sql)
  return {
    folder,
    path,
    spoolPath: `${path}.spool`,
    messages,
    open: async (options = {}) => {
      const defaults = { path, durability: "commit", onUnavailable: "spool", clock: systemClock, log } as const
      const ledger = await openLedger({ ...defaults, ...options })
      opened.push(ledger)
      return ledger
    },
    rows,
    ids: () => rows<{ id: string }>("SELECT request_id AS id FROM request_usage ORDER BY 1").map(({ id }) => id),
    lock: () => lock(path),
    [Symbol.asyncDispose]: async () => {
      for (const ledger of opened) await ledger.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Waits until the condition holds; the test's own limit ends it otherwise. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(5)
}

/** What the promise is rejected with; a promise that resolves fails the test. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  const resolved = Symbol("resolved")
  const outcome = await promise.then(
    () => resolved,
    (error: unknown) => error,
  )
  if (outcome === resolved) throw new Error("expected a rejection")
  return outcome
}

function logInto(messages: string[]): Log {
  const add = (message: string): void => void messages.push(message)
  return { info: add, warn: add, error: add }
}

function read<Row>(path: string, sql: string): Row[] {
  const database = new Database(path, { readonly: true })
  try {
    return database.query<Row, []>(sql).all()
  } finally {
    database.close()
  }
}

function lock(path: string): Disposable {
  const database = new Database(path, { readwrite: true })
  database.run("PRAGMA busy_timeout=5000")
  database.run("BEGIN IMMEDIATE")
  return { [Symbol.dispose]: () => database.close() }
}
