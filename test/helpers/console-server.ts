/** A console in front of a real cube, with calls that are made up. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Company } from "../../bench/reports/traffic.ts"
import { consoleAsset } from "../../src/console/assets.ts"
import { openCube } from "../../src/ledger/cube/connection.ts"
import { MERGE_RULES, mergeStep } from "../../src/ledger/cube/merge.ts"
import { openReader } from "../../src/ledger/reader.ts"
import type { CallRecord } from "../../src/ledger/record.ts"
import { SqliteDatabase } from "../../src/ledger/sqlite/database.ts"
import type { Outgoing } from "../../src/pipeline/message.ts"
import { readAsked } from "../../src/reports/asked.ts"
import { openReports } from "../../src/reports/open.ts"
import { callRows } from "../../src/reports/pages/call-rows.ts"
import { callStory } from "../../src/reports/pages/call-story.ts"
import { composePage, type PageSources } from "../../src/reports/pages/compose.ts"
import { PAGES } from "../../src/reports/pages/list.ts"
import type { PageDefinition } from "../../src/reports/pages/page.ts"
import { readQuestion } from "../../src/reports/pages/question.ts"
import { ReportRefused } from "../../src/reports/query.ts"
import { systemClock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import { consoleParts } from "./console-parts.ts"

const DAY_MS = 86_400_000
const BASE = "/admin/reports"

export interface ConsoleOptions {
  readonly calls: number
  readonly callers: number
  /** Changes the rows of calls before they are written. */
  readonly named?: (call: CallRecord) => CallRecord
  readonly isSample?: boolean
  readonly nowMs?: number
  /** Absent: 400 days. */
  readonly longestRangeMs?: number
}

export interface TestConsole extends AsyncDisposable {
  /** Where the console begins, with a slash at its end. */
  readonly url: string
  /** Paths and queries of the API that were asked. */
  readonly asked: string[]
  /** Answers to the API in place of the real ones; null: the real ones. */
  failing: { readonly status: number; readonly message: string } | null
}

export async function testConsole(options: ConsoleOptions): Promise<TestConsole> {
  const folder = mkdtempSync(join(tmpdir(), "console-"))
  const path = join(folder, "usage.sqlite")
  const { nowMs = Date.now(), longestRangeMs = 400 * DAY_MS } = options
  await seedCalls(path, options, nowMs)
  const reports = openReports({ path })
  const ledger = await openReader({ path, dsn: undefined }, { clock: systemClock, log: silentLog })
  const callers = Array.from({ length: Math.max(20, options.callers) }, (_, index) => callerName(index))
  const isEmpty = options.calls === 0
  const sources: PageSources = {
    reports,
    callRows: (found) => callRows(ledger, found),
    parts: {
      ...consoleParts(nowMs, callers, isEmpty),
      call: async ({ call }) =>
        (await callStory(ledger, call ?? "", () => true)) ?? {
          show: "missing",
          reason: "There is no such call, or it is gone.",
        },
    },
    isSample: options.isSample === true,
    nowMs: () => nowMs,
  }
  const console: { failing: TestConsole["failing"]; asked: string[] } = { failing: null, asked: [] }
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    fetch: async (request) => {
      const url = new URL(request.url)
      const name = /^\/admin\/reports\/api\/page\/([a-z]+)$/.exec(url.pathname)?.[1]
      if (name !== undefined) {
        console.asked.push(url.pathname + url.search)
        if (console.failing !== null) return problem(console.failing.status, console.failing.message, null)
        return await pageAnswer(name, url.searchParams, sources, nowMs, request.signal)
      }
      if (url.pathname === `${BASE}/api/facets`) {
        console.asked.push(url.pathname + url.search)
        const values = await reports.facets({ dimension: "caller", from: nowMs - 60 * DAY_MS, to: nowMs })
        return Response.json({ values: values.map(({ value }) => ({ value, calls: 1 })) })
      }
      if (!url.pathname.startsWith(BASE)) return new Response("not here", { status: 404 })
      const answer = await consoleAsset(
        { path: url.pathname, headers: request.headers },
        { base: BASE, longestRangeMs },
      )
      return answer === null ? new Response("not here", { status: 404 }) : responseOf(answer)
    },
  })
  return Object.assign(console, {
    url: `http://127.0.0.1:${server.port}${BASE}/`,
    [Symbol.asyncDispose]: async () => {
      await server.stop(true)
      await reports.close()
      await ledger.close()
      rmSync(folder, { recursive: true, force: true })
    },
  })
}

