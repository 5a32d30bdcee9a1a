/** Tight budgets under a storm of calls that finish, fail, hang and leave: never beyond a limit, and nothing stays reserved. */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { eventually, get, readAnswer } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { type Behaviour, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { moody } from "../../helpers/moods.ts"
import { databasePath } from "../../helpers/records.ts"
import { WHOLE } from "../../helpers/sample.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

/** A whole run has more. */
const WAVES = WHOLE ? 4 : 1
const CALLS = 100
const DAY_TOKENS = 5000
const PROJECT_TOKENS = 7000
const CONCURRENT = 25

interface Line {
  readonly scope: string
  readonly limit: string
  readonly limit_value: number
  readonly used: number
  readonly reserved: number
}

let upstream: FakeUpstream
let gateway: Gateway
let inFlight = 0
let mostInFlight = 0
const tokens = ["a", "b"].map((name) => newToken(name))

/** Counts what is in work. */
const counted: Behaviour = async (exchange) => {
  inFlight += 1
  mostInFlight = Math.max(mostInFlight, inFlight)
  try {
    await Bun.sleep(1 + (inFlight % 7))
    await moody(exchange)
  } finally {
    inFlight -= 1
  }
}

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(counted)
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.models["default"]!["attempt_timeout_ms"] = 5000
      config.projects[0]!["quota"] = { day: { tokens: PROJECT_TOKENS } }
      for (const [index, token] of tokens.entries()) {
        const limits = {
          rate: { concurrent: CONCURRENT, rpm: 100_000 },
          quota: { day: { tokens: DAY_TOKENS }, month: { requests: 100_000 } },
          spend: { day_usd: 0.05 },
        }
        config.callers.push(callerEntry(`storm-${index}`, token, ["default"], limits))
      }
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const CAPS: Readonly<Record<Dialect, Readonly<Record<string, unknown>>>> = {
  chat: { max_tokens: 64 },
  responses: { max_output_tokens: 64 },
  messages: {},
}
const MOODS = ["fine", "fine", "fine", "mood-fail", "mood-reset", "mood-stall", "mood-break", "mood-leave"]

async function one(index: number): Promise<number> {
  const dialect = DIALECTS[index % 3]!
  const mood = MOODS[index % MOODS.length]!
  const body = SAMPLES[dialect].request({ text: mood, stream: index % 2 === 0, extra: CAPS[dialect] })
  const leaving = new AbortController()
  if (mood === "mood-leave") setTimeout(() => leaving.abort(), index % 11)
  try {
    const options = { token: tokens[index % tokens.length]!, signal: leaving.signal }
    return (await readAnswer(await gateway.open(dialect, body, options))).status
  } catch {
    return 499
  }
}

async function limitsOf(token: string): Promise<readonly Line[]> {
  const { text } = await get(gateway, "/v1/usage", { token })
  return at(JSON.parse(text), "limits") as readonly Line[]
}

test("a storm of calls stays within every limit and leaves nothing reserved", async () => {
  const watching = setInterval(() => {
    for (const token of tokens) void limitsOf(token).then(expectWithin)
  }, 5)
  const statuses: number[] = []
  try {
    for (let wave = 0; wave < WAVES; wave += 1)
      statuses.push(...(await Promise.all(Array.from({ length: CALLS }, (_, index) => one(wave + index)))))
  } finally {
    clearInterval(watching)
  }
  expect(new Set(statuses)).toContain(200)
  expect(new Set(statuses)).toContain(429)
  expect(mostInFlight).toBeLessThanOrEqual(tokens.length * CONCURRENT)
  for (const [index, token] of tokens.entries()) {
    const lines = await eventually("nothing in flight", async () => {
      const known = await limitsOf(token)
      return known.every(({ reserved }) => reserved === 0) ? known : undefined
    })
    expectWithin(lines)
    const rows = sums(`caller_id = 'storm-${index}'`)
    const used = (limit: string): number | undefined =>
      lines.find((line) => line.scope === "caller" && line.limit === limit)?.used
    expect(used("quota.day.tokens")).toBe(rows.tokens)
    expect(used("quota.month.requests")).toBe(rows.requests)
    expect(Math.round((used("spend.day_usd") ?? 0) * 1e9)).toBe(rows.nano)
    expect(lines.find(({ scope }) => scope === "project")?.used).toBe(sums("1 = 1").tokens)
  }
})

function expectWithin(lines: readonly Line[]): void {
  for (const { limit, limit_value, used, reserved } of lines)
    expect([limit, used + reserved <= limit_value * (1 + 1e-12)]).toEqual([limit, true])
}

function sums(where: string): { readonly tokens: number; readonly requests: number; readonly nano: number } {
  using database = new Database(databasePath(gateway.directory), { readonly: true })
  const sql = `SELECT total(total_tokens) AS tokens, total(attempts > 0) AS requests,
    total(total_cost_nano_usd) AS nano FROM request_usage WHERE ${where}`
  return database.query<{ tokens: number; requests: number; nano: number }, []>(sql).get()!
}
