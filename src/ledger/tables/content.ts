/** Content of calls, sealed, and who has read it. */

/** A part in pieces: a row for each piece. */
export const REQUEST_CONTENT_CAPTURES = {
  request_id: ["text", "The call."],
  part: [
    "text",
    "`headers`, `request`, `answer`, or `upstream_error_0` and so on: the error body of the attempt of that index.",
  ],
  piece: ["integer", "Which piece of the part, from 0."],
  pieces: ["integer", "How many pieces the part has; where fewer rows are there, the process ended before the others."],
  ts: ["integer", "When the call came, Unix milliseconds."],
  caller_id: ["text", "`callers[].id`."],
  caller_project: ["text", "`callers[].project`."],
  caller_environment: ["text", "`callers[].environment`."],
  resolved_group: ["text", "Group of the call."],
  form: ["text", "What the content is.", ["json", "events", "text"]],
  coding: ["text", "How it is compressed before it is sealed.", ["none", "zstd"]],
  original_bytes: ["integer", "Size of the whole body, as far as it came."],
  kept_bytes: ["integer", "Size of what is stored, before compression."],
  truncated: ["flag", "1: something is missing at the end."],
  redactions: ["integer", "Secrets that a mark stands for."],
  left_out: ["integer", "Images, files, calls of tools and their results that a mark stands for."],
  day: ["text", "Day in UTC of the data key that sealed it."],
  local_key_id: ["text", "`local_key_id` of the key that wraps the data key."],
  retention_until: ["integer", "From when it is deleted, Unix milliseconds."],
  sealed: ["bytes", "Nonce, ciphertext and tag of AES-256-GCM; bound to call, part, piece, project and environment."],
} as const

export const CONTENT_DATA_KEYS = {
  day: ["text", "Day in UTC on which it seals."],
  local_key_id: ["text", "`local_key_id` of the key that wraps it."],
  key_print: ["text", "Print of that key: another key under the same label is noticed."],
  created_at: ["integer", "Unix milliseconds."],
  wrapped: ["bytes", "The data key, sealed with the local key."],
} as const

/** Written before content leaves, or goes. */
export const REQUEST_CONTENT_AUDIT_EVENTS = {
  event_id: ["text", "Begins with the millisecond of `ts`, so ids sort by time."],
  ts: ["integer", "When, Unix milliseconds."],
  action: ["text", "What was done.", ["read", "delete", "purge"]],
  actor: ["text", "Subject of the administrator, or `caller:<id>`."],
  actor_domain: ["text", "What the actor may see."],
  request_id: ["text?", "Call whose content it was; null: a purge."],
  caller_id: ["text?", "Caller of that call."],
  asked_by: ["text", "Request that asked, as `x-request-id` told it."],
} as const