async function pageAnswer(
  name: string,
  parameters: URLSearchParams,
  sources: PageSources,
  nowMs: number,
  signal: AbortSignal,
): Promise<Response> {
  const page = (PAGES as Readonly<Record<string, PageDefinition>>)[name]
  if (page === undefined) return problem(404, "There is no such page.", null)
  try {
    const text = (each: string): string | undefined => parameters.get(each) ?? undefined
    const asked = readAsked(
      {
        since: text("since"),
        from: text("from"),
        to: text("to"),
        tz: text("tz"),
        sort: text("sort"),
        after: text("cursor"),
        where: parameters.getAll("where"),
      },
      { nowMs, sinceMs: DAY_MS, zone: "UTC", top: 100, scope: null, baselines: [] },
    )
    const question = readQuestion(page, asked, {
      by: text("by"),
      slot: text("slot"),
      compare: text("compare"),
      call: text("call"),
      only: text("only"),
    })
    return Response.json(await composePage(page, question, sources, signal))
  } catch (error) {
    if (error instanceof ReportRefused) return problem(400, error.message, error.path)
    return problem(503, error instanceof Error ? error.message : String(error), null)
  }
}

function problem(status: number, message: string, param: string | null): Response {
  return Response.json({ error: { message, param, code: "invalid-report-filter" } }, { status })
}

function responseOf({ status, headers, body }: Outgoing): Response {
  return new Response(body as Uint8Array<ArrayBuffer> | string, { status, headers })
}

async function seedCalls(
  path: string,
  { calls, callers, named = realistic }: ConsoleOptions,
  nowMs: number,
): Promise<void> {
  const database = new SqliteDatabase({
    path,
    clock: systemClock,
    log: silentLog,
    checkpointPages: 65_536,
    onMigration: () => {},
  })
  await database.reopen()
  const company = new Company({ calls, callers, projects: 12, models: 20, from: nowMs - 60 * DAY_MS, to: nowMs })
  for (let from = 0; from < calls; from += 1024) {
    const group = Array.from({ length: Math.min(1024, calls - from) }, (_, index) => named(company.call(from + index)))
    database.write(group)
  }
  await database.close()
  const cube = await openCube({ path, dsn: undefined }, { statementMs: 60_000, lockMs: 10_000 }, "write")
  while (await mergeStep(cube, MERGE_RULES));
  await cube.close()
}

const PROJECTS = [
  "checkout",
  "support",
  "search",
  "documents",
  "sales-assistant",
  "code-review",
  "translations",
  "data-platform",
  "mobile-app",
  "fraud",
  "marketing",
  "research",
]
const KINDS = ["api", "worker", "batch", "bot", "agent", "notebook"]
const MODELS = [
  "large-2026-09",
  "medium-2026-09",
  "small-2026-06",
  "reasoning-2026-11",
  "vision-2026-08",
  "code-2026-10",
]
const PROVIDERS = ["alpha", "beta", "gamma", "own-gpus"]
const GROUPS = ["fast", "smart", "code", "cheap"]

function callerName(index: number): string {
  const name = `${PROJECTS[index % PROJECTS.length]}-${KINDS[Math.floor(index / PROJECTS.length) % KINDS.length]}`
  return index < PROJECTS.length * KINDS.length
    ? name
    : `${name}-${Math.floor(index / (PROJECTS.length * KINDS.length))}`
}

/** With names as organisations give them. */
export function realistic(call: CallRecord): CallRecord {
  const { usage } = call
  const caller = Number(usage.caller_id.slice("app-".length))
  const model = Number(/\d+/.exec(usage.requested_model)?.[0] ?? 0)
  const project = PROJECTS[caller % PROJECTS.length] ?? ""
  const group = GROUPS[model % GROUPS.length] ?? ""
  return {
    ...call,
    usage: {
      ...usage,
      caller_id: callerName(caller),
      caller_user: `${KINDS[caller % KINDS.length]}@${project}`,
      caller_project: project,
      token_id: `rtr_${project}_prod_k${caller}`,
      requested_model: group,
      resolved_group: group,
      target_provider: usage.target_provider === null ? null : (PROVIDERS[model % PROVIDERS.length] ?? ""),
      target_model: usage.target_model === null ? null : (MODELS[model % MODELS.length] ?? ""),
    },
  }
}
