/** What the ledger tells of retention: its last runs, what is gone, what is held. Reads a few rows. */
import type { Scalar } from "../database.ts"
import type { DataClass } from "./classes.ts"
import { HOLDS_IN_FORCE, type LegalHold } from "./holds.ts"
import { type JobRow, LAST_JOB, LAST_RUN, RESULTS_OF, type ResultRow } from "./jobs.ts"
import { type Mark, MARKS } from "./marks.ts"

export interface Told {
  readonly job: JobRow
  readonly results: readonly ResultRow[]
}

export interface RetentionState {
  /** The last one, dry or not; null: there was none. */
  readonly last: Told | null
  /** The last that was to delete; null: there was none. */
  readonly lastRun: Told | null
  /** Until when the run that is at work has the right to delete, Unix milliseconds; 0: none is. */
  readonly leaseUntilMs: number
  readonly marks: ReadonlyMap<DataClass, Mark>
  /** In force, the oldest first, at most 1000. */
  readonly holds: readonly LegalHold[]
}

/** Null for a table that is not there. */
type Ask = <Row>(sql: string, parameters: readonly Scalar[]) => Promise<readonly Row[] | null>

const MOST_HOLDS = 1000

/** Null: the ledger is older than retention. */
export async function retentionState(ask: Ask): Promise<RetentionState | null> {
  const marks = await ask<Mark>(MARKS, [])
  if (marks === null) return null
  const lease =
    (await ask<{ readonly until_at: number }>("SELECT until_at FROM retention_lease WHERE id = 1", [])) ?? []
  return {
    last: await told(ask, LAST_JOB),
    lastRun: await told(ask, LAST_RUN),
    leaseUntilMs: lease[0]?.until_at ?? 0,
    marks: new Map(marks.map((mark) => [mark.data_class, mark])),
    holds: (await ask<LegalHold>(`${HOLDS_IN_FORCE} LIMIT ${MOST_HOLDS}`, [])) ?? [],
  }
}

async function told(ask: Ask, sql: string): Promise<Told | null> {
  const job = (await ask<JobRow>(sql, []))?.[0]
  if (job === undefined) return null
  return { job, results: (await ask<ResultRow>(RESULTS_OF, [job.job_id])) ?? [] }
}
