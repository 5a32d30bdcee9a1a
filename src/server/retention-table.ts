/** Retention as a block of the console's page. */
import type { PartBlock } from "../reports/pages/compose.ts"
import type { Value } from "../reports/pages/block.ts"
import type { RetentionView } from "../reports/retention-view.ts"

const COLUMNS = [
  { key: "class", title: "Class", kind: "text" },
  { key: "state", title: "State", kind: "state" },
  { key: "days", title: "Days kept", kind: "count" },
  { key: "gone", title: "Gone before", kind: "time" },
  { key: "due", title: "Due", kind: "count" },
  { key: "held", title: "Held", kind: "count" },
  { key: "blocked", title: "Blocked", kind: "count" },
] as const

/** A row for each class; the note tells the last run. */
export function retentionTable(view: RetentionView): PartBlock {
  const rows = view.classes.map(
    ({ data_class: name, retention_days: days, gone_before: gone, rows_left: left }): Value[] => [
      name,
      days === null ? "off: kept for good" : view.dry_run ? "warning: only counted" : "ok: deleted when older",
      days,
      gone === null ? null : Date.parse(gone),
      left?.due ?? null,
      left?.held ?? null,
      left?.blocked ?? null,
    ],
  )
  return {
    show: "table",
    columns: COLUMNS,
    rows,
    totals: null,
    hasRest: false,
    rowCount: rows.length,
    empty: "",
    note: noteOf(view),
  }
}

function noteOf({ last_job: job, holds, running }: RetentionView): string {
  const held = `${holds.length} legal ${holds.length === 1 ? "hold is" : "holds are"} in force.`
  if (running) return `A run is at work. ${held}`
  if (job === null) return `No run was made yet. ${held}`
  const deleted = job.tables.reduce((sum, table) => sum + table.deleted, 0)
  const fault = job.fault === null ? "" : ` (${job.fault})`
  const dry = job.dry_run ? "dry run" : "run"
  return `The last ${dry} began at ${job.started_at} and ended as ${job.state}${fault}; it deleted ${deleted} rows. ${held}`
}
