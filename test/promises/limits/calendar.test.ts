/** UTC days and months end while calls are in flight, clocks are set, routers restart: rows, sums and limits agree on the day. */
import { Database } from "bun:sqlite"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { stream } from "../../helpers/behaviours.ts"
import { get, readAnswer } from "../../helpers/client.ts"
import type { Setup } from "../../helpers/config.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { untilGauge } from "../../helpers/gauge.ts"
import { databasePath } from "../../helpers/records.ts"
import { SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { sampled } from "../../helpers/sample.ts"

const HOUR_MS = 3_600_000
/** What a sample call uses. */
const TOKENS = 18
const NANO_USD = 11 * 3000 + 7 * 15_000

const watcher = newToken("watcher")
let upstream: FakeUpstream
let gateway: Gateway
let clock: HeldClock

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
})

beforeEach(() => {
  clock = new HeldClock(Date.UTC(2027, 2, 10, 12))
})

afterEach(() => gateway[Symbol.asyncDispose]())
afterAll(() => upstream.stop())

async function start(limits: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const setup: Setup = {
    upstreams: { upstream },
    configure: (config) => {
      config.callers[0] = {
        ...config.callers[0],
        quota: { day: { tokens: 1000, requests: 100 }, month: { tokens: 10_000 } },
        spend: { day_usd: 1, month_usd: 10 },
        key: { lifetime_tokens: 100_000 },
        ...limits,
      }
      config.projects[0]!["quota"] = { day: { tokens: 5000 } }
      config.callers.push(callerEntry("watcher", watcher, [], { metrics_admin: true }))
    },
  }
  gateway = await startGateway(setup, { clock })
}

async function restart(): Promise<void> {
  await gateway.stop()
  gateway = await startGateway(gateway.prepared, { clock })
}

const call = (text = "hello", dialect: Dialect = "chat") =>
  gateway.call(dialect, SAMPLES[dialect].request({ text, extra: { [CAPS[dialect]]: 20 } }))
const CAPS = { chat: "max_tokens", responses: "max_output_tokens", messages: "max_tokens" } as const

interface Line {
  readonly scope: string
  readonly limit: string
  readonly used: number
  readonly reserved: number
  readonly resets_at: string | null
}

async function usage(): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse((await get(gateway, "/v1/usage")).text) as Record<string, unknown>
}

/** What is used of each limit, `day` and `month` by the clock as it stands. */
async function used(): Promise<Readonly<Record<string, number>>> {
  const lines = (await usage())["limits"] as readonly Line[]
  return Object.fromEntries(lines.map((line) => [`${line.scope} ${line.limit}`, line.used]))
}

/** The hourly sums of the day that `ts` lies in. */
function rollup(ts: number): { readonly tokens: number; readonly nano: number } {
  using database = new Database(databasePath(gateway.directory), { readonly: true })
  const day = Math.floor(ts / HOUR_MS / 24) * 24
  const sql = `SELECT total(total_tokens) AS tokens, total(cost_nano_usd) AS nano FROM usage_rollup_hourly
    WHERE hour >= ? AND hour < ?`
  return database.query<{ tokens: number; nano: number }, [number, number]>(sql).get(day, day + 24)!
}

/** A stream in flight, which `finish` ends. */
async function inFlight(marker: string): Promise<{ finish(): Promise<string> }> {
  const gate = Promise.withResolvers<void>()
  const frames = SAMPLES.chat.frames()
  upstream.plan(marker, stream([...frames.slice(0, 2), { until: gate.promise }, ...frames.slice(2)]))
  const answer = readAnswer(
    await gateway.open("chat", SAMPLES.chat.request({ text: marker, stream: true, extra: { max_tokens: 20 } })),
  )
  return {
    finish: async () => {
      gate.resolve()
      return (await answer).requestId
    },
  }
}

const BORDERS: readonly (readonly [string, number, boolean])[] = [
  ["midnight", Date.UTC(2027, 2, 11), false],
  ["the end of a month", Date.UTC(2027, 4, 1), true],
  ["the end of a year", Date.UTC(2028, 0, 1), true],
  ["into a leap day", Date.UTC(2028, 1, 29), false],
  ["out of a leap day", Date.UTC(2028, 2, 1), true],
  ["the end of February without one", Date.UTC(2027, 2, 1), true],
]

