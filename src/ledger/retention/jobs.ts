/** Runs of retention as rows, and the lease by which one process of many deletes. */
import type { RowOf } from "../column.ts"
import type { CubeConnection } from "../cube/connection.ts"
import type { RETENTION_JOB_TABLE_RESULTS, RETENTION_JOBS } from "../tables/retention.ts"
import { hexOf } from "./classes.ts"

export type JobRow = RowOf<typeof RETENTION_JOBS>
export type ResultRow = RowOf<typeof RETENTION_JOB_TABLE_RESULTS>

/** A process that does not renew it is dead. */
export const LEASE_MS = 60_000
const KEPT_MS = 90 * 86_400_000

export const LAST_JOB = "SELECT * FROM retention_jobs ORDER BY job_id DESC LIMIT 1"
export const LAST_RUN = "SELECT * FROM retention_jobs WHERE dry_run = 0 ORDER BY job_id DESC LIMIT 1"
export const RESULTS_OF = "SELECT * FROM retention_job_table_results WHERE job_id = ? ORDER BY data_class, table_name"

/** In a transaction. False: another run has the lease. */
export async function beginJob(connection: CubeConnection, job: JobRow, nowMs: number): Promise<boolean> {
  const take = `INSERT INTO retention_lease (id, job_id, until_at) VALUES (1, ?1, ?2)
    ON CONFLICT (id) DO UPDATE SET job_id = excluded.job_id, until_at = excluded.until_at
      WHERE retention_lease.until_at <= ?3 RETURNING id`
  if ((await connection.query(take, [job.job_id, nowMs + LEASE_MS, nowMs])).length === 0) return false
  await connection.query("UPDATE retention_jobs SET state = 'interrupted' WHERE state = 'running'")
  const old = [`job_${hexOf(nowMs - KEPT_MS)}`]
  await connection.query("DELETE FROM retention_jobs WHERE job_id < ?1", old)
  await connection.query("DELETE FROM retention_job_table_results WHERE job_id < ?1", old)
  const insert = `INSERT INTO retention_jobs (job_id, started_at, finished_at, asked_by, dry_run, state, fault)
    VALUES (?, ?, NULL, ?, ?, 'running', NULL)`
  await connection.query(insert, [job.job_id, job.started_at, job.asked_by, job.dry_run])
  return true
}

/** In a transaction. False: the lease ran out, and another run has it. */
export async function renewLease(connection: CubeConnection, jobId: string, nowMs: number): Promise<boolean> {
  const sql = "UPDATE retention_lease SET until_at = ?1 WHERE id = 1 AND job_id = ?2 RETURNING id"
  return (await connection.query(sql, [nowMs + LEASE_MS, jobId])).length > 0
}

/** In a transaction. */
export async function saveResult(connection: CubeConnection, row: ResultRow): Promise<void> {
  const names = Object.keys(row)
  const changed = names.map((name) => `${name} = excluded.${name}`)
  const sql = `INSERT INTO retention_job_table_results (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})
    ON CONFLICT (job_id, table_name) DO UPDATE SET ${changed.join(", ")}`
  await connection.query(sql, Object.values(row))
}

/** In a transaction. */
export async function endJob(
  connection: CubeConnection,
  jobId: string,
  {
    state,
    fault,
    finishedAt,
  }: { readonly state: JobRow["state"]; readonly fault: string | null; readonly finishedAt: number },
): Promise<void> {
  const sql = "UPDATE retention_jobs SET state = ?1, fault = ?2, finished_at = ?3 WHERE job_id = ?4"
  await connection.query(sql, [state, fault, finishedAt, jobId])
  await connection.query("DELETE FROM retention_lease WHERE id = 1 AND job_id = ?1", [jobId])
}
