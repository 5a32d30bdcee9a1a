/**
 * Times what the pages of the console ask for:
 * `bun bench/reports/main.ts [--calls 10000000] [--rounds 5] [--drivers sqlite,postgres] [--db FILE] [--dsn URL] [--seeded]`.
 * Without `--dsn` a PostgreSQL server is started for it. `--seeded`: the calls are there from an earlier run. `--rows`:
 * also their rows, which only `--verify` reads; `--children`: also their attempts and events. Of each question it tells
 * the first answer, then the others, and the CPU of the process for each.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { CubeAddress } from "../../src/ledger/cube/connection.ts"
import { readAsked } from "../../src/reports/asked.ts"
import { buildSection, sourcesOf } from "../../src/reports/build.ts"
import { openReports, type ReportThread } from "../../src/reports/open.ts"
import type { SectionDefinition } from "../../src/reports/section.ts"
import { SECTIONS } from "../../src/reports/sections/list.ts"
import { noPostgres, sharedPostgres } from "../../test/helpers/postgres.ts"
import { pages, searches } from "./pages.ts"
import { seed } from "./seed.ts"
import type { Traffic } from "./traffic.ts"

const { values } = parseArgs({
  options: {
    calls: { type: "string", default: "10000000" },
    rounds: { type: "string", default: "5" },
    drivers: { type: "string", default: "sqlite,postgres" },
    db: { type: "string" },
    dsn: { type: "string" },
    seeded: { type: "boolean", default: false },
    rows: { type: "boolean", default: false },
    children: { type: "boolean", default: false },
    verify: { type: "boolean", default: false },
  },
})

const DAY_MS = 86_400_000
const MONTHS_MS = 396 * DAY_MS
const END = Date.UTC(2026, 10, 30)
const ROUNDS = Number(values.rounds)
const traffic: Traffic = {
  calls: Number(values.calls),
  callers: 400,
  projects: 30,
  models: 60,
  from: END - MONTHS_MS,
  to: END,
}

const folder = mkdtempSync(join(tmpdir(), "bench-reports-"))
const path = values.db ?? join(folder, "usage.sqlite")

const addresses = new Map<string, CubeAddress>()
for (const driver of values.drivers.split(",")) {
  if (driver === "postgres" && values.dsn === undefined && noPostgres !== null)
    process.stdout.write(`no PostgreSQL: ${noPostgres}\n`)
  else
    addresses.set(driver, {
      path,
      dsn: driver === "postgres" ? (values.dsn ?? (await (await sharedPostgres()).schema())) : undefined,
    })
}
const depth = values.children ? "children" : values.rows || values.verify ? "rows" : "cube"
if (!values.seeded) await seed([...addresses.values()], traffic, depth)
for (const [driver, address] of addresses) await time(driver, address)
rmSync(folder, { recursive: true, force: true })
// the server would keep this process alive
process.exit(0)

async function time(driver: string, address: CubeAddress): Promise<void> {
  const reports = openReports(address)
  // the thread and its code are there
  await reports.facets({ dimension: "caller", from: END - DAY_MS, to: END })
  const before = process.memoryUsage.rss()
  for (const [range, from] of [
    ["month", END - 30 * DAY_MS],
    ["13 months", END - MONTHS_MS],
  ] as const) {
    for (const { name, queries } of pages(from, END, "Europe/Berlin"))
      await measure(`${driver} ${range} page ${name}`, () => reports.queries(queries))
    for (const [name, search] of searches(from, END))
      await measure(`${driver} ${range} search ${name}`, () => reports.search(search))
    for (const definition of SECTIONS)
      await measure(`${driver} ${range} section ${definition.id}`, () => section(definition, from, reports))
    await measure(`${driver} ${range} facets of callers`, () => reports.facets({ dimension: "caller", from, to: END }))
  }
  process.stdout.write(
    `${driver} memory of the process grew by ${Math.round((process.memoryUsage.rss() - before) / 1e6)} MB\n`,
  )
  if (values.verify) await verify(driver, reports)
  await reports.close()
}

/** As `smart-router report` asks for it. */
async function section(definition: SectionDefinition, from: number, reports: ReportThread): Promise<unknown> {
  const baselines = [{ id: "big", name: "Big", inputPrice: 2_500_000_000n, outputPrice: 10_000_000_000n }]
  const defaults = { nowMs: END - 1, sinceMs: END - from, zone: "Europe/Berlin", top: 25, scope: null, baselines }
  const sources = sourcesOf(reports, { limits: null, catalog: async () => await Promise.resolve([]), nowMs: END })
  return await buildSection(definition, readAsked({}, defaults), sources)
}

async function measure(name: string, ask: () => Promise<unknown>): Promise<void> {
  const times: number[] = []
  const cpu: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const beganMs = performance.now()
    const began = process.cpuUsage()
    await ask()
    times.push(performance.now() - beganMs)
    const { user, system } = process.cpuUsage(began)
    cpu.push((user + system) / 1000)
  }
  process.stdout.write(`${name.padEnd(40)} wall ${told(times)}, CPU ${told(cpu)}\n`)
}

function told([first = 0, ...others]: readonly number[]): string {
  const sorted = others.toSorted((one, other) => one - other)
  const [least, middle, most] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)].map((ms) =>
    (ms ?? 0).toFixed(0).padStart(5),
  )
  return `first ${first.toFixed(0).padStart(5)}, least ${least}, median ${middle}, most ${most} ms`
}

async function verify(driver: string, reports: ReportThread): Promise<void> {
  const beganMs = performance.now()
  const { rows, differences } = await reports.verify({ from: traffic.from, to: traffic.to })
  const seconds = Math.round((performance.now() - beganMs) / 1000)
  process.stdout.write(`${driver} recount of ${rows} rows: ${differences.length} differences, ${seconds} s\n`)
}
