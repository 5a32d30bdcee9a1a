/** A small ledger with something in every table that sections read, and how sections are asked of it. */
import type { CallRecord, UsageRow } from "../../src/ledger/record.ts"
import { type AskedTexts, readAsked } from "../../src/reports/asked.ts"
import { buildSection, sourcesOf } from "../../src/reports/build.ts"
import { openReports } from "../../src/reports/open.ts"
import type { Asked, Baseline, LimitUse, Section, SectionId, Sources, Table } from "../../src/reports/section.ts"
import { sectionNamed } from "../../src/reports/sections/list.ts"
import { addressOf } from "./cube.ts"
import type { LedgerState } from "./ledger-drivers.ts"
import { sampleCall } from "./sample-call.ts"
import { sampleDecision } from "./sample-decision.ts"

/** When the last call came. */
export const NOW: number = Date.UTC(2026, 10, 30, 12)
const HOUR_MS = 3_600_000

export const BASELINE: Baseline = {
  id: "big",
  name: "Big model",
  inputPrice: 2_500_000_000n,
  outputPrice: 10_000_000_000n,
}

/** Names that would do harm where they are taken for anything but texts. */
export const HOSTILE: readonly string[] = [
  "=1+1",
  "a|b",
  "<img src=x>",
  `it's "so"`,
  "two\nlines",
  "`x` [y](z)",
  "-- 1; DROP TABLE request_usage",
]

/** Sixty calls, an hour apart: four projects, two targets, errors, unknown costs, shaping, fallbacks, decisions. */
export function reportedCalls(): CallRecord[] {
  return Array.from({ length: 60 }, (_, number) => callOf(number, NOW - (59 - number) * HOUR_MS))
}

function callOf(number: number, ts: number): CallRecord {
  const usage: Partial<UsageRow> = {
    caller_id: `app-${number % 5}`,
    caller_project: `lab-${number % 4}`,
    caller_environment: number % 2 === 0 ? "prod" : "dev",
    client: HOSTILE[number % HOSTILE.length] ?? "",
    target_model: number % 3 === 0 ? "small" : "big",
    total_cost_nano_usd: 1_000_000 * (number + 1),
    latency_ms: 100 * (number + 1),
    stream: number % 2 === 0 ? 1 : 0,
    cost_unknown_reason: null,
  }
  const record = sampleCall(ts, number, usage)
  if (number % 10 === 3) return failed(record)
  if (number % 10 === 5)
    return { ...record, usage: { ...record.usage, total_cost_nano_usd: null, cost_unknown_reason: "price" } }
  if (number % 10 === 7) return fallenBack(record)
  if (number % 2 === 0) return shaped(record)
  return { ...record, decision: sampleDecision(ts) }
}

function failed(record: CallRecord): CallRecord {
  const { ts } = record.usage
  const usage: UsageRow = {
    ...record.usage,
    status: 429,
    error: "rpm-exceeded",
    attempts: 0,
    target_provider: null,
    target_model: null,
    total_cost_nano_usd: null,
    input_tokens: null,
    output_tokens: null,
    total_tokens: null,
  }
  const told = { ts, code: "rpm-exceeded", status: 429, blame: "caller" as const, message: "Too many.", param: null }
  const error = { ...told, error_class: null, upstream_status: null, ...NO_TARGET }
  return { ...record, usage, attempts: [], error }
}

const NO_TARGET = { retryable: 1, attempts: 0, provider: null, model: null, dialect: null } as const

function fallenBack(record: CallRecord): CallRecord {
  const [attempt] = record.attempts
  if (attempt === undefined) throw new Error("there is no attempt")
  const first = { ...attempt, model: "broken", status_code: 429, error_class: "rate_limited", selected: 0 as const }
  return {
    ...record,
    usage: { ...record.usage, attempts: 2, fallback_used: 1 },
    attempts: [
      { ...first, fallback_reason: "rate_limited" },
      { ...attempt, attempt_index: 1 },
    ],
  }
}

