import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { expectLinear } from "../../test/helpers/linear.ts"
import { expectProperty } from "../../test/helpers/property.ts"
import { readAsked, slotFor, type AskedTexts } from "./asked.ts"
import { type Filter, ReportRefused } from "./query.ts"
import { TimeText } from "./time-text.ts"
import { dimensionsIn, filtersIn } from "./where.ts"

const NOW = Date.UTC(2026, 10, 30, 12)
const DAY_MS = 86_400_000

function asked(texts: AskedTexts): ReturnType<typeof readAsked> {
  return readAsked(texts, { nowMs: NOW, sinceMs: 7 * DAY_MS, zone: "UTC", top: 25, scope: null, baselines: [] })
}

/** The path that a refusal names. */
function refusedAt(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof ReportRefused) return error.path
    throw error
  }
  return "nothing was refused"
}

describe("ranges", () => {
  test("end now and begin a week before, where nothing is said", () => {
    expect(asked({})).toMatchObject({
      from: NOW + 1 - 7 * DAY_MS,
      to: NOW + 1,
      zone: "UTC",
      slot: "day",
      by: [],
      where: [],
    })
  })

  test("are days of the zone, whatever its offset and its clock", () => {
    const november = (tz: string) => asked({ from: "2026-11-01", to: "2026-12-01", tz })
    expect(november("UTC")).toMatchObject({ from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 11, 1) })
    expect(november("Asia/Kolkata").from).toBe(Date.UTC(2026, 9, 31, 18, 30))
    expect(november("Asia/Kathmandu").from).toBe(Date.UTC(2026, 9, 31, 18, 15))
    expect(november("America/St_Johns").from).toBe(Date.UTC(2026, 10, 1, 2, 30))
    const spring = asked({ from: "2026-03-29", to: "2026-03-30", tz: "Europe/Berlin" })
    expect(spring.to - spring.from).toBe(23 * 3_600_000)
    // the day that Samoa left out
    expect(asked({ from: "2011-12-30", to: "2012-01-02", tz: "Pacific/Apia" }).from).toBe(Date.UTC(2011, 11, 30, 10))
  })

  test("take instants with their offset", () => {
    expect(asked({ from: "2026-11-30T02:00:00+05:30", to: "2026-11-30T10:00Z" })).toMatchObject({
      from: Date.UTC(2026, 10, 29, 20, 30),
      to: Date.UTC(2026, 10, 30, 10),
    })
  })

  test("of a hundred years begin in 1970 and are cut into months", () => {
    expect(asked({ since: "36500d" })).toMatchObject({ from: 0, slot: "month" })
  })

  test("that make no sense are refused, and where is said", () => {
    const cases: readonly (readonly [AskedTexts, string])[] = [
      [{ since: "7 days" }, "since"],
      [{ since: "0d" }, "since"],
      [{ since: "999999999w" }, "since"],
      [{ since: "7d", from: "2026-11-01" }, "since"],
      [{ from: "2026-02-30" }, "from"],
      [{ from: "yesterday" }, "from"],
      [{ from: "2026-11-01T10:00:00" }, "from"],
      [{ from: "1969-12-31" }, "from"],
      [{ from: "2026-11-02", to: "2026-11-01" }, "to"],
      [{ from: "2026-12-24" }, "to"],
      [{ tz: "+05:30" }, "tz"],
      [{ tz: "Mars/Base" }, "tz"],
      [{ by: "colour" }, "by"],
      [{ by: "day,hour" }, "by[1]"],
      [{ by: "project,project" }, "by"],
      [{ by: "project,user,caller,token" }, "by"],
      [{ top: "0" }, "top"],
      [{ top: "1e3" }, "top"],
      [{ sort: "name" }, "sort"],
      [{ near: "101" }, "near"],
    ]
    for (const [texts, path] of cases) expect([texts, refusedAt(() => asked(texts))]).toEqual([texts, path])
  })

  test("are cut into 3 to 110 slots", () => {
    const lengths = { "15m": 900_000, hour: 3_600_000, day: DAY_MS, week: 7 * DAY_MS, month: 30 * DAY_MS } as const
    for (let range = 3_600_000 * 3; range < 9 * 365 * DAY_MS; range *= 1.1)
      expect(range / lengths[slotFor(range)]).toBeWithin(3, 112)
  })
})

describe("conditions", () => {
  test("of one name are alternatives, others hold together", () => {
    expect(
      filtersIn(["group=fast,group=slow,provider!=alpha", "model^=vendor-,latency_ms>=2000,cost_usd<=0.5"]),
    ).toEqual([
      { dimension: "group", is: ["fast", "slow"] },
      { dimension: "provider", not: ["alpha"] },
      { dimension: "model", prefix: "vendor-" },
      { measure: "latency_ms", min: 2000 },
      { measure: "total_cost_nano_usd", max: 500_000_000 },
    ])
  })

  test("are called by the names that reports show", () => {
    expect(filtersIn(["dialect=anthropic"])).toEqual([{ dimension: "target_dialect", is: ["anthropic"] }])
    expect(filtersIn(["error="])).toEqual([{ dimension: "error", is: [""] }])
  })

  test("hold any text in quotes", () => {
    expectProperty(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const value = JSON.stringify(text)
        expect(filtersIn([`client=${value},stream=true`])[0]).toEqual({
          dimension: "client",
          is: [JSON.parse(value)],
        } as Filter)
      }),
      500,
    )
  })

  test("that are none are refused, whatever they are", () => {
    const cases = [
      "",
      "group",
      "group=a,,b",
      "colour=red",
      "day=2026-11-01",
      "group>=fast",
      "latency_ms=fast",
      "cost_usd>=-1",
      "cost_usd^=1",
      'group="unended',
      "1=1; DROP TABLE request_usage",
      "group=a OR 1=1,x",
      "__proto__=x",
      "constructor=x",
      "cost_usd>=0.0000000001",
    ]
    for (const text of cases) expect([text, refusedAt(() => filtersIn([text]))]).toEqual([text, "where"])
    expect(refusedAt(() => filtersIn(["group=fast", "colour=red"]))).toBe("where[1]")
  })

  test("are read or refused, never anything else", () => {
    const word = fc.constantFrom("group", "cost_usd", "=", "!=", ">=", ",", '"', "\\", " ", "a", "\n", "é", "0.5")
    expectProperty(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join("")),
        ),
        (text) => {
          expect(["where", "nothing was refused"]).toContain(refusedAt(() => filtersIn([text])))
          expect(["by", "nothing was refused"]).toContain(refusedAt(() => dimensionsIn(text)))
        },
      ),
      1000,
    )
  })
})

test("an instant is written with the offset that its zone has then", () => {
  const berlin = new TimeText("Europe/Berlin")
  expect(berlin.iso(Date.UTC(2026, 10, 30, 12, 5, 9))).toBe("2026-11-30T13:05:09+01:00")
  expect(berlin.iso(Date.UTC(2026, 5, 30, 22, 30))).toBe("2026-07-01T00:30:00+02:00")
  expect(new TimeText("UTC").iso(0)).toBe("1970-01-01T00:00:00+00:00")
  expect(berlin.slot(Date.UTC(2026, 10, 30, 23), "month")).toBe("2026-12")
})

test("many values of one name take work in proportion", () => {
  expectLinear(
    (count) => {
      const where = Array.from({ length: count }, (_, index) => `caller=c${index}`)
      return () => filtersIn(where)
    },
    8000,
    Infinity,
  )
})
