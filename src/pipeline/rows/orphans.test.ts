import { expect, test } from "bun:test"
import type { Reservation } from "../../governance/journal.ts"
import { orphanRecord } from "./orphans.ts"

const RESERVED: Reservation = {
  request_id: "req_1",
  ts: 1000,
  caller_id: "app-1",
  caller_user: "me",
  caller_project: "lab",
  caller_environment: "dev",
  token_id: "t",
  inbound_dialect: "openai-chat",
  requested_model: "fast",
  resolved_group: "fast",
  strategy: "static",
  stream: 0,
  input_tokens: 34,
  output_tokens: 800,
  nano_usd: 5000,
}

test("a call that was cut off is booked at what it had reserved", () => {
  const { usage, error } = orphanRecord(RESERVED, 3000, "0.1.0")
  expect(usage).toMatchObject({
    status: 500,
    usage_source: "estimated",
    input_tokens: 34,
    output_tokens: 800,
    total_tokens: 834,
    total_cost_nano_usd: 5000,
    cost_unknown_reason: null,
    limit_tokens: 834,
    limit_nano_usd: 5000,
    latency_ms: 2000,
  })
  expect(error?.message).toContain("what it had reserved was booked")
})

test("tokens that were reserved where no limit counts money have an unknown cost", () => {
  const { usage } = orphanRecord({ ...RESERVED, nano_usd: 0 }, 3000, "0.1.0")
  expect(usage).toMatchObject({ total_tokens: 834, total_cost_nano_usd: null, cost_unknown_reason: "price" })
})

test("a call that had reserved no tokens has an unknown usage, and its error says why", () => {
  const { usage, error } = orphanRecord({ ...RESERVED, input_tokens: 0, output_tokens: 0, nano_usd: 0 }, 3000, "0.1.0")
  expect(usage).toMatchObject({
    usage_source: "none",
    input_tokens: null,
    fresh_input_tokens: null,
    output_tokens: null,
    total_tokens: null,
    estimated_input_tokens: null,
    total_cost_nano_usd: null,
    cost_unknown_reason: "usage",
    limit_tokens: 0,
    limit_nano_usd: 0,
  })
  expect(error?.message).toContain("it had reserved no tokens, so what it used is not known")
})
