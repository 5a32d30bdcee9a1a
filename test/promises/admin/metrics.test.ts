/** `GET /metrics` counts what the ledger holds, for those who may see it, and nothing that grows with what callers write. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { get } from "../../helpers/client.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { readExposition, type Scrape } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const watcher = newToken("watcher")
const limited = newToken("limited")
const SECRET_PROMPT = "the launch code is 0451"
/** Nothing that a label may hold would harm the format. */
const HOSTILE_MODEL = 'a"b\\c\\nd{e="f"} 1'
let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

async function scrape(): Promise<Scrape> {
  return readExposition((await get(gateway, "/metrics", { token: watcher })).text)
}

beforeAll(async () => {
  first = (await FakeUpstream.start()).otherwise(vendorAnswer())
  second = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { first, second },
    configure: (config) => {
      config.models["hostile"] = {
        strategy: "static",
        targets: [{ provider: "first-chat", model: HOSTILE_MODEL }],
      }
      config.models["twins"] = { strategy: "static", targets: [...targetsOf(["first"]), ...targetsOf(["first"])] }
      config.callers[0] = { ...config.callers[0], allow: ["default", "hostile", "twins"] }
      config.callers.push(
        callerEntry("watcher", watcher, [], { metrics_admin: true }),
        callerEntry("limited", limited, ["default"], { quota: { day: { requests: 2 } } }),
      )
    },
  })
  for (const sample of ALL_SAMPLES) {
    await gateway.call(sample.dialect, sample.request({ text: SECRET_PROMPT }))
    await gateway.call(sample.dialect, sample.request({ stream: true }))
    first.plan("no luck", reply(sample.errorBody("no"), { status: 500 }))
    await gateway.call(sample.dialect, sample.request({ text: "no luck" }))
  }
  first.plan("alone", reply(SAMPLES.chat.errorBody("no"), { status: 429 }))
  await gateway.call("chat", SAMPLES.chat.request({ model: "hostile", text: "alone" }))
  for (let refused = 0; refused < 3; refused++) await gateway.call("chat", SAMPLES.chat.request(), { token: limited })
  for (let number = 0; number < 5; number++)
    await gateway.call("chat", SAMPLES.chat.request({ model: `no-such-${number}` }))
  await gateway.call("chat", "{")
  await gateway.call("chat", SAMPLES.chat.request(), { token: null })
  await gateway.call("chat", SAMPLES.chat.request({ model: "hostile" }))
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

describe("who may read it", () => {
  test("nobody without a token, or with one that is unknown", async () => {
    expectError(await get(gateway, "/metrics", { token: null }), "chat", 401, "unauthorized")
    expectError(await get(gateway, "/metrics", { token: newToken() }), "chat", 401, "unauthorized")
  })

  test("no caller without `metrics_admin` may read it", async () => {
    expectError(await get(gateway, "/metrics"), "chat", 403, "metrics-forbidden")
  })

  test("who has it, as text, with GET and HEAD alone", async () => {
    const answer = await get(gateway, "/metrics", { token: watcher })
    expect(answer.status).toBe(200)
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
    const head = await get(gateway, "/metrics", { token: watcher, method: "HEAD" })
    expect({ status: head.status, text: head.text }).toEqual({ status: 200, text: "" })
    const posted = await get(gateway, "/metrics", { token: watcher, method: "POST" })
    expectError(posted, "chat", 405, "method-not-allowed")
  })
})

