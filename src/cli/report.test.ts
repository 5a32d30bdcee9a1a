/** The command line knows every section, dimension and format, and answers what makes no sense clearly. */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runHere, smartRouter } from "../../test/helpers/command-line.ts"
import { sqliteState, type LedgerState } from "../../test/helpers/ledger-drivers.ts"
import { HOSTILE, NOW, reportedCalls } from "../../test/helpers/reported-calls.ts"
import { sampled, WHOLE } from "../../test/helpers/sample.ts"
import { DIMENSION_NAMES } from "../reports/dimensions.ts"
import { SECTIONS } from "../reports/sections/list.ts"
import { FILTER_NAMES } from "../reports/where.ts"

let state: LedgerState
let folder: string
const RANGE = ["--from", new Date(NOW - 60 * 3_600_000).toISOString(), "--to", new Date(NOW + 1).toISOString()]
const COST = "1.47"

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "report-"))
  state = await sqliteState()
  const ledger = await state.open()
  await Promise.all(reportedCalls().map((call) => ledger.record(call)))
  await ledger.close()
})

afterAll(async () => {
  await state[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

async function report(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return await runHere(["report", ...args, "--db", state.path, ...RANGE])
}

interface Told {
  readonly id: string
  readonly tables: readonly {
    readonly id: string
    readonly columns: readonly { readonly key: string }[]
    readonly totals: readonly unknown[] | null
  }[]
}

async function told(...args: string[]): Promise<Told> {
  const { code, out, err } = await report(...args, "--format", "json")
  expect([code, err]).toEqual([0, ""])
  return JSON.parse(out) as Told
}

describe("smart-router report", () => {
  test("has every section in every format", async () => {
    for (const { id, title } of sampled(SECTIONS, 2)) {
      expect((await told(id)).id).toBe(id)
      const { out } = await report(id, "--format", "md")
      expect(out).toContain(`## ${title}`)
      const table = await report(id, "--format", "table")
      expect(table.out).toContain(title.toUpperCase())
      const csv = await report(id, "--format", "csv")
      expect([id, csv.code, csv.out.split("\r\n")[0]?.includes(",")]).toEqual([id, 0, true])
    }
  }, 300_000)

  test("tells calls apart and filters them by every dimension", async () => {
    for (const name of sampled(DIMENSION_NAMES, 3)) {
      const { tables } = await told("usage", "--by", name)
      expect([name, tables[0]?.columns[0]?.key]).toEqual([name, name])
    }
    for (const name of sampled(FILTER_NAMES, 3)) {
      const { tables } = await told("usage", "--by", "project", "--where", `${name}=no such value`)
      expect([name, tables[0]?.totals?.[1]]).toEqual([name, 0])
    }
  }, 300_000)

  test("without a name is a whole report, Markdown where nobody looks", async () => {
    const { code, out } = await report()
    expect(code).toBe(0)
    for (const { id, title } of SECTIONS) expect([id, out.includes(`## ${title}\n`)]).toEqual([id, id !== "calls"])
    for (const name of HOSTILE) if (/[<|\n]/.test(name)) expect(out).not.toContain(name)
  }, 300_000)

  test("says the same sum in every format, exact where machines read", async () => {
    const json = await told("cost", "--by", "environment")
    expect(json.tables[0]?.totals?.[1]).toBe(COST)
    const csv = await report("cost", "--by", "environment", "--format", "csv")
    const costs = csv.out
      .trim()
      .split("\r\n")
      .slice(1)
      .map((line) => Math.round(Number(line.split(",")[1]) * 1e9))
    expect(costs.reduce((sum, cost) => sum + cost, 0)).toBe(Number(COST) * 1e9)
    expect((await report("cost", "--by", "environment")).out).toContain("**1.4700**")
  }, 300_000)

  test("takes the names of other tools for conditions", async () => {
    const options = [
      ["--caller-project", "project"],
      ["--token-id", "token"],
      ["--caller-environment", "environment"],
      ["--resolved-group", "group"],
      ["--client", "client"],
    ] as const
    for (const [option, condition] of sampled(options, 2)) {
      const value = option === "--client" ? (HOSTILE[0] ?? "") : option === "--caller-project" ? "lab-1" : "prod"
      expect(await told("usage", option, value)).toEqual(
        await told("usage", "--where", `${condition}=${JSON.stringify(value)}`),
      )
    }
    expect((await told("--traffic-tuning-advisor")).id).toBe("advisor")
  }, 300_000)

  test("exits with 4 where a bound is passed, compared exactly", async () => {
    const codes = async (rule: string): Promise<number> => (await report("summary", "--fail-if", rule)).code
    expect(await codes(`cost_usd > ${COST}`)).toBe(0)
    expect(await codes(`cost_usd >= ${COST}`)).toBe(4)
    expect(await codes("cost_usd > 1.469999999")).toBe(4)
    expect(await codes("error_percent>9.9")).toBe(4)
    expect(await codes("calls < 60")).toBe(0)
    expect(await codes("colour > 1")).toBe(2)
    expect(await codes("cost_usd")).toBe(2)
    const { code, err } = await report("summary", "--where", "project=nobody", "--fail-if", "p95_ms > 1")
    expect([code, err.trim()]).toEqual([0, "p95_ms > 1: p95_ms has no value in this range."])
  }, 300_000)

  test("compares with a price that is given on the line", async () => {
    const prices = [
      "--baseline-input-price-per-million-usd",
      "2.5",
      "--baseline-output-price-per-million-usd",
      "10",
      "--baseline-name",
      "Big",
    ]
    const { out } = await report("savings", ...prices)
    expect(out).toContain("| Big |")
    expect((await report("savings", ...prices.slice(0, 2))).code).toBe(2)
    expect((await report("savings", "--baseline", "none")).err).toContain("There is no baseline")
  }, 300_000)

  test("writes a file that its owner alone can read, and replaces it", async () => {
    const path = join(folder, "report.csv")
    for (const by of ["project", "caller"]) {
      const { code, out } = await report("usage", "--by", by, "--format", "csv", "--out", path)
      expect([code, out]).toEqual([0, ""])
      expect(readFileSync(path, "utf8").startsWith(`${by},calls`)).toBe(true)
    }
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const { code, err } = await report("usage", "--out", join(folder, "none", "report.md"))
    expect([code, err.includes("cannot be written")]).toEqual([1, true])
  }, 300_000)

  test("recounts a range, and says where figures and rows differ", async () => {
    const { code, out } = await report("--verify")
    expect([code, out.includes("60 rows recounted")]).toEqual([0, true])
    const copy = await sqliteState()
    const ledger = await copy.open()
    await Promise.all(
      reportedCalls()
        .slice(0, 5)
        .map((call) => ledger.record(call)),
    )
    await ledger.close()
    await copy.change(["UPDATE request_usage SET total_cost_nano_usd = 5 WHERE total_cost_nano_usd = 2000000"])
    const other = await runHere(["report", "--verify", "--db", copy.path, ...RANGE])
    expect([other.code, other.err.includes("total_cost_nano_usd: reports say 2000000, the rows 5")]).toEqual([1, true])
    await copy[Symbol.asyncDispose]()
  }, 300_000)

  test("names what makes no sense", async () => {
    const cases: readonly (readonly [args: readonly string[], says: string])[] = [
      [["summry"], "Did you mean summary?"],
      [["usage", "cost"], "one too many"],
      [["usage", "--by", "projct"], "Did you mean project?"],
      [["usage", "--where", "1=1; DROP TABLE request_usage"], "--where: "],
      [["calls", "--by", "project"], "not told apart"],
      [["calls", "--after", "../../etc/passwd"], "--after: "],
      [["--format", "xml"], "one of table, md, csv, json"],
      [["--format", "csv"], "holds one table"],
      [["usage", "--format", "csv", "--table", "by_projct"], "Did you mean by_project?"],
      [["usage", "--table", "by_project"], "goes with --format csv"],
      [["--tz", "Mars/Base"], "--tz: "],
      [["--top", "many"], "--top: "],
      [["--dsn", "postgres://x"], "one of --config, --db and --dsn"],
    ]
    for (const [args, says] of cases) {
      const { code, err } = await report(...args)
      expect([args, code, err.includes(says) ? says : err]).toEqual([args, 2, says])
    }
  }, 300_000)

  test("answers for a hundred years", async () => {
    // all of them in one report where every case is taken
    const names = WHOLE ? [] : sampled(SECTIONS, 1).map(({ id }) => id)
    const { code } = await runHere(["report", ...names, "--since", "36500d", "--db", state.path])
    expect(code).toBe(0)
    const hours = await runHere(["report", "usage", "--by", "hour", "--since", "36500d", "--db", state.path])
    expect([hours.code, hours.err.includes("larger slots or a shorter range")]).toEqual([2, true])
  }, 300_000)

  test("says what is wrong with a database", async () => {
    const none = await runHere(["report", "--db", join(folder, "none.sqlite")])
    expect([none.code, none.err.includes("There is no file")]).toEqual([2, true])
    const text = join(folder, "text.sqlite")
    writeFileSync(text, "this is no database, only a text that is long enough to be read as one".repeat(20))
    const other = await runHere(["report", "--db", text])
    expect([other.code, other.err.includes("cannot be read")]).toEqual([1, true])
    const old = join(folder, "old.sqlite")
    new Database(old, { create: true }).run("CREATE TABLE request_usage (request_id TEXT)")
    const older = await runHere(["report", "--db", old])
    expect([older.code, older.err.includes("start the router once")]).toEqual([1, true])
    const lost = await runHere(["report", "--dsn", "postgres://nobody:secret-word@127.0.0.1:1/none"])
    expect([lost.code, lost.err.includes("cannot be read"), lost.err.includes("secret-word")]).toEqual([1, true, false])
    const held = new Database(state.path)
    held.run("PRAGMA locking_mode=EXCLUSIVE")
    held.run("PRAGMA journal_mode=DELETE")
    held.run("BEGIN EXCLUSIVE")
    const locked = await report("summary")
    held.run("COMMIT")
    held.close()
    expect([locked.code, locked.err.includes("locked by another process")]).toEqual([1, true])
  }, 300_000)

  test("fits a narrow terminal", async () => {
    const columns = process.stdout.columns
    process.stdout.columns = 72
    try {
      for (const { id } of sampled(SECTIONS, 3)) {
        const { out } = await report(id, "--format", "table", "--top", "3")
        const wide = out.split("\n").filter((line) => Bun.stringWidth(line) > 72 && !line.startsWith("More:"))
        expect([id, wide]).toEqual([id, []])
      }
    } finally {
      process.stdout.columns = columns
    }
  }, 300_000)
})

test("limits is a section of its own, with what it is near to", async () => {
  const { code, out } = await smartRouter(["limits", "--help"])
  expect([code, out.includes("--near PERCENT")]).toEqual([0, true])
})
