/** Answers in the background: how they begin, and what the database says of them later. */
import { Database } from "bun:sqlite"
import { expect } from "bun:test"
import { reply } from "./behaviours.ts"
import { eventually, get, type Door } from "./client.ts"
import type { Setup } from "./config.ts"
import type { FakeUpstream } from "./fake-upstream.ts"
import type { Gateway } from "./gateway.ts"
import { databasePath } from "./records.ts"
import { SAMPLES } from "./samples.ts"
import { at } from "./streams.ts"

const SAMPLE = SAMPLES.responses
/** Tokens of an answer, and what it costs in nano-USD. */
export const ALL: number = SAMPLE.usage.input + SAMPLE.usage.output
const PRICE = 2_000_000_000
export const COST: number = (ALL * PRICE) / 1e6

export const backgroundSetup = (upstream: FakeUpstream): Setup => ({
  upstreams: { upstream },
  configure: (config) => {
    const prices = { input_price_per_million_usd: 2, output_price_per_million_usd: 2 }
    for (const provider of Object.values(config.providers))
      provider["models"] = { m1: { model: "m", max_output_tokens: 1000, ...prices } }
    config.callers[0]!["quota"] = { day: { tokens: 1_000_000, requests: 1000 } }
    config.projects[0]!["quota"] = { month: { tokens: 1_000_000 } }
    config.projects[0]!["spend"] = { month_usd: 1000 }
  },
})

export function bodyOf(id: string, members: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...(JSON.parse(SAMPLE.unary()) as object), id, ...members })
}

export const QUEUED = { status: "queued", output: [], usage: null } as const

/** A call that leaves an answer in the background. @returns its request id */
export async function begin(upstream: FakeUpstream, door: Gateway, id: string): Promise<string> {
  upstream.plan(`<${id}>`, reply(bodyOf(id, QUEUED)))
  const body = SAMPLE.request({ text: `<${id}>`, extra: { background: true, max_output_tokens: 500 } })
  const answer = await door.call("responses", body)
  expect(answer.status).toBe(200)
  return answer.requestId
}

export interface Booked {
  readonly request_id: string
  readonly usage_source: string
  readonly total_tokens: number | null
  readonly total_cost_nano_usd: number | null
  readonly attempts: number
}

function rowsOf(door: Gateway, sql: string): readonly unknown[] {
  using database = new Database(databasePath(door.directory))
  database.run("PRAGMA busy_timeout=5000")
  return database.query<unknown, []>(sql).all()
}

export function bookingsOf(door: Gateway, requestId: string): readonly Booked[] {
  return rowsOf(door, `SELECT * FROM request_usage WHERE books_request_id = '${requestId}'`) as readonly Booked[]
}

/** `meanwhile` happens as long as it is not there. */
export function booking(door: Gateway, requestId: string, meanwhile?: () => Promise<void>): Promise<Booked> {
  return eventually("the row that books it", async () => {
    const [found] = bookingsOf(door, requestId)
    if (found === undefined) await meanwhile?.()
    return found
  })
}

/** Answers that no row books yet. */
export const waiting = (door: Gateway): number => rowsOf(door, "SELECT * FROM background_responses").length

export async function usedOf(door: Door): Promise<Readonly<Record<string, number>>> {
  const lines = at(JSON.parse((await get(door, "/v1/usage")).text), "limits") as {
    scope: string
    limit: string
    used: number
  }[]
  return Object.fromEntries(lines.map(({ scope, limit, used }) => [`${scope} ${limit}`, used]))
}

export const TOKENS = "caller quota.day.tokens"
export const REQUESTS = "caller quota.day.requests"
export const MONTH = "project quota.month.tokens"
export const MONEY = "project spend.month_usd"
/** What is used once one answer is booked. */
export const REAL: Readonly<Record<string, number>> = {
  [TOKENS]: ALL,
  [REQUESTS]: 1,
  [MONTH]: ALL,
  [MONEY]: COST / 1e9,
}