describe("the ledger's rows", () => {
  test("are the calls, by target and class of status", async () => {
    const metrics = await scrape()
    const rows = gateway.records.usage()
    const keys = new Map<string, number>()
    for (const { target_provider, target_model, inbound_dialect, status } of rows) {
      const key = JSON.stringify([
        target_provider ?? "",
        target_model ?? "",
        inbound_dialect,
        `${(status / 100) | 0}xx`,
      ])
      keys.set(key, (keys.get(key) ?? 0) + 1)
    }
    for (const [key, count] of keys) {
      const [provider, model, dialect, status] = JSON.parse(key) as [string, string, string, string]
      // the one call without a caller has no row
      const more = status === "4xx" && dialect === "openai-chat" ? 1 : 0
      expect(metrics.sum("smart_router_requests_total", { provider, model, dialect, status })).toBe(count + more)
    }
    expect(metrics.sum("smart_router_requests_total")).toBe(rows.length + 1)
    expect(metrics.sum("gen_ai_server_request_duration_seconds_count")).toBe(rows.length + 1)
    expect(metrics.sum("smart_router_fallbacks_total")).toBe(rows.filter(({ fallback_used }) => fallback_used).length)
  })

  test("are the tokens and the money", async () => {
    const metrics = await scrape()
    const rows = gateway.records.usage()
    const total = (column: "input_tokens" | "output_tokens" | "total_cost_nano_usd" | "cached_input_tokens") =>
      rows.reduce((sum, row) => sum + (row[column] ?? 0), 0)
    expect(total("input_tokens")).toBeGreaterThan(0)
    expect(metrics.sum("smart_router_input_tokens_total")).toBe(total("input_tokens"))
    expect(metrics.sum("smart_router_input_tokens_total", { kind: "cache_read" })).toBe(total("cached_input_tokens"))
    expect(metrics.sum("smart_router_output_tokens_total")).toBe(total("output_tokens"))
    expect(metrics.sum("smart_router_caller_tokens_total")).toBe(total("input_tokens") + total("output_tokens"))
    const cost = metrics.sum("smart_router_cost_usd_total")
    expect(Math.round(cost * 1e9)).toBe(total("total_cost_nano_usd"))
    expect(metrics.sum("gen_ai_client_token_usage_sum", { gen_ai_token_type: "input" })).toBe(total("input_tokens"))
    expect(metrics.sum("gen_ai_client_token_usage_sum", { gen_ai_token_type: "output" })).toBe(total("output_tokens"))
    // the target with the strange name has no price
    expect(metrics.sum("smart_router_unpriced_calls_total")).toBe(1)
  })

  test("are the errors by code, and the attempts by class of failure", async () => {
    const metrics = await scrape()
    const rows = gateway.records.usage()
    for (const code of new Set(rows.flatMap(({ error }) => error ?? []))) {
      const count = rows.filter(({ error }) => error === code).length
      expect(metrics.sum("smart_router_errors_total", { error_type: code })).toBe(count)
    }
    const attempts = rows.flatMap(({ request_id }) => gateway.records.attempts(request_id))
    for (const errorClass of new Set(attempts.map(({ error_class }) => error_class))) {
      const count = attempts.filter(({ error_class }) => error_class === errorClass).length
      expect(metrics.sum("smart_router_attempts_total", { error_type: errorClass ?? "" })).toBe(count)
    }
    expect(metrics.sum("smart_router_attempts_total", { error_type: "server_error" })).toBe(3)
    expect(metrics.sum("smart_router_attempts_total", { error_type: "rate_limited", model: HOSTILE_MODEL })).toBe(1)
    expect(metrics.sum("smart_router_errors_total", { error_type: "upstream-rate-limited" })).toBe(1)
  })

  test("are the transactions", async () => {
    const metrics = await scrape()
    expect(metrics.sum("smart_router_ledger_commit_calls_sum")).toBe(gateway.records.usage().length)
    expect(metrics.sum("smart_router_ledger_waiting_calls")).toBe(0)
  })
})

test("streams say how soon they began, and each call what the router took of it", async () => {
  const metrics = await scrape()
  expect(metrics.sum("gen_ai_server_time_to_first_token_seconds_count")).toBe(3)
  const calls = metrics.sum("smart_router_requests_total")
  expect(metrics.sum("smart_router_overhead_seconds_count")).toBe(calls)
  expect(metrics.sum("smart_router_overhead_seconds_count", { stream: "true" })).toBe(3)
})

test("limits say whom they refused, and how well input was estimated", async () => {
  const metrics = await scrape()
  const refused = { caller: "limited", error_type: "quota-exhausted" }
  expect(metrics.sum("smart_router_limit_refusals_total", refused)).toBe(1)
  expect(metrics.sum("smart_router_limit_refusals_total")).toBe(1)
  expect(metrics.sum("smart_router_caller_requests_total", { caller: "limited" })).toBe(3)
  expect(metrics.sum("smart_router_estimator_calls_total")).toBe(0)
})

test("model names that callers make up are one series", async () => {
  const metrics = await scrape()
  const rejected = metrics.samples.filter(
    ({ name, labels }) => name === "smart_router_requests_total" && labels["group"] === "rejected_model",
  )
  expect(rejected.map(({ value }) => value)).toEqual([5])
  expect((await get(gateway, "/metrics", { token: watcher })).text).not.toContain("no-such-")
})

test("names are quoted, and nothing secret is in it", async () => {
  const { text } = await get(gateway, "/metrics", { token: watcher })
  expect(readExposition(text).sum("smart_router_requests_total", { model: HOSTILE_MODEL, status: "2xx" })).toBe(1)
  const secrets = [...gateway.prepared.secrets, gateway.token, watcher, SECRET_PROMPT, "127.0.0.1", gateway.directory]
  for (const secret of secrets) expect(text).not.toContain(secret)
})

test("what is idle is idle; targets that have everything in common are told apart by their place", async () => {
  const metrics = await scrape()
  for (const gauge of ["active_calls", "queued_calls", "spool_bytes", "journal_open_calls", "ledger_outages_total"])
    expect([gauge, metrics.sum(`smart_router_${gauge}`)]).toEqual([gauge, 0])
  for (const gauge of ["ledger_up", "journal_up", "governance_up"])
    expect([gauge, metrics.sum(`smart_router_${gauge}`)]).toEqual([gauge, 1])
  const twins = metrics.samples.filter(
    ({ name, labels }) => name === "smart_router_target_breaker_state" && labels["group"] === "twins",
  )
  expect(twins.map(({ labels }) => labels["target"])).toEqual(["0", "1", "2", "3", "4", "5"])
  expect(metrics.sum("process_resident_memory_bytes")).toBeGreaterThan(1e7)
  expect(metrics.families.get("smart_router_shared_state_up")?.samples).toEqual([])
})
