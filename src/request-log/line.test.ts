import { expect, test } from "bun:test"
import { emptyRow } from "../ledger/column.ts"
import { REQUEST_ERRORS } from "../ledger/tables/calls.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import type { CallRecord } from "../ledger/record.ts"
import { lineOf } from "./line.ts"

const TS = Date.UTC(2026, 10, 22, 10)

function parsed(call: CallRecord): Record<string, unknown> {
  const line = lineOf(call)
  expect(line.indexOf("\n")).toBe(line.length - 1)
  return JSON.parse(line) as Record<string, unknown>
}

test("an ordinary call is one short line", () => {
  expect(parsed(sampleCall(TS, 1))).toEqual({
    ts: "2026-11-22T10:00:00.000Z",
    request_id: sampleCall(TS, 1).usage.request_id,
    caller_id: "app-1",
    caller_user: "me",
    caller_project: "lab",
    caller_environment: "prod",
    token_id: "rtr_me_lab_prod_k1",
    client: "openai-sdk",
    inbound_dialect: "openai-chat",
    requested_model: "fast",
    resolved_group: "fast",
    strategy: "static",
    target_provider: "alpha",
    target_model: "vendor-big-2026",
    target_dialect: "openai-chat",
    stream: false,
    cache: "off",
    status: 200,
    error: null,
    attempts: 1,
    fallback_used: false,
    latency_ms: 812,
    ttfb_ms: 310,
    upstream_duration_ms: 810,
    input_tokens: 1234,
    fresh_input_tokens: 1000,
    cached_input_tokens: 234,
    cache_write_5m_tokens: 0,
    cache_write_1h_tokens: 0,
    output_tokens: 321,
    reasoning_tokens: 12,
    total_tokens: 1555,
    usage_source: "provider",
    stop_reason: "stop",
    total_cost_nano_usd: 7_885_200,
  })
})

test("attempts are told one by one once there was more to it than one that served", () => {
  const call = sampleCall(TS, 1, { attempts: 2, fallback_used: 1 })
  const [served] = call.attempts
  if (served === undefined) throw new Error("the sample has an attempt")
  const failed = {
    ...served,
    selected: 0,
    status_code: 429,
    error_class: "rate-limited",
    retry_after_ms: 1000,
  } as const
  const attempts = [failed, { ...served, attempt_index: 1, fallback_reason: "rate-limited" }]
  const line = parsed({ ...call, attempts })
  const common = { provider: "alpha", model: "vendor-big-2026", duration_ms: 810 }
  expect(line["tries"]).toEqual([
    {
      ...common,
      status_code: 429,
      error_class: "rate-limited",
      fallback_reason: null,
      retry_after_ms: 1000,
      selected: false,
    },
    {
      ...common,
      status_code: 200,
      error_class: null,
      fallback_reason: "rate-limited",
      retry_after_ms: null,
      selected: true,
    },
  ])
})

test("nothing of what could hold an address, a secret or a prompt is in the line", () => {
  const secret = "https://host.internal/v1?key=sk-secret"
  const call = sampleCall(TS, 1, {
    caller_ip: "10.1.2.3",
    pricing_source: secret,
    upstream_request_id: secret,
    error: "upstream-failed",
  })
  const attempts = call.attempts.map((attempt) => ({ ...attempt, error_message: secret, selected: 0 as const }))
  const error = {
    ...emptyRow(REQUEST_ERRORS),
    ts: TS,
    code: "upstream-failed",
    status: 502,
    blame: "upstream",
    error_class: "network",
  }
  const line = lineOf({ ...call, attempts, error: { ...error, upstream_status: null, message: secret, param: secret } })
  for (const text of ["host.internal", "sk-secret", "10.1.2.3"]) expect(line).not.toContain(text)
  expect(line).toContain('"error":"upstream-failed"')
})

test("a client's own text is bounded and cannot break the line", () => {
  const line = parsed(sampleCall(TS, 1, { requested_model: `"}\n{"request_id":"forged"${"x".repeat(10_000)}` }))
  expect(line["request_id"]).toBe(sampleCall(TS, 1).usage.request_id)
  expect(String(line["requested_model"]).length).toBeLessThan(210)
})

test("an upstream's reason to stop is bounded, however long it is", () => {
  const line = parsed(sampleCall(TS, 1, { stop_reason: "x".repeat(20 << 20) }))
  expect(line["stop_reason"]).toBe(`${"x".repeat(200)}…`)
})
