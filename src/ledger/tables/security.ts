/** Tables that no call fills. */

/** Who was refused, and what administrators did. Equal events of a minute are one row. */
export const SECURITY_ACCESS_EVENTS = {
  event_id: ["text", "Begins with the millisecond of `ts`, so ids sort by time."],
  ts: ["integer", "When it happened first, Unix milliseconds."],
  last_ts: ["integer", "When it happened last, within a minute."],
  count: ["integer", "How often."],
  event_type: [
    "text",
    "`credential`: a token. `model`: a group that the caller may not use. `metrics`, `admin`: what only some may see. `sign_in`, `sign_out`: of administrators. `read`, `export`, `drilldown`: of reports. `content`: stored content of calls, read or deleted.",
    ["credential", "model", "metrics", "admin", "sign_in", "sign_out", "read", "export", "drilldown", "content"],
  ],
  outcome: ["text", "How it ended.", ["allowed", "denied"]],
  reason_code: ["text?", "Code of the error; null: it was allowed."],
  status_code: ["integer", "Status that was answered."],
  surface: ["text", "What was asked for.", ["calls", "api", "metrics", "admin", "reports"]],
  http_method: ["text", "Method, or `other`."],
  path_template: ["text", "Path without ids."],
  request_id: ["text", "Request of the first of them, as `x-request-id` told it."],
  auth_source: ["text", "How it signed in: `token`, `basic`, `session` or `none`."],
  caller_id: ["text?", "Caller of a known token, also where it is suspended; null: the token is unknown."],
  caller_user: ["text?", "`callers[].user`."],
  caller_project: ["text?", "`callers[].project`."],
  caller_environment: ["text?", "`callers[].environment`."],
  token_id: ["text?", "Which token; never the token."],
  admin_subject: ["text?", "Administrator who signed in; null: nobody did."],
  admin_domain: ["text?", "What that administrator may see."],
  client: ["text", "The program, by its user agent."],
  ip_address: ["text?", "Address of the client; null where `client_ip.store_ip` is off."],
  requested_model: ["text?", "Group that was denied, where there is such a group."],
} as const

/** `callers[].tags` with the time from which they held: what a caller's calls were tagged with can be told later. */
export const CALLER_TAGS = {
  caller_id: ["text", "`callers[].id`."],
  name: ["text", "Name of the tag."],
  since: ["integer", "From when it held, Unix milliseconds."],
  value: ["text", "Its value."],
  until: ["integer?", "Until when; null: it still holds."],
} as const
