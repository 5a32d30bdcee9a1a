/** Retention as people and programs are told of it: by command, API and console. */
import { type DataClass, RETENTION_CLASSES } from "../ledger/retention/classes.ts"
import type { LegalHold } from "../ledger/retention/holds.ts"
import type { ResultRow } from "../ledger/retention/jobs.ts"
import type { RetentionState, Told } from "../ledger/retention/state.ts"

/** As the configuration says. */
export interface RetentionPlan {
  readonly isEnabled: boolean
  readonly isDry: boolean
  /** How long rows are kept; a class that is absent is kept for good. */
  readonly days: ReadonlyMap<DataClass, number>
}

interface ClassView {
  readonly data_class: DataClass
  /** Null: they are kept for good. */
  readonly retention_days: number | null
  /** Rows before this are gone, but for those that are held or blocked; null: none is. */
  readonly gone_before: string | null
  /** As of the last run: rows that are old enough and still there, by why they are. */
  readonly rows_left: Left | null
}

export interface Left {
  readonly due: number
  readonly held: number
  readonly blocked: number
}

export interface RetentionView {
  readonly enabled: boolean
  readonly dry_run: boolean
  readonly running: boolean
  readonly classes: readonly ClassView[]
  readonly last_job: JobView | null
  /** In force. */
  readonly holds: readonly HoldView[]
}

export interface JobView {
  readonly job_id: string
  readonly asked_by: string
  readonly dry_run: boolean
  readonly state: string
  readonly fault: string | null
  readonly started_at: string
  readonly finished_at: string | null
  readonly tables: readonly TableView[]
}

type TableView = Omit<ResultRow, "job_id" | "cutoff_at"> & { readonly cutoff: string }

export interface HoldView {
  readonly hold_id: string
  readonly data_class: string
  readonly request_id: string | null
  readonly from: string | null
  readonly to: string | null
  readonly reason: string
  readonly placed_at: string
  readonly placed_by: string
}

/** `state` null: the ledger is older than retention. */
export function retentionView(plan: RetentionPlan, state: RetentionState | null, nowMs: number): RetentionView {
  const results = state?.last?.results ?? []
  return {
    enabled: plan.isEnabled,
    dry_run: plan.isDry,
    running: (state?.leaseUntilMs ?? 0) > nowMs,
    classes: RETENTION_CLASSES.map(({ name }) => ({
      data_class: name,
      retention_days: (plan.isEnabled ? plan.days.get(name) : undefined) ?? null,
      gone_before: instant(state?.marks.get(name)?.gone_before_at ?? 0),
      rows_left: leftOf(results, name),
    })),
    last_job: state === null || state.last === null ? null : jobView(state.last),
    holds: (state?.holds ?? []).map(holdView),
  }
}

/** Null: the run did not look at the class. */
export function leftOf(results: readonly ResultRow[], dataClass: DataClass): Left | null {
  const own = results.filter(({ data_class }) => data_class === dataClass)
  if (own.length === 0) return null
  const sum = (of: (row: ResultRow) => number): number => own.reduce((total, row) => total + of(row), 0)
  return {
    due: sum(({ eligible, deleted }) => Math.max(0, eligible - deleted)),
    held: sum(({ held }) => held),
    blocked: sum(({ blocked }) => blocked),
  }
}

export function jobView({ job, results }: Told): JobView {
  return {
    job_id: job.job_id,
    asked_by: job.asked_by,
    dry_run: job.dry_run === 1,
    state: job.state,
    fault: job.fault,
    started_at: new Date(job.started_at).toISOString(),
    finished_at: instant(job.finished_at ?? 0),
    tables: results.map(({ cutoff_at: cutoff, ...row }) => ({
      table_name: row.table_name,
      data_class: row.data_class,
      cutoff: new Date(cutoff).toISOString(),
      candidate: row.candidate,
      held: row.held,
      eligible: row.eligible,
      blocked: row.blocked,
      deleted: row.deleted,
      state: row.state,
    })),
  }
}

export function holdView(hold: LegalHold): HoldView {
  return {
    hold_id: hold.hold_id,
    data_class: hold.data_class,
    request_id: hold.request_id === "" ? null : hold.request_id,
    from: hold.from_at === null ? null : new Date(hold.from_at).toISOString(),
    to: hold.to_at === null ? null : new Date(hold.to_at).toISOString(),
    reason: hold.reason,
    placed_at: new Date(hold.placed_at).toISOString(),
    placed_by: hold.placed_by,
  }
}

/** Null for 0, which is no time of a row. */
function instant(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString()
}
