import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { ALL_NAMES, readExposition, type Scrape } from "../../test/helpers/exposition.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import type { Target } from "../config/snapshot.ts"
import { NO_REQUEST_FACTS } from "../dialects/dialect.ts"
import { OPENAI_TOKENS, OutputMeter } from "../dialects/output-meter.ts"
import type { UsageRow } from "../ledger/record.ts"
import { writeCallFamilies } from "./call-families.ts"
import { Exposition } from "./exposition.ts"
import { Metrics } from "./metrics.ts"
import { WHOLE } from "../../test/helpers/sample.ts"
import { expectProperty } from "../../test/helpers/property.ts"

const TS = 1_764_200_000_000

function targetOf(provider: string, model: string): Target {
  return { provider: { name: provider }, model } as Target
}

function counted(metrics: Metrics, usage: Partial<UsageRow>, bodyWaitMs = 0, settleMs = 0): void {
  const target = targetOf("alpha", "vendor-big-2026")
  metrics.count(
    { attempts: [{ target, failure: null }], facts: NO_REQUEST_FACTS, bodyWaitMs, notes: { redaction: null } },
    { target, meter: null },
    sampleCall(TS, 1, usage),
    settleMs,
  )
}

function written(metrics: Metrics, base: Readonly<Record<string, string>> = {}): Scrape {
  const out = new Exposition(base)
  writeCallFamilies(out, metrics, ALL_NAMES)
  return readExposition(out.text())
}

test("the router's own time is what neither upstreams, nor queues, nor the client's upload took; the commit is part of it", () => {
  const metrics = new Metrics()
  const [attempt] = sampleCall(TS, 1).attempts
  const latency = (attempt?.duration_ms ?? 0) + 300 + 40 + 2
  counted(metrics, { latency_ms: latency, traffic_shape_queue_wait_ms: 300, stream: 0 }, 40, 8)
  const scrape = written(metrics)
  expect(scrape.sum("smart_router_overhead_seconds_sum")).toBeCloseTo(0.01, 9)
  expect(scrape.sum("smart_router_overhead_seconds_bucket", { le: "0.0128" })).toBe(1)
  expect(scrape.sum("smart_router_overhead_seconds_bucket", { le: "0.0064" })).toBe(0)
})

test("later knowledge of a call adds tokens and money, and no call", () => {
  const metrics = new Metrics()
  counted(metrics, { usage_source: "none", input_tokens: null, output_tokens: null, total_cost_nano_usd: null })
  const before = written(metrics)
  const later = sampleCall(TS, 2, { attempts: 0, books_request_id: "call 1" }).usage
  metrics.countLater(later, targetOf("alpha", "vendor-big-2026"))
  metrics.countLater(later, null)
  const scrape = written(metrics)
  for (const name of ["smart_router_requests_total", "smart_router_caller_requests_total"])
    expect(scrape.sum(name)).toBe(before.sum(name))
  expect(scrape.sum("smart_router_caller_tokens_total")).toBe(2 * (later.total_tokens ?? 0))
})

test("output of streams stands beside what was reported of the same streams, where all of it was to be seen", () => {
  const metrics = new Metrics()
  const [target, meter] = [targetOf("alpha", "vendor-big-2026"), new OutputMeter(OPENAI_TOKENS)]
  for (let frame = 0; frame < 90; frame++) meter.add(1)
  const count = (usage: Partial<UsageRow>): void =>
    metrics.count(
      { attempts: [{ target, failure: null }], facts: NO_REQUEST_FACTS, bodyWaitMs: 0, notes: { redaction: null } },
      { target, meter },
      sampleCall(TS, 1, usage),
      0,
    )
  const whole = { usage_source: "provider", error: null, output_tokens: 100, reasoning_tokens: null } as const
  count(whole)
  count({ ...whole, reasoning_tokens: 40 })
  count({ ...whole, usage_source: "partial" })
  count({ ...whole, error: "client-closed" })
  const scrape = written(metrics)
  expect(scrape.sum("smart_router_stream_output_tokens_total", { counted_by: "router" })).toBe(90)
  expect(scrape.sum("smart_router_stream_output_tokens_total", { counted_by: "provider" })).toBe(100)
})

describe("whatever upstreams report,", () => {
  const report = fc.oneof(fc.constantFrom(null, Number.NaN, Infinity, -1, 1e300, 0.5), fc.nat(1_000_000))
  test("counters are whole and never go down", () => {
    expectProperty(
      fc.property(
        fc.array(
          fc.record({
            input_tokens: report,
            output_tokens: report,
            total_cost_nano_usd: report,
            fresh_input_tokens: report,
          }),
        ),
        (rows) => {
          const metrics = new Metrics()
          let last = 0
          for (const row of rows) {
            counted(metrics, row)
            const now = written(metrics).sum("smart_router_output_tokens_total")
            expect(now).toBeGreaterThanOrEqual(last)
            expect(Number.isSafeInteger(now)).toBe(true)
            last = now
          }
          expect(written(metrics).sum("smart_router_requests_total")).toBe(rows.length)
        },
      ),
      30,
    )
  })
})

test("labels come back as they went in, whatever they hold, and each set of them stands once", () => {
  const name = fc.string({ unit: "binary" })
  expectProperty(
    fc.property(fc.array(fc.tuple(name, name), { maxLength: WHOLE ? 10 : 3 }), name, (names, worker) => {
      const metrics = new Metrics()
      const usage = { resolved_group: "g", target_provider: "p" }
      for (const [provider, model] of names)
        metrics.count(
          {
            attempts: [{ target: targetOf(provider, model), failure: null }],
            facts: NO_REQUEST_FACTS,
            bodyWaitMs: 0,
            notes: { redaction: null },
          },
          { target: targetOf(provider, model), meter: null },
          sampleCall(TS, 1, usage),
          0,
        )
      const { families } = written(metrics, { worker })
      const samples = families.get("smart_router_requests_total")!.samples
      expect(new Set(samples.map(({ labels }) => JSON.stringify([labels["provider"], labels["model"]])))).toEqual(
        new Set(names.map((pair) => JSON.stringify(pair))),
      )
      for (const { labels } of samples) expect(labels["worker"]).toBe(worker)
    }),
  )
})

test("an error that the catalogue does not know is none of its own", () => {
  const metrics = new Metrics()
  counted(metrics, { error: 'x"} 1\nevil 1', status: 999, inbound_dialect: "no-dialect" })
  const scrape = written(metrics)
  expect(scrape.sum("smart_router_requests_total", { status: "other" })).toBe(1)
  expect(scrape.families.get("smart_router_errors_total")?.samples).toEqual([])
})

test("matches of personal data are counted by group and detector, and by nothing that was matched", () => {
  const metrics = new Metrics()
  const rules = [{ name: "email" }, { name: "staff" }, { name: "phone" }]
  for (const [group, counts] of [
    ["a", [2, 1, 0]],
    ["a", [1, 0, 0]],
    ["b", [0, 4, 0]],
    ["b", []],
  ] as const)
    metrics.count(
      { attempts: [], facts: NO_REQUEST_FACTS, bodyWaitMs: 0, notes: { redaction: { filter: { rules }, counts } } },
      null,
      sampleCall(TS, 1, { resolved_group: group, attempts: 0 }),
      0,
    )
  const scrape = written(metrics)
  const of = (group: string, detector: string): number =>
    scrape.sum("smart_router_pii_matches_total", { group, detector })
  expect([of("a", "email"), of("a", "staff"), of("b", "staff")]).toEqual([3, 1, 4])
  expect(scrape.sum("smart_router_pii_matches_total")).toBe(8)
})