describe("a call belongs to the day and month in which it came", () => {
  for (const [name, border, isMonth] of sampled(BORDERS, 3)) {
    test(name, async () => {
      clock.setNow(border - 100)
      await start()
      await call()
      const flying = await inFlight(`over-${border}`)
      const before = (await usage())["limits"] as readonly Line[]
      expect(before.find(({ limit }) => limit === "quota.day.tokens")).toMatchObject({
        used: TOKENS,
        resets_at: new Date(border).toISOString(),
      })
      clock.setNow(border + 50)
      const empty = { used: 0, reserved: 0 }
      const after = (await usage())["limits"] as readonly Line[]
      for (const line of after)
        if (line.limit.includes("day") || (isMonth && line.limit.includes("month"))) expect(line).toMatchObject(empty)
      const id = await flying.finish()
      await call()
      const [row] = gateway.records.usage(id)
      expect(row).toMatchObject({ ts: border - 100, total_tokens: TOKENS, total_cost_nano_usd: NANO_USD })
      const today = {
        "caller quota.day.tokens": TOKENS,
        "caller quota.day.requests": 1,
        "project quota.day.tokens": TOKENS,
      }
      expect(await used()).toMatchObject({
        ...today,
        "caller quota.month.tokens": isMonth ? TOKENS : 3 * TOKENS,
        "caller spend.day_usd": NANO_USD / 1e9,
        "caller key.lifetime_tokens": 3 * TOKENS,
      })
      expect(rollup(border - 1)).toEqual({ tokens: 2 * TOKENS, nano: 2 * NANO_USD })
      expect(rollup(border)).toEqual({ tokens: TOKENS, nano: NANO_USD })
      const told = await usage()
      expect(told["today"]).toMatchObject({ requests: 1, total_tokens: TOKENS })
      expect(told["month"]).toMatchObject({ requests: isMonth ? 1 : 3 })
      const days = (told["data"] as { day: string; total_tokens: number }[]).map(({ day, total_tokens }) => [
        day,
        total_tokens,
      ])
      const dateOf = (ts: number): string => new Date(ts).toISOString().slice(0, 10)
      expect(days).toEqual([
        [dateOf(border - 1), 2 * TOKENS],
        [dateOf(border), TOKENS],
      ])
      // the same from the ledger
      await restart()
      expect(await used()).toMatchObject(today)
      clock.setNow(border - 1)
      expect(await used()).toMatchObject({ "caller quota.day.tokens": 2 * TOKENS, "caller quota.day.requests": 2 })
    })
  }
})

describe("a refusal", () => {
  for (const dialect of ["chat", "responses", "messages"] as const) {
    test(`${dialect}: says when the day ends, a tenth of a second before it does`, async () => {
      clock.setNow(Date.UTC(2027, 2, 11) - 100)
      await start({ quota: { day: { requests: 1 } } })
      expect((await call("hello", dialect)).status).toBe(200)
      const answer = await call("hello", dialect)
      expectError(answer, dialect, 429, "quota-exhausted")
      expect(at(parsed(answer), "error", "details", "resets_at")).toBe("2027-03-11T00:00:00.000Z")
      expect(answer.headers.get("retry-after")).toBe(dialect === "responses" ? null : "1")
      await clock.advance(100)
      expect((await call("hello", dialect)).status).toBe(200)
    })
  }

  test("a call that came before midnight and is refused behind it may come again at once", async () => {
    clock.setNow(Date.UTC(2027, 2, 11) - 1)
    await start({
      quota: { day: { requests: 1 } },
      traffic_shape: {
        enabled: true,
        request_start_per_sec: 10,
        request_burst: 1,
        queue: { enabled: true, max_wait_ms: 5000, max_depth: 5 },
      },
    })
    expect((await call()).status).toBe(200)
    const waiting = call()
    await untilGauge("queued", 1, gateway, watcher)
    await clock.advance(100)
    const answer = await waiting
    expectError(answer, "chat", 429, "quota-exhausted")
    expect(answer.headers.get("retry-after")).toBe("1")
  })
})

describe("a clock that is set", () => {
  test("back and forth by hours, over midnight: nothing is forgotten", async () => {
    const border = Date.UTC(2027, 2, 11)
    clock.setNow(border - HOUR_MS)
    await start()
    for (const hours of [0, 2, 0, 2, -3, 26, 0]) {
      clock.setNow(border - HOUR_MS + hours * HOUR_MS)
      expect((await call()).status).toBe(200)
    }
    clock.setNow(border - HOUR_MS)
    expect(await used()).toMatchObject({
      "caller quota.day.tokens": 4 * TOKENS,
      "caller quota.month.tokens": 7 * TOKENS,
    })
    clock.setNow(border)
    expect(await used()).toMatchObject({ "caller quota.day.tokens": 2 * TOKENS })
    clock.setNow(border + 25 * HOUR_MS)
    expect(await used()).toMatchObject({ "caller quota.day.tokens": TOKENS })
  })

  for (const [name, first, second] of [
    ["back over midnight", Date.UTC(2027, 2, 10, 23), Date.UTC(2027, 2, 11, 0, 30)],
    ["back over the end of a month", Date.UTC(2027, 3, 30, 23), Date.UTC(2027, 4, 1, 0, 30)],
  ] as const) {
    test(`${name}, behind a restart: the day before is not new`, async () => {
      clock.setNow(first)
      await start({ quota: { day: { requests: 2 }, month: { tokens: 1000 } } })
      await call()
      await call()
      clock.setNow(second)
      await restart()
      clock.setNow(first)
      expect(await used()).toMatchObject({ "caller quota.day.requests": 2, "caller quota.month.tokens": 2 * TOKENS })
      expectError(await call(), "chat", 429, "quota-exhausted")
      clock.setNow(second)
      expect((await call()).status).toBe(200)
    })

    test(`${name}, then a restart: the day that has begun already is not new`, async () => {
      clock.setNow(second)
      await start({ quota: { day: { requests: 2 }, month: { tokens: 1000 } } })
      await call()
      await call()
      clock.setNow(first)
      await restart()
      expect(await used()).toMatchObject({ "caller quota.day.requests": 0 })
      clock.setNow(second)
      expect(await used()).toMatchObject({ "caller quota.day.requests": 2, "caller quota.month.tokens": 2 * TOKENS })
      expectError(await call(), "chat", 429, "quota-exhausted")
    })
  }
})
