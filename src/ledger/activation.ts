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
const KIND = ["provider", "model", "model_group", "dialect", "capability", "fingerprint"]
const isSameKind = (left: string, right: string): string =>
  [
    ...KIND.map((name) => `${left}.${name} = ${right}.${name}`),
    `coalesce(${left}.signer, '') = coalesce(${right}.signer, '')`,
  ].join(" AND ")

const NEWER = `SELECT 1 FROM activation_records n WHERE ${isSameKind("n", "r")}
  AND (n.checked_at > r.checked_at OR (n.checked_at = r.checked_at AND n.record_id > r.record_id))`
const NEWEST = `SELECT r.* FROM activation_records r JOIN (
    SELECT ${KIND.join(", ")}, coalesce(signer, '') AS signed_by, max(checked_at) AS checked_at
    FROM activation_records GROUP BY ${KIND.join(", ")}, coalesce(signer, '')
  ) n ON ${KIND.map((name) => `r.${name} = n.${name}`).join(" AND ")}
    AND coalesce(r.signer, '') = n.signed_by AND r.checked_at = n.checked_at
  ORDER BY r.record_id`
const SINCE = "SELECT * FROM activation_records WHERE record_id >= ?1 ORDER BY record_id"
const COSTS = `SELECT provider, model, model_group, CAST(sum(cost_nano_usd) AS DOUBLE PRECISION) AS cost
  FROM activation_records WHERE source = 'validate' AND checked_at >= ?1 AND cost_nano_usd IS NOT NULL
  GROUP BY provider, model, model_group`
const FORGET = `DELETE FROM activation_records WHERE record_id IN (
  SELECT r.record_id FROM activation_records r
  WHERE r.expires_at < ?2 OR (r.record_id < ?1 AND EXISTS (${NEWER})))`
const TAKE = `INSERT INTO activation_lease (id, holder, until_at) VALUES (1, ?1, ?2)
  ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at
  WHERE activation_lease.until_at <= ?3 OR activation_lease.holder = excluded.holder`
const HOLDER = "SELECT holder, until_at FROM activation_lease WHERE id = 1"

/** Ids of records that are written in a millisecond begin with this. */
export function activationIdFrom(ms: number): string {
  return `act_${hexOf(ms)}`
}

export function activationRows(database: Pick<LedgerDatabase, "query">): ActivationRows {
  const query = async <Row>(sql: string, parameters: readonly Scalar[]): Promise<Row[]> =>
    await database.query<Row>(sql, parameters)
  return {
    async add(rows) {
      for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
        const some = rows.slice(at, at + ROWS_AT_ONCE)
        const tuple = `(${NAMES.map(() => "?").join(",")})`
        const sql = `INSERT INTO activation_records (${NAMES.join(",")}) VALUES ${some.map(() => tuple).join(",")} ON CONFLICT (record_id) DO NOTHING`
        await query(
          sql,
          some.flatMap((row) => VALUES(row, "")),
        )
      }
    },
    newest: () => query(NEWEST, []),
    writtenSince: (ms) => query(SINCE, [activationIdFrom(ms)]),
    costsSince: (ms) => query(COSTS, [ms]),
    async forget(supersededBeforeMs, expiredBeforeMs) {
      await query(FORGET, [activationIdFrom(supersededBeforeMs), expiredBeforeMs])
    },
    async lease(holder, nowMs, untilMs) {
      await query(TAKE, [holder, untilMs, nowMs])
      const [row] = await query<{ readonly holder: string; readonly until_at: number }>(HOLDER, [])
      return row?.holder === holder && row.until_at >= untilMs
    },
  }
}
