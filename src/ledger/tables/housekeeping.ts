/** Tables that hold no call. */

/** Sums of an hour, kept in the transaction of the rows that they sum: limits and `GET /v1/usage` read them. */
export const USAGE_ROLLUP_HOURLY = {
  hour: ["integer", "Whole hours since 1970, UTC."],
  caller_id: ["text", "`callers[].id`."],
  resolved_group: ["text", "Group that served the calls."],
  caller_project: ["text", "`callers[].project` when the calls came."],
  requests: ["integer", "Calls."],
  errors: ["integer", "Calls that ended in an error."],
  input_tokens: ["integer", "Sum of `input_tokens`."],
  cached_input_tokens: ["integer", "Sum of `cached_input_tokens`."],
  output_tokens: ["integer", "Sum of `output_tokens`."],
  reasoning_tokens: ["integer", "Sum of `reasoning_tokens`."],
  total_tokens: ["integer", "Sum of `total_tokens`."],
  cost_nano_usd: ["integer", "Sum of the costs that are known."],
  cost_unknown_requests: ["integer", "Calls that used something and whose cost is not known."],
  sent_requests: ["integer", "Calls that reached an upstream."],
  limit_tokens: ["integer", "Tokens that limits count."],
  limit_nano_usd: ["integer", "Money that limits count."],
} as const

export const SCHEMA_MIGRATIONS = {
  version: ["integer", "Number of the step."],
  name: ["text", "Its name."],
  applied_at: ["integer", "When it was done, Unix milliseconds."],
} as const

export const MIGRATION_POSITIONS = {
  version: ["integer", "Number of a step that goes through calls."],
  position: ["text", "Last call of the parts that are done."],
} as const

export const INSTALLATION = {
  name: ["text", "The purpose of the secret."],
  secret: [
    "text",
    "Of this installation alone: hashes of end users and of issuers of sealed reasoning are made with it.",
  ],
} as const

export const LEDGER_PROBE = {
  id: ["integer", "Which kind of probe."],
  probed_at: ["text", "When the router last found out that the database takes writes."],
} as const
