/** Tables of what is proven of targets. No call fills them. */

/** What one check of one target showed. The newest one counts; older ones of its kind go after 30 days, all 90 days after they expired. */
export const ACTIVATION_RECORDS = {
  record_id: ["text", "Begins with the millisecond in which it was written, so ids sort by time."],
  checked_at: ["integer", "When it was checked, Unix milliseconds."],
  expires_at: ["integer", "From when it proves nothing, Unix milliseconds."],
  provider: ["text", "`providers.<name>`."],
  model: ["text", "The upstream's own id."],
  model_group: ["text", "Group that the check went through; empty: it asked the upstream directly."],
  dialect: ["text", "Dialect that the check spoke."],
  capability: ["text", "What was checked; see [activation](activation.md)."],
  result: ["text", "What it showed.", ["pass", "fail"]],
  fingerprint: ["text", "SHA-256 of all of the configuration that the result depends on."],
  source: [
    "text",
    "`validate`: a check of this installation. `traffic`: calls of clients. `import`: made elsewhere, and signed.",
    ["validate", "traffic", "import"],
  ],
  signer: ["text?", "Public key that signed it; null: it was made here."],
  request_ids: ["text", "Ids of requests of the check, separated by spaces."],
  counters: ["text", "What was counted, as `name=number`, separated by spaces."],
  timings: ["text", "Milliseconds of its parts, as `name=number`, separated by spaces."],
  asked_hash: ["text?", "SHA-256 of what was asked; null: nothing was."],
  reason: ["text?", "Why it failed, or what made the record."],
  cost_nano_usd: ["integer?", "What the check cost; null: unknown."],
} as const

/** Which process runs due checks; one row. */
export const ACTIVATION_LEASE = {
  id: ["integer", "Always 1."],
  holder: ["text", "The process; of several one runs checks."],
  until_at: ["integer", "Until when it has the right to, Unix milliseconds; it is renewed."],
} as const
