/** Deletes old rows while the router runs: once an hour, by one of the processes on the usage database. */
import type { Config } from "../config/config.ts"
import type { CubeAddress } from "../ledger/cube/connection.ts"
import type { DataClass } from "../ledger/retention/classes.ts"
import type { RunReport, RunRules } from "../ledger/retention/rules.ts"
import { retentionState, type RetentionState } from "../ledger/retention/state.ts"
import type { ReportThread } from "../reports/open.ts"
import { retain } from "../reports/retention.ts"
import { type RetentionPlan, type RetentionView, retentionView } from "../reports/retention-view.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"

const LOOK_MS = 60_000
const EVERY_MS = 3_600_000
/** Of one run; what is left after it is for the next one, which begins soon. */
export const BUDGET_MS = 600_000

export interface RetentionFigures {
  readonly state: RetentionState | null
  /** By this process since its start. */
  readonly deleted: ReadonlyMap<string, number>
  /** The longest that one batch of this process held the write lock. */
  readonly longestLockMs: number
}

export interface Retention {
  /** The rules of another configuration, from now on. */
  follow(config: Config): void
  /** As of the last look, at most a minute ago. Null: the configuration deletes nothing. */
  figures(): RetentionFigures | null
  /** Rejects as reports do. */
  view(signal?: AbortSignal): Promise<RetentionView>
  /** A run that is at work ends behind its batch. */
  close(): Promise<void>
}

/** What one run may do, as the configuration says. */
export function runRules({ server: { retention } }: Config, askedBy: string, budgetMs: number): RunRules {
  return {
    isDry: retention.dry_run,
    askedBy,
    budgetMs,
    classes: retention.classes
      .filter(({ enabled }) => enabled)
      .map((rule) => ({
        dataClass: rule.data_class,
        days: rule.retention_days,
        batchSize: rule.batch_size ?? retention.default_batch_size,
        isRecounted: rule.require_finalized_rollup,
      })),
  }
}

export function retentionPlan(config: Config): RetentionPlan {
  const { enabled: isEnabled, dry_run: isDry } = config.server.retention
  const days = runRules(config, "", 0).classes.map(({ dataClass, days: each }): [DataClass, number] => [
    dataClass,
    each,
  ])
  return { isEnabled, isDry, days: new Map(days) }
}

export function usageAddress({ server }: Pick<Config, "server">): CubeAddress {
  const { driver, path, dsn } = server.usage_db
  return driver === "postgres" ? { path, dsn } : { path }
}

interface Means {
  readonly reports: Pick<ReportThread, "rows">
  readonly clock: Clock
  readonly log: Log
}

export function openRetention(config: Config, { reports, clock, log }: Means): Retention {
  let current = config
  let state: RetentionState | null = null
  let longestLockMs = 0
  const deleted = new Map<string, number>()
  const ended = new AbortController()
  let running: Promise<void> | null = null

  const read = (signal?: AbortSignal): Promise<RetentionState | null> =>
    retentionState((sql, parameters) => reports.rows(sql, parameters, signal))

  const note = (report: RunReport): void => {
    longestLockMs = Math.max(longestLockMs, report.longestLockMs)
    for (const { data_class: name, deleted: rows } of report.results) deleted.set(name, (deleted.get(name) ?? 0) + rows)
    const { job, results } = report
    const rows = results.reduce((sum, result) => sum + result.deleted, 0)
    const told = { job: job.job_id, dry_run: job.dry_run === 1, state: job.state, deleted_rows: rows, fault: job.fault }
    if (job.state === "failed") log.warn("old rows could not all be deleted", told)
    else log.info("old rows were looked through", told)
  }

  const look = async (): Promise<void> => {
    try {
      state = await read(ended.signal)
      if (!isDue(state, clock.now(), current.server.retention.dry_run)) return
      const order = {
        address: usageAddress(current),
        rules: runRules(current, "schedule", BUDGET_MS),
        nowMs: clock.now(),
      }
      const report = await retain(order, () => {}, ended.signal)
      if (report !== null) note(report)
      state = await read(ended.signal)
    } catch (error) {
      if (!ended.signal.aborted) log.warn("old rows are deleted later", { error })
    }
  }

  const timer = clock.every(LOOK_MS, () => {
    if (!current.server.retention.enabled) state = null
    else
      running ??= look().finally(() => {
        running = null
      })
  })
  timer.unref()
  return {
    follow: (next) => {
      current = next
    },
    figures: () => (current.server.retention.enabled ? { state, deleted, longestLockMs } : null),
    view: async (signal) => retentionView(retentionPlan(current), await read(signal), clock.now()),
    close: async () => {
      timer.close()
      ended.abort()
      await running
    },
  }
}

/** `isDry`: the mode of the configuration; a run in the other mode counts for nothing. */
export function isDue(state: RetentionState | null, nowMs: number, isDry: boolean): boolean {
  if (state === null || state.leaseUntilMs > nowMs) return false
  const job = (isDry ? state.last : state.lastRun)?.job
  if (job === undefined || job.state === "interrupted" || job.state === "running") return true
  const hasMore = job.state === "out_of_time" || job.state === "stopped"
  return nowMs - job.started_at >= EVERY_MS || (hasMore && nowMs - (job.finished_at ?? 0) >= LOOK_MS)
}