function shaped(record: CallRecord): CallRecord {
  const { ts, latency_ms: latency } = record.usage
  const amounts = { estimated_input_tokens: 10, reserved_output_tokens: 20, total_reserved_tokens: 30 }
  const shape = { seq: 0, scope: "caller", bucket: "caller.request_start_per_sec", decision: "queued", cost: 1 }
  const at = { seq: 0, ts, provider: "alpha", model_ref: "big", model: "big", dialect: "openai-chat" }
  return {
    ...record,
    callerShapes: [{ ...shape, retry_after_ms: 1000, queue_wait_ms: latency, ...amounts }],
    upstreamShapes: [
      {
        ...at,
        scope: "target",
        bucket: "start",
        decision: "throttled",
        retry_after_ms: 500,
        ...amounts,
        backoff_reason: null,
        queue_wait_ms: null,
      },
      {
        ...at,
        seq: 1,
        scope: "provider",
        bucket: "adaptive_backoff",
        decision: "backoff",
        retry_after_ms: 900,
        ...amounts,
        backoff_reason: "rate_limited",
        queue_wait_ms: null,
      },
    ],
  }
}

export interface ReportedLedger extends AsyncDisposable {
  readonly sources: Sources
  ask(texts?: AskedTexts, more?: Partial<Asked>): Asked
  section(id: SectionId, texts?: AskedTexts, more?: Partial<Asked>): Promise<Section>
}

/** The calls above, written by a ledger, and a thread of reports that reads them. */
export async function reportedLedger(
  state: LedgerState,
  others: Partial<Pick<Sources, "limits" | "catalog">> = {},
): Promise<ReportedLedger> {
  const ledger = await state.open()
  await Promise.all(reportedCalls().map((call) => ledger.record(call)))
  const thread = openReports({ ...addressOf(state), deadlineMs: 120_000 })
  const sources = sourcesOf(thread, { limits: null, catalog: null, nowMs: NOW, ...others })
  const ask = (texts: AskedTexts = {}, more: Partial<Asked> = {}): Asked => {
    const defaults = { nowMs: NOW, sinceMs: 72 * HOUR_MS, zone: "UTC", top: 100, scope: null, baselines: [BASELINE] }
    return { ...readAsked(texts, defaults), ...more }
  }
  return {
    sources,
    ask,
    section: async (id, texts, more) => {
      const definition = sectionNamed(id)
      if (definition === undefined) throw new Error(`there is no section ${id}`)
      return await buildSection(definition, ask(texts, more), sources)
    },
    [Symbol.asyncDispose]: () => thread.close(),
  }
}

export function tableNamed({ tables }: Section, id: string): Table {
  const table = tables.find((one) => one.id === id)
  if (table === undefined) throw new Error(`there is no table ${id}: ${tables.map((one) => one.id).join(", ")}`)
  return table
}

/** The cells of a column. */
export function columnCells(table: Table, key: string): Table["rows"][number] {
  const index = table.columns.findIndex((column) => column.key === key)
  if (index < 0) throw new Error(`there is no column ${key}: ${table.columns.map((column) => column.key).join(", ")}`)
  return table.rows.map((row) => row[index] ?? null)
}

/** A total of a column. */
export function totalCell(table: Table, key: string): Table["rows"][number][number] {
  return table.totals?.[table.columns.findIndex((column) => column.key === key)] ?? null
}

const DAY_MS = 86_400_000

/** A month's budget, three quarters used. */
export const LIMIT: LimitUse = {
  subject: "caller",
  id: "app-1",
  project: "lab-1",
  environment: "dev",
  limit: "spend.month_usd",
  unit: "money",
  allowed: 1_000_000_000n,
  used: 700_000_000n,
  reserved: 50_000_000n,
  periodFrom: Date.UTC(2026, 10, 1),
  resetsAt: NOW + 10 * DAY_MS,
  usedInLastDay: 100_000_000n,
  warnsAtPercent: 70,
}
