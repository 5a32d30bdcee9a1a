/** `smart-router retention status`: reads a few rows and changes nothing. */
import { retentionState } from "../../ledger/retention/state.ts"
import { openReports } from "../../reports/open.ts"
import { type JobView, type RetentionView, retentionView } from "../../reports/retention-view.ts"
import { retentionPlan, usageAddress } from "../../server/retention.ts"
import { systemClock } from "../../system/clock.ts"
import { type Arguments, EXIT, print, printError } from "../command.ts"
import { configPath, loadOrReport } from "../loaded.ts"

export async function showStatus(options: Arguments): Promise<number> {
  const found = await loadOrReport(configPath(options.text("config")))
  if (found === null) return EXIT.failed
  const thread = openReports(usageAddress(found.config))
  try {
    const state = await retentionState((sql, parameters) => thread.rows(sql, parameters))
    const view = retentionView(retentionPlan(found.config), state, systemClock.now())
    print(options.flag("json") ? JSON.stringify(view, null, 2) : statusText(view))
    return EXIT.ok
  } catch (error) {
    printError(error instanceof Error ? error.message : String(error))
    return EXIT.failed
  } finally {
    await thread.close()
  }
}

function statusText(view: RetentionView): string {
  const mode = view.enabled ? (view.dry_run ? "counts old rows, deletes none (dry_run)" : "deletes old rows") : "is off"
  const classes = view.classes.map(({ data_class, retention_days: days, gone_before: gone, rows_left: left }) => [
    data_class,
    days === null ? "kept for good" : `${days} days`,
    gone ?? "",
    left === null ? "" : String(left.due),
    left === null ? "" : String(left.held),
    left === null ? "" : String(left.blocked),
  ])
  return [
    `Retention ${mode}.${view.running ? " A run is at work." : ""}`,
    "",
    ...aligned([["class", "kept", "gone before", "due", "held", "blocked"], ...classes]),
    "",
    ...jobText(view.last_job),
    ...view.holds.map(
      (hold) =>
        `hold ${hold.hold_id}: ${hold.data_class}, ${hold.request_id ?? "all calls"}, ${hold.from ?? "from the beginning"} to ${hold.to ?? "the end"}, by ${hold.placed_by}: ${hold.reason}`,
    ),
  ]
    .join("\n")
    .trimEnd()
}

function jobText(job: JobView | null): readonly string[] {
  if (job === null) return ["No run was made yet."]
  const kind = job.dry_run ? "dry run" : "run"
  const fault = job.fault === null ? "" : ` (${job.fault})`
  return [
    `The last ${kind} began at ${job.started_at}, by ${job.asked_by}: ${job.state}${fault}.`,
    tableOf(job.tables),
    "",
  ]
}

/** What a run found and did, a line for each table. */
export function tableOf(tables: JobView["tables"]): string {
  const rows = tables.map((row) => [
    row.table_name,
    ...[row.candidate, row.held, row.blocked, row.eligible, row.deleted].map(String),
    row.state,
  ])
  return aligned([["table", "candidate", "held", "blocked", "eligible", "deleted", "state"], ...rows]).join("\n")
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  )
}
