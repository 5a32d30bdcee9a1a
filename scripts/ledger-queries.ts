/** Ready queries of docs/ledger.md. They run on SQLite and on PostgreSQL as they stand; `:since` is Unix milliseconds. */

interface ReadyQuery {
  readonly title: string
  readonly sql: string
}

/** A row that books a response in the background is no call of its own, and its cost is a cost all the same. */
export const READY_QUERIES: readonly ReadyQuery[] = [
  {
    title: "Cost by project and group",
    sql: `SELECT caller_project, resolved_group, count(*) FILTER (WHERE books_request_id IS NULL) AS calls,
  sum(total_tokens) AS tokens, round(sum(total_cost_nano_usd) / 1e9, 4) AS cost_usd,
  count(*) FILTER (WHERE cost_unknown_reason IS NOT NULL) AS calls_of_unknown_cost
FROM request_usage WHERE ts >= :since
GROUP BY caller_project, resolved_group ORDER BY cost_usd DESC NULLS LAST`,
  },
  {
    title: "Cost by a tag of callers, as it was when the calls came",
    sql: `SELECT coalesce(tags.value, '(none)') AS team, count(*) AS calls, round(sum(calls.total_cost_nano_usd) / 1e9, 4) AS cost_usd
FROM request_usage AS calls LEFT JOIN caller_tags AS tags ON tags.caller_id = calls.caller_id AND tags.name = 'team'
  AND tags.since <= calls.ts AND (tags.until IS NULL OR tags.until > calls.ts)
WHERE calls.ts >= :since GROUP BY 1 ORDER BY cost_usd DESC NULLS LAST`,
  },
  {
    title: "The end users who cost most",
    sql: `SELECT caller_project, end_user, count(*) AS calls, round(sum(total_cost_nano_usd) / 1e9, 4) AS cost_usd
FROM request_usage WHERE ts >= :since AND end_user IS NOT NULL
GROUP BY caller_project, end_user ORDER BY cost_usd DESC NULLS LAST LIMIT 50`,
  },
  {
    title: "Calls whose cost is not known, and what is missing",
    sql: `SELECT target_provider, target_model, cost_unknown_reason, count(*) AS calls, sum(total_tokens) AS tokens
FROM request_usage WHERE ts >= :since AND cost_unknown_reason IS NOT NULL
GROUP BY target_provider, target_model, cost_unknown_reason ORDER BY calls DESC`,
  },
  {
    title: "Errors by provider, model and code",
    sql: `SELECT calls.target_provider, calls.target_model, errors.code, errors.blame, count(*) AS calls, max(calls.ts) AS last_ts
FROM request_errors AS errors JOIN request_usage AS calls ON calls.request_id = errors.request_id
WHERE calls.ts >= :since
GROUP BY calls.target_provider, calls.target_model, errors.code, errors.blame ORDER BY calls DESC`,
  },
  {
    title: "Why attempts failed, with the share of all attempts at the target",
    sql: `SELECT provider, model, error_class, upstream_error_code, count(*) AS attempts,
  round(100.0 * count(*) / sum(count(*)) OVER (PARTITION BY provider, model), 2) AS percent
FROM request_attempts WHERE ts >= :since
GROUP BY provider, model, error_class, upstream_error_code ORDER BY provider, model, attempts DESC`,
  },
  {
    title: "From which target to which calls moved on",
    sql: `SELECT failed.provider AS from_provider, failed.model AS from_model, next.provider AS to_provider, next.model AS to_model,
  failed.fallback_reason, count(*) AS calls, sum(next.selected) AS served
FROM request_attempts AS failed JOIN request_attempts AS next
  ON next.request_id = failed.request_id AND next.attempt_index = failed.attempt_index + 1
WHERE failed.ts >= :since GROUP BY 1, 2, 3, 4, 5 ORDER BY calls DESC`,
  },
  {
    title: "The slowest calls, and how much of it was the upstream",
    sql: `SELECT request_id, caller_id, resolved_group, target_provider, target_model, stream, latency_ms, ttfb_ms, upstream_duration_ms,
  attempts, output_tokens
FROM request_usage WHERE ts >= :since AND error IS NULL AND books_request_id IS NULL
ORDER BY latency_ms DESC LIMIT 50`,
  },
  {
    title: "What translations lost, and how large the calls were",
    sql: `SELECT shapes.client_dialect, attempts.dialect AS target_dialect, losses.code, count(DISTINCT losses.request_id) AS calls,
  round(avg(attempts.request_bytes), 0) AS average_bytes
FROM request_losses AS losses
  JOIN request_translation_shapes AS shapes ON shapes.request_id = losses.request_id
  JOIN request_attempts AS attempts ON attempts.request_id = shapes.request_id AND attempts.attempt_index = shapes.attempt_index
WHERE attempts.ts >= :since GROUP BY 1, 2, 3 ORDER BY calls DESC`,
  },
  {
    title: "Who was refused, and from where",
    sql: `SELECT event_type, reason_code, caller_id, admin_subject, ip_address, sum(count) AS times, max(last_ts) AS last_ts
FROM security_access_events WHERE last_ts >= :since AND outcome = 'denied'
GROUP BY event_type, reason_code, caller_id, admin_subject, ip_address ORDER BY times DESC`,
  },
]
