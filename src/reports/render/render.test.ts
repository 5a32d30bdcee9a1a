/** Names from outside stay names in every format, and amounts stay amounts. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { HOSTILE } from "../../../test/helpers/reported-calls.ts"
import { expectProperty } from "../../../test/helpers/property.ts"
import { columnOf } from "../figure-makers.ts"
import type { Section, Table } from "../section.ts"
import { jsonCell, usdText } from "../section-json.ts"
import { csvTable, harmless } from "./csv.ts"
import { fixedDigits, shownTable } from "./display.ts"
import { markdownReport } from "./markdown.ts"

const COLUMNS = [
  { ...columnOf("project", "text", "Project", "."), dimension: "project" as const },
  columnOf("calls", "count", "Calls", "."),
  columnOf("savings_usd", "money", "Savings", "."),
  columnOf("ts", "time", "Time", "."),
]

function tableOf(names: readonly (string | null)[], restOf = 0): Table {
  const rows = names.map((name, index) => [name, BigInt(index), -1_500_000_000n, 0] as const)
  return {
    id: "t",
    title: "T",
    columns: COLUMNS,
    rows,
    restOf,
    totals: [null, 3n, -3_000_000_000n, null],
    empty: "none",
    notes: [],
  }
}

/** RFC 4180 read by the book. */
function csvRecords(text: string): string[][] {
  const records: string[][] = []
  let record: string[] = []
  const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/y
  while (field.lastIndex < text.length) {
    const match = field.exec(text)
    if (match === null) throw new Error(`no field at ${field.lastIndex}`)
    const [, value = "", end] = match
    record.push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value)
    if (end === ",") continue
    records.push(record)
    record = []
  }
  return records
}

describe("CSV", () => {
  test("is read back by RFC 4180, with as many fields in each record", () => {
    expectProperty(
      fc.property(fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...HOSTILE))), (names) => {
        const [header, ...records] = csvRecords(csvTable(tableOf(names), "Asia/Kolkata"))
        expect(header).toEqual(["project", "calls", "savings_usd", "ts", "time_zone"])
        expect(records).toEqual(
          names.map((name, index) => [
            harmless(name),
            String(index),
            "-1.5",
            "1970-01-01T05:30:00+05:30",
            "Asia/Kolkata",
          ]),
        )
      }),
      300,
    )
  })

  test("lets no text begin a formula, at its start or behind a line break, and leaves numbers alone", () => {
    for (const text of ["=1", "+1", "-1", "@x", "\t=1", " \u00a0=1", "a\n=1", "a\r\n  @x", "\uff1d1", "\r=1"])
      expect([text, /(^|[\r\n])[\s\u00a0]*[=+\-@\uff1d]/.test(harmless(text))]).toEqual([text, false])
    for (const text of ["a=1", "", "x-1", "a\nb"]) expect(harmless(text)).toBe(text)
    expect(csvTable(tableOf(["-lab"]), "UTC")).toContain("'-lab,0,-1.5,")
  })
})

describe("Markdown", () => {
  test("keeps every name in its cell, and none becomes HTML", () => {
    const section: Section = {
      id: "usage",
      title: "Usage",
      about: "All.",
      tables: [tableOf(HOSTILE)],
      charts: [],
      notes: [],
      next: null,
    }
    const text = markdownReport([section], { from: 0, to: 1000, zone: "UTC" })
    const lines = text.split("\n").filter((line) => line.startsWith("|"))
    expect(lines.length).toBe(HOSTILE.length + 3)
    for (const line of lines) expect(line.replaceAll(/\\./g, "").split("|").length).toBe(COLUMNS.length + 2)
    expect(text).not.toContain("<img")
    expect(Bun.markdown.html(text)).not.toContain("<img")
    expect(Bun.markdown.html(text)).not.toContain("href")
  })
})

describe("amounts", () => {
  test("are rounded once, half away from zero", () => {
    expect([
      fixedDigits(1_005_000_000n, 2),
      fixedDigits(1_004_999_999n, 2),
      fixedDigits(-1_005_000_000n, 2),
      fixedDigits(-4_999_999n, 2),
    ]).toEqual(["1.01", "1.00", "-1.01", "0.00"])
    expect(fixedDigits(12_345_678_901_234_567_890n, 4)).toBe("12,345,678,901.2346")
  })

  test("are exact in JSON and CSV, whatever their size", () => {
    expectProperty(
      fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), (amount) => {
        const [whole = "", fraction = ""] = usdText(amount).replace("-", "").split(".")
        const size = BigInt(whole + fraction.padEnd(9, "0"))
        expect(usdText(amount).startsWith("-") ? -size : size).toBe(amount)
      }),
    )
    expect([jsonCell(null, "money"), jsonCell(5n, "count"), jsonCell(0, "time")]).toEqual([
      null,
      5,
      "1970-01-01T00:00:00.000Z",
    ])
  })

  test("are shown beside what is left out and what is missing", () => {
    const { rows, totals } = shownTable(tableOf(["", "x".repeat(300), null], 7), "UTC")
    expect(rows.map(([name = ""]) => (name.length > 20 ? name.length : name))).toEqual(["(none)", 256, "Other (7)"])
    expect(totals).toEqual(["Total", "3", "-3.0000", "–"])
  })
})
