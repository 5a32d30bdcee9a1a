/** Files of reports: whole, or saying where they end, or cut with the connection; and harmless to what opens them. */
import { expect, test } from "bun:test"
import { asRouterError } from "../../errors.ts"
import type { Writer } from "../../pipeline/message.ts"
import { ReportRefused, ReportUnavailable, type UnavailableReason } from "../../reports/query.ts"
import type { SectionDefinition, Table } from "../../reports/section.ts"
import { Cursors } from "./cursor.ts"
import { csvOperations, markdownOperation, MOST_EXPORTED } from "./exports.ts"
import { fileOf } from "./file-answer.ts"
import type { Question, ReportTools } from "./operation.ts"
import { asReportError } from "./reports-api.ts"
import { csvLine, markdownText } from "./text-cells.ts"

const TABLE: Omit<Table, "rows"> = {
  id: "calls",
  title: "Calls",
  columns: [
    { key: "id", title: "Id", unit: "", kind: "text", about: "" },
    { key: "cost_usd", title: "Cost", unit: "USD", kind: "money", about: "" },
  ],
  restOf: 0,
  totals: null,
  empty: "",
  notes: [],
}

/** Calls without an end; the page of that number fails. */
function calls(failsAt: number): SectionDefinition {
  return {
    id: "calls",
    title: "Calls",
    about: "Calls.",
    takesBy: false,
    build: ({ top, after }) => {
      const page = Number(after ?? "0")
      if (page === failsAt) return Promise.reject(new ReportUnavailable("lost", "The database is gone."))
      const rows = Array.from({ length: top }, (_, index) => [`${page}-${index}`, -1n])
      return Promise.resolve({ tables: [{ ...TABLE, rows }], charts: [], notes: [], next: String(page + 1) })
    },
  }
}

const QUESTION: Question = {
  texts: new Map(),
  names: {},
  path: "/export/calls.csv",
  administrator: { source: "basic", subject: "basic:ann", domain: "*", groups: [], session: null },
  scope: null,
  rules: {
    prefix: "/r",
    defaultSinceMs: 1000,
    maxRangeMs: 86_400_000,
    securityKeptMs: null,
    maxRows: 10,
    servesMarkdown: true,
    servesSecurity: true,
  },
  nowMs: 1_800_000_000_000,
  requestId: "req_0",
  signal: new AbortController().signal,
}

const TOOLS = {
  reports: null,
  cursors: () => new Cursors("key"),
  known: () => ({ limits: null, catalog: null }),
  baselines: () => [],
} as unknown as ReportTools

async function file(failsAt: number): Promise<{ text: string; error: unknown }> {
  const [operation] = csvOperations([calls(failsAt)])
  const answer = await operation?.handle(QUESTION, TOOLS)
  if (answer?.is !== "file") throw new Error("there is no file")
  let text = ""
  let drains = 0
  const writer: Writer = {
    write: (bytes) => void (text += Buffer.from(bytes).toString()),
    isFull: () => true,
    drained: () => Promise.resolve(void (drains += 1)),
  }
  const { body } = fileOf(answer, "text/csv")
  if (typeof body === "string" || body instanceof Uint8Array) throw new Error("the file is no stream")
  const error: unknown = await body.pump(writer).then(
    () => null,
    (reason: unknown) => reason,
  )
  // each part waits until the client has taken the one before
  expect(drains).toBeGreaterThan(0)
  return { text, error }
}

test("a list without an end is cut at the cap, and its last line says so", async () => {
  const { text, error } = await file(-1)
  const lines = text.trimEnd().split("\r\n")
  expect(error).toBeNull()
  expect(lines).toHaveLength(MOST_EXPORTED + 2)
  expect(lines[0]).toBe("id,cost_usd")
  expect(lines[1]).toBe("0-0,-0.000000001")
  expect(lines.at(-1)).toBe(`# cut after ${MOST_EXPORTED} rows: ask for a shorter range,`)
  expect(new Set(lines).size).toBe(lines.length)
})

test("a file that cannot be finished ends with the connection", async () => {
  const { text, error } = await file(3)
  expect(error).toBeInstanceOf(ReportUnavailable)
  expect(text).not.toContain("#")
})

test("others have turns while tables are written as Markdown", async () => {
  const tables = ["one", "two"].map((id) => ({ ...TABLE, id, rows: Array.from({ length: 1000 }, () => ["a|b", 5n]) }))
  const section: SectionDefinition = {
    id: "usage",
    title: "Usage",
    about: "All of it.",
    takesBy: false,
    build: () =>
      Promise.resolve({ tables: tables.map((table) => ({ ...table, notes: ["So."] })), charts: [], notes: [] }),
  }
  const answer = await markdownOperation([section]).handle(QUESTION, TOOLS)
  if (answer.is !== "file") throw new Error("there is no file")
  let turns = 0
  let isOver = false
  const turn = (): void => {
    turns += 1
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  let text = ""
  for await (const part of answer.parts) text += part
  isOver = true
  expect(turns).toBeGreaterThan(6)
  expect(text.split("| a\\|b | 0.000000005 |\n")).toHaveLength(2001)
  expect(text).toContain("## Usage\n\nAll of it.\n\n### Calls\n\n| Id | Cost \\(USD\\) |\n| --- | ---: |\n| a")
  expect(text).toContain("|\n\nSo.\n\n### Calls\n\n|")
})

test("what is wrong from the beginning is an error, and no file", async () => {
  expect(await file(0).catch((error: unknown) => error)).toBeInstanceOf(ReportUnavailable)
})

test.each([
  ["=1+1", "'=1+1"],
  ["+1", "'+1"],
  ["-1", "'-1"],
  ["@sum", "'@sum"],
  ["\tx", "'\tx"],
  ["  =1", "'  =1"],
  ["\u00a0=1", "'\u00a0=1"],
  ["a\n=1", '"a\n\'=1"'],
  ["a\r\n@x", '"a\r\n\'@x"'],
  ["\uff1d1", "'\uff1d1"],
  ['a"b', '"a""b"'],
  ["a,b", '"a,b"'],
  ["a-b=c", "a-b=c"],
])("the text %j is the cell %j", (text, cell) => {
  expect(csvLine([{ text, isText: true }])).toBe(`${cell}\r\n`)
})

test("numbers stay numbers", () => {
  expect(csvLine([{ text: "-12.5", isText: false }])).toBe("-12.5\r\n")
})

test("no text is markup in Markdown", () => {
  expect(markdownText("a|b\n<img src=x>`*_[x](y)")).toBe(String.raw`a\|b &lt;img src=x&gt;\`\*\_\[x\]\(y\)`)
})

test("what reports reject with has a code of the catalogue", () => {
  const told = (error: unknown): unknown => {
    const { code, status, retryAfterS, detail } = asRouterError(asReportError(error))
    return [code, status, retryAfterS, detail.param ?? detail.details?.["reason"]]
  }
  expect(told(new ReportRefused("by[0]", "There is no such dimension."))).toEqual([
    "invalid-report-filter",
    400,
    null,
    "by[0]",
  ])
  const reasons: readonly UnavailableReason[] = ["locked", "lost", "deadline", "aborted", "busy"]
  for (const reason of reasons)
    expect(told(new ReportUnavailable(reason, "Not now."))).toEqual(["report-query-failed", 503, 5, reason])
  expect(told(new ReportUnavailable("old-schema", "Too old."))).toEqual([
    "report-query-failed",
    500,
    null,
    "old-schema",
  ])
  expect(told(new Error("broken"))).toEqual(["internal-error", 500, null, undefined])
})
