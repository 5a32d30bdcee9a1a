/** The sample data of a new demo: it is whole, labelled, and in nobody's way. */
import { Database } from "bun:sqlite"
import { expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "yaml"
import { PROGRAMS } from "../src/sample/company.ts"
import { sampleMonth } from "../src/sample/month.ts"
import { sampleSecurityEvents } from "../src/sample/security.ts"
import { storyUntil } from "../src/sample/story.ts"
import { type DemoProcess, startDemo, temporaryFolder } from "./helpers/demo-process.ts"
import { runHere } from "./helpers/command-line.ts"
import { at } from "./helpers/streams.ts"

const SOURCE = [process.execPath, "--no-env-file", join(import.meta.dir, "../src/main.ts")]
setDefaultTimeout(300_000)

const ROWS = `SELECT count(*) AS calls, sum(limit_tokens) AS tokens, max(request_id) AS last FROM request_usage
  WHERE caller_environment LIKE 'sample-%'`

function rowsOf<Row>(cwd: string, sql: string): Row[] {
  using database = new Database(join(cwd, ".demo/state/usage.sqlite"), { readonly: true })
  return database.query<Row, []>(sql).all()
}

function untilOf(cwd: string): number {
  return Date.parse(String(at(JSON.parse(readFileSync(join(cwd, ".demo/sample.json"), "utf8")), "until")))
}

/** What all of it adds up to. */
function whole(cwd: string): { calls: number; tokens: number; last: string } {
  const usages = [...sampleMonth(untilOf(cwd))].flat().map(({ usage }) => usage)
  const tokens = usages.reduce((sum, { limit_tokens }) => sum + (limit_tokens ?? 0), 0)
  return {
    calls: usages.length,
    tokens,
    last:
      usages
        .map(({ request_id }) => request_id)
        .toSorted()
        .at(-1) ?? "",
  }
}

async function call({ url, token }: DemoProcess): Promise<void> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "default", messages: [{ role: "user", content: "Hello" }] }),
  })
  expect(answer.status).toBe(200)
  await answer.text()
}

test("a new demo answers while its month is written; the month is labelled, and stands beside the calls that are made", async () => {
  using folder = temporaryFolder()
  const demo = await startDemo(SOURCE, { cwd: folder.path })
  expect(demo.welcome).toContain("SAMPLE DATA")
  await call(demo)
  await demo.said("The sample data is complete")
  await call(demo)
  const usage = await fetch(`${demo.url}/v1/usage`, { headers: { authorization: `Bearer ${demo.token}` } })
  expect(await usage.json()).toMatchObject({ today: { requests: 2, errors: 0 } })
  expect(await demo.stop()).toBe(0)

  expect(rowsOf(folder.path, ROWS)).toEqual([whole(folder.path)])
  const own =
    "SELECT DISTINCT caller_id, caller_environment FROM request_usage WHERE caller_environment NOT LIKE 'sample-%'"
  expect(rowsOf(folder.path, own)).toEqual([{ caller_id: "demo", caller_environment: "dev" }])
  const { startMs } = storyUntil(untilOf(folder.path))
  const tags = rowsOf<{ caller_id: string }>(
    folder.path,
    `SELECT caller_id FROM caller_tags WHERE name = 'sample' AND value = 'true' AND since = ${startMs} AND until IS NULL`,
  )
  expect(tags.map(({ caller_id }) => caller_id).toSorted()).toEqual(PROGRAMS.map(({ id }) => id).toSorted())
  const events = sampleSecurityEvents(untilOf(folder.path))
  expect(rowsOf(folder.path, "SELECT count(*) AS rows, sum(count) AS times FROM security_access_events")).toEqual([
    { rows: events.length, times: events.reduce((sum, { times }) => sum + times, 0) },
  ])
  const check = await runHere(["check", "--config", join(folder.path, ".demo/config.yaml")])
  expect([check.code, check.out]).toEqual([0, expect.not.stringContaining("nothing-allowed")])

  const second = await startDemo(SOURCE, { cwd: folder.path })
  expect(second.welcome).toContain("holds SAMPLE DATA")
  expect(await second.stop()).toBe(0)
  expect(rowsOf(folder.path, ROWS)).toEqual([whole(folder.path)])
})

test("a demo that is killed while its month is written goes on at the next start", async () => {
  using folder = temporaryFolder()
  const killed = await startDemo(SOURCE, { cwd: folder.path })
  await killed.stop("SIGKILL")
  const [left] = rowsOf<{ calls: number }>(folder.path, ROWS)
  const { calls } = whole(folder.path)
  expect(left?.calls).toBeLessThan(calls)
  const next = await startDemo(SOURCE, { cwd: folder.path })
  expect(next.welcome).toContain("is getting SAMPLE DATA")
  await next.said(`The sample data is complete: ${calls.toLocaleString("en")} invented calls.`)
  expect(await next.stop()).toBe(0)
  expect(rowsOf(folder.path, ROWS)).toEqual([whole(folder.path)])
})

test("a demo without sample data has none, and its folder gets none later", async () => {
  using folder = temporaryFolder()
  const demo = await startDemo(SOURCE, { cwd: folder.path, args: ["--no-sample"] })
  expect(demo.welcome).not.toContain("SAMPLE DATA")
  expect(await demo.stop()).toBe(0)
  const later = await startDemo(SOURCE, { cwd: folder.path })
  expect(await later.stop()).toBe(0)
  expect(existsSync(join(folder.path, ".demo/sample.json"))).toBe(false)
  expect(rowsOf(folder.path, ROWS)).toEqual([{ calls: 0, tokens: null, last: null }])
  const { callers } = parse(readFileSync(join(folder.path, ".demo/config.yaml"), "utf8")) as {
    callers: { id: string }[]
  }
  expect(callers.map(({ id }) => id)).toEqual(["demo"])
})
