/** Tables of retention: its runs, which rows are gone, and what may not be deleted. They are kept for good, but for runs. */

/** A run of retention. Those of the last 90 days are kept. */
export const RETENTION_JOBS = {
  job_id: ["text", "Begins with the millisecond of the start, so ids sort by time."],
  started_at: ["integer", "When it began, Unix milliseconds."],
  finished_at: ["integer?", "When it ended; null: it runs, or its process was killed."],
  asked_by: ["text", "`schedule` of a router, or `command` with the user of the system who gave it."],
  dry_run: ["flag", "1: nothing was deleted."],
  state: [
    "text",
    "How it ended. `out_of_time`: there is more to delete, and the next run goes on. `stopped`: with its process. `interrupted`: its process was killed.",
    ["running", "done", "out_of_time", "stopped", "failed", "interrupted"],
  ],
  fault: ["text?", "Why it failed."],
} as const

/** What a run found in a table, and did there. `eligible` = `candidate` - `held` - `blocked`. */
export const RETENTION_JOB_TABLE_RESULTS = {
  job_id: ["text", "The run."],
  table_name: ["text", "The table."],
  data_class: ["text", "Its class."],
  cutoff_at: ["integer", "Rows before this are old enough, Unix milliseconds."],
  candidate: ["integer", "Rows that are old enough."],
  held: ["integer", "Of these, those that a legal hold keeps."],
  eligible: ["integer", "Of these, those that may be deleted."],
  blocked: [
    "integer",
    "Of these, those that must stay for another reason: rows that hang on them stay, or `state` says it.",
  ],
  deleted: ["integer", "Rows that this run deleted."],
  state: [
    "text",
    "`counted`: a dry run, or the run did not come so far. `partial`: the run ended before the end of the table. `blocked_rollup_required`: sums of reports do not hold these rows yet. `blocked_rollup_differs`: a recount found sums that differ.",
    ["counted", "done", "partial", "blocked_rollup_required", "blocked_rollup_differs"],
  ],
} as const

/** One row for each class of which something was deleted or recounted. */
export const RETENTION_MARKS = {
  data_class: ["text", "The class."],
  gone_before_at: ["integer", "Rows before this are gone, but for those that are held or blocked. 0: none is."],
  recounted_before_at: ["integer", "Until when sums were recounted before rows were deleted. 0: they were not."],
} as const

export const RETENTION_LEASE = {
  id: ["integer", "Always 1."],
  job_id: ["text", "The run that deletes; of several processes one does."],
  until_at: ["integer", "Until when it has the right to, Unix milliseconds; it is renewed."],
} as const

/** Rows that may not be deleted. Those that were released stay as they were. */
export const LEGAL_HOLDS = {
  hold_id: ["text", "Begins with the millisecond at which it was placed."],
  data_class: ["text", "Class of the rows."],
  request_id: ["text", "Only rows of this call; empty: of all."],
  from_at: ["integer?", "Only rows from this time on, Unix milliseconds; null: from the beginning."],
  to_at: ["integer?", "Only rows before this time; null: without an end."],
  ids_from: ["text", "First digits of the ids of `from_at`."],
  ids_to: ["text", "First digits of the ids of `to_at`; `g` is behind all."],
  reason: ["text", "Why."],
  placed_at: ["integer", "When, Unix milliseconds."],
  placed_by: ["text", "By whom."],
  released_at: ["integer?", "When it was released; null: it holds."],
  released_by: ["text?", "By whom."],
} as const

/** What was done with legal holds. */
export const LEGAL_HOLD_AUDIT_EVENTS = {
  event_id: ["text", "Begins with the millisecond of `ts`."],
  ts: ["integer", "When, Unix milliseconds."],
  hold_id: ["text", "The hold."],
  action: ["text", "What was done.", ["placed", "released"]],
  actor: ["text", "By whom."],
  reason: ["text", "Why."],
} as const
