/** Rows of `activation_records`: written, read and forgotten beside the calls. */
import { type RowOf, valuesFrom } from "./column.ts"
import type { LedgerDatabase, Scalar } from "./database.ts"
import { hexOf } from "./retention/classes.ts"
import type { ACTIVATION_RECORDS } from "./tables/activation.ts"
import { ACTIVATION as TABLE } from "./tables.ts"

export type ActivationRow = RowOf<typeof ACTIVATION_RECORDS>

/** All reject where the database does not answer, or takes no rows. */
export interface ActivationRows {
  /** A row that is there already, by its id, stays as it is. */
  add(rows: readonly ActivationRow[]): Promise<void>
  /** The newest of each kind: of provider, model, group, dialect, capability, fingerprint and signer. */
  newest(): Promise<readonly ActivationRow[]>
  /** Those that were written from this time on, Unix milliseconds, by clocks of their writers. */
  writtenSince(ms: number): Promise<readonly ActivationRow[]>
  /** What checks of this installation cost from this time on, by provider, model and group (empty: direct). */
  costsSince(ms: number): Promise<readonly ActivationCost[]>
  /** Deletes those that are superseded and were written before one time, and those that expired before the other. */
  forget(supersededBeforeMs: number, expiredBeforeMs: number): Promise<void>
  /** Takes or renews the right to run checks until `untilMs`; false: another process has it. */
  lease(holder: string, nowMs: number, untilMs: number): Promise<boolean>
}

export interface ActivationCost {
  readonly provider: string
  readonly model: string
  readonly model_group: string
  readonly cost: number
}

const NAMES = Object.keys(TABLE.columns)
const VALUES = valuesFrom(TABLE.columns)
const ROWS_AT_ONCE = 50
/** Some milliseconds' work: calls have their turn between two pages. */
const PAGE_ROWS = 500
const PAGE = `SELECT * FROM activation_records WHERE record_id > ?1 ORDER BY record_id LIMIT ${PAGE_ROWS}`
const COSTS = `SELECT provider, model, model_group, CAST(sum(cost_nano_usd) AS DOUBLE PRECISION) AS cost
  FROM activation_records WHERE source = 'validate' AND checked_at >= ?1 AND cost_nano_usd IS NOT NULL
  GROUP BY provider, model, model_group`
const TAKE = `INSERT INTO activation_lease (id, holder, until_at) VALUES (1, ?1, ?2)
  ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at
  WHERE activation_lease.until_at <= ?3 OR activation_lease.holder = excluded.holder`
const HOLDER = "SELECT holder, until_at FROM activation_lease WHERE id = 1"

/** Ids of records that are written in a millisecond begin with this. */
export function activationIdFrom(ms: number): string {
  return `act_${hexOf(ms)}`
}

/** @param pause lets others have their turn, where there is much to read or to delete */
export function activationRows(database: Pick<LedgerDatabase, "query">, pause: () => Promise<void>): ActivationRows {
  const query: Query = async (sql, parameters) => await database.query(sql, parameters)
  const newest = async (): Promise<ReadonlyMap<string, ActivationRow>> => {
    const found = new Map<string, ActivationRow>()
    for await (const page of pagesFrom("", query, pause))
      for (const row of page) if (isNewer(row, found.get(kindOf(row)))) found.set(kindOf(row), row)
    return found
  }
  return {
    add: (rows) => addRows(rows, query),
    newest: async () => [...(await newest()).values()],
    async writtenSince(ms) {
      const found: ActivationRow[] = []
      // ids of that millisecond are longer than their first digits
      for await (const page of pagesFrom(activationIdFrom(ms), query, pause)) found.push(...page)
      return found
    },
    costsSince: (ms) => query(COSTS, [ms]),
    async forget(supersededBeforeMs, expiredBeforeMs) {
      const kept = await newest()
      const before = activationIdFrom(supersededBeforeMs)
      const isGone = (row: ActivationRow): boolean =>
        row.expires_at < expiredBeforeMs ||
        (row.record_id < before && kept.get(kindOf(row))?.record_id !== row.record_id)
      for await (const page of pagesFrom("", query, pause)) await deleteRows(page.filter(isGone), query, pause)
    },
    async lease(holder, nowMs, untilMs) {
      await query(TAKE, [holder, untilMs, nowMs])
      const [row] = await query<{ readonly holder: string; readonly until_at: number }>(HOLDER, [])
      return row?.holder === holder && row.until_at >= untilMs
    },
  }
}

type Query = <Row>(sql: string, parameters: readonly Scalar[]) => Promise<Row[]>

async function addRows(rows: readonly ActivationRow[], query: Query): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    const some = rows.slice(at, at + ROWS_AT_ONCE)
    const tuple = `(${NAMES.map(() => "?").join(",")})`
    const sql = `INSERT INTO activation_records (${NAMES.join(",")}) VALUES ${some.map(() => tuple).join(",")} ON CONFLICT (record_id) DO NOTHING`
    await query(
      sql,
      some.flatMap((row) => VALUES(row, "")),
    )
  }
}

async function deleteRows(rows: readonly ActivationRow[], query: Query, pause: () => Promise<void>): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    const ids = rows.slice(at, at + ROWS_AT_ONCE).map(({ record_id: id }) => id)
    await query(`DELETE FROM activation_records WHERE record_id IN (${ids.map(() => "?").join(",")})`, ids)
    await pause()
  }
}

async function* pagesFrom(
  id: string,
  query: Query,
  pause: () => Promise<void>,
): AsyncGenerator<readonly ActivationRow[]> {
  for (let after = id; ;) {
    const page = await query<ActivationRow>(PAGE, [after])
    yield page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE_ROWS) return
    after = last.record_id
    await pause()
  }
}

/** Of records of one kind the newest counts. */
function kindOf(row: ActivationRow): string {
  const { provider, model, model_group: group, dialect, capability, fingerprint, signer } = row
  return [provider, model, group, dialect, capability, fingerprint, signer].join("\n")
}

/** In the order of their ids: of two of the same time the later one counts. */
function isNewer(row: ActivationRow, before: ActivationRow | undefined): boolean {
  return before === undefined || row.checked_at >= before.checked_at
}
