/** Every class of finding, from calls that are written to a ledger. */
import { expect, test } from "bun:test"
import { addressOf } from "../../../test/helpers/cube.ts"
import { sqliteState } from "../../../test/helpers/ledger-drivers.ts"
import { columnCells, tableNamed } from "../../../test/helpers/reported-calls.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import type { CallRecord } from "../../ledger/record.ts"
import { readAsked } from "../asked.ts"
import { buildSection, sourcesOf } from "../build.ts"
import { openReports } from "../open.ts"
import type { Table } from "../section.ts"
import { ADVISOR } from "./advisor.ts"

const NOW = Date.UTC(2026, 10, 30, 12)

interface Shaped {
  readonly caller: string
  readonly decision: "queued" | "refused"
  readonly waitMs: number
  readonly stream?: 0 | 1
}

let number = 0

function shapedCalls(count: number, { caller, decision, waitMs, stream = 0 }: Shaped): CallRecord[] {
  return Array.from({ length: count }, () => {
    number += 1
    const record = sampleCall(NOW - 60_000 + number, number, { caller_id: caller, stream })
    const amounts = { estimated_input_tokens: 1, reserved_output_tokens: 1, total_reserved_tokens: 2 }
    const shape = { seq: 0, scope: "caller", bucket: "caller.request_start_per_sec", cost: 1, retry_after_ms: 2000 }
    return { ...record, callerShapes: [{ ...shape, decision, queue_wait_ms: waitMs, ...amounts }] }
  })
}

function triedCalls(count: number, model: string, status: number): CallRecord[] {
  return Array.from({ length: count }, () => {
    number += 1
    const record = sampleCall(NOW - 60_000 + number, number, { target_model: model })
    return {
      ...record,
      attempts: record.attempts.map((attempt) => ({ ...attempt, model, status_code: status, selected: 0 as const })),
    }
  })
}

async function findings(calls: readonly CallRecord[]): Promise<Table> {
  await using state = await sqliteState()
  const ledger = await state.open()
  await Promise.all(calls.map((call) => ledger.record(call)))
  const thread = openReports({ ...addressOf(state), deadlineMs: 60_000 })
  const defaults = { nowMs: NOW, sinceMs: 3_600_000, zone: "UTC", top: 100, scope: null, baselines: [] }
  const sources = sourcesOf(thread, { limits: null, catalog: null, nowMs: NOW })
  const section = await buildSection(ADVISOR, readAsked({}, defaults), sources)
  await thread.close()
  return tableNamed(section, "findings")
}

async function found(calls: readonly CallRecord[]): Promise<unknown[]> {
  return [...columnCells(await findings(calls), "finding")]
}

test("each class is found where its threshold is crossed, and not one call below", async () => {
  const refused = (count: number, caller = "a") => shapedCalls(count, { caller, decision: "refused", waitMs: 0 })
  const queued = (count: number, waitMs: number, stream: 0 | 1 = 0) =>
    shapedCalls(count, { caller: "a", decision: "queued", waitMs, stream })
  const none = ["no_shaping_change_indicated"]
  expect(await found([])).toEqual(none)
  expect(await found(refused(10))).toEqual(["enable_queue"])
  expect(await found(refused(9))).toEqual(none)
  expect(await found([...queued(5, 2000), ...refused(5)])).toEqual(["increase_queue_depth"])
  expect(await found([...queued(6, 2000), ...refused(5)])).toEqual(none)
  expect(await found(queued(10, 1000))).toEqual(["increase_caller_burst"])
  expect(await found(queued(10, 1001))).toEqual(none)
  expect(await found(queued(10, 3000, 1))).toEqual(["disable_queue_for_latency_sensitive_client"])
  expect(await found(queued(10, 3000, 0))).toEqual(none)
  expect(await found([...triedCalls(10, "m", 429), ...triedCalls(190, "m", 200)])).toEqual([
    "investigate_provider_429_capacity",
  ])
  expect(await found([...triedCalls(10, "m", 429), ...triedCalls(191, "m", 200)])).toEqual(none)
  expect(await found([...triedCalls(10, "m", 400), ...triedCalls(40, "m", 200)])).toEqual([
    "route_around_incompatible_target",
  ])
  expect(await found([...triedCalls(10, "m", 400), ...triedCalls(41, "m", 200)])).toEqual(none)
}, 300_000)

test("a finding names its figures, its threshold and the keys to look at, the largest first", async () => {
  const table = await findings([
    ...shapedCalls(12, { caller: "a", decision: "refused", waitMs: 0 }),
    ...triedCalls(40, "odd", 400),
  ])
  expect(table.rows).toEqual([
    [
      "route_around_incompatible_target",
      "alpha / odd",
      "40 attempts: 40 rejected (400, 404, 415, 422), 0 with 429, 0 with 5xx, 0 timed out; 0.0 % fell back; 1 users and 1 clients met it",
      "10 or more, and 20 % or more, rejected the request",
      "providers.alpha.models.*.tool_support, .request_shape_support, .accepts",
      40n,
    ],
    [
      "enable_queue",
      "a with openai-sdk, caller.request_start_per_sec",
      "0 queued (p50 none, p95 none, longest 0 ms), 12 refused (longest retry-after 2000 ms)",
      "10 or more refused, none queued",
      "callers[].traffic_shape.queue.enabled, .queue.max_wait_ms",
      12n,
    ],
  ])
}, 60_000)

test("the documentation has every class", async () => {
  const page = await Bun.file(`${import.meta.dir}/../../../docs/reports.md`).text()
  for (const name of [
    "enable_queue",
    "increase_queue_depth",
    "increase_caller_burst",
    "disable_queue_for_latency_sensitive_client",
    "investigate_provider_429_capacity",
    "route_around_incompatible_target",
    "no_shaping_change_indicated",
  ])
    expect(page).toContain(`| \`${name}\` |`)
})
