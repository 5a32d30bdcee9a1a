/**
 * One call as one line of JSON, under the ledger's names. Left out on purpose: the client's address, texts of errors,
 * and whatever could hold a host, a secret or a prompt.
 */
import type { AttemptRow, CallRecord } from "../ledger/record.ts"

/** What a client names a model, and why an upstream says that it stopped, may be anything. */
const LONGEST_NAME = 200

export function lineOf(call: CallRecord): string {
  const row = call.usage
  const line = JSON.stringify({
    ts: new Date(row.ts).toISOString(),
    request_id: row.request_id,
    books_request_id: row.books_request_id ?? undefined,
    caller_id: row.caller_id,
    caller_user: row.caller_user,
    caller_project: row.caller_project,
    caller_environment: row.caller_environment,
    token_id: row.token_id,
    client: row.client,
    inbound_dialect: row.inbound_dialect,
    requested_model: bounded(row.requested_model),
    resolved_group: row.resolved_group,
    strategy: row.strategy,
    target_provider: row.target_provider,
    target_model: row.target_model,
    target_dialect: row.target_dialect,
    stream: row.stream === 1,
    cache: row.cache,
    cache_reason: row.cache_reason ?? undefined,
    status: row.status,
    error: call.error?.code ?? row.error,
    attempts: row.attempts,
    fallback_used: row.fallback_used === 1,
    latency_ms: whole(row.latency_ms),
    ttfb_ms: whole(row.ttfb_ms),
    upstream_duration_ms: whole(row.upstream_duration_ms),
    input_tokens: row.input_tokens,
    fresh_input_tokens: row.fresh_input_tokens,
    cached_input_tokens: row.cached_input_tokens,
    cache_write_5m_tokens: row.cache_write_5m_tokens,
    cache_write_1h_tokens: row.cache_write_1h_tokens,
    output_tokens: row.output_tokens,
    reasoning_tokens: row.reasoning_tokens,
    total_tokens: row.total_tokens,
    usage_source: row.usage_source,
    stop_reason: row.stop_reason === null ? null : bounded(row.stop_reason),
    total_cost_nano_usd: row.total_cost_nano_usd,
    // only where it is set
    cost_unknown_reason: row.cost_unknown_reason ?? undefined,
    tries: triesOf(call.attempts),
  })
  return `${line}\n`
}

function bounded(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME)}…`
}

function whole(value: number | null): number | null {
  return value === null ? null : Math.round(value)
}

/** A single attempt that served the call to its end says nothing that the line does not say already. */
function triesOf(attempts: readonly AttemptRow[]): readonly unknown[] | undefined {
  if (
    attempts.length === 0 ||
    (attempts.length === 1 && attempts[0]?.selected === 1 && attempts[0].error_class === null)
  )
    return undefined
  return attempts.map(tryOf)
}

function tryOf(attempt: AttemptRow): Readonly<Record<string, unknown>> {
  return {
    provider: attempt.provider,
    model: attempt.model,
    status_code: attempt.status_code,
    error_class: attempt.error_class,
    reason: reasonOf(attempt),
    fallback_reason: attempt.fallback_reason,
    duration_ms: whole(attempt.duration_ms),
    retry_after_ms: attempt.retry_after_ms,
    selected: attempt.selected === 1,
  }
}

/** Only the words that the router itself writes there. */
function reasonOf({ error_message: text }: AttemptRow): string | undefined {
  return text !== null && REASON.test(text) ? text : undefined
}

/** A word of the closed list, and safe tokens of the vendor. */
const REASON = /^[a-z]+(?:-[a-z]+)*(?:; (?:code|type|status|field)=[\w.[\]-]{1,48})*$/
