/**
 * Everything at once: calls that finish, fail, hang, break, grow, wait and leave, while far ends die, limits are raised by
 * reloads, and the router is stopped or killed and comes back. Whenever somebody looks, what is used and what is reserved is
 * together within every limit; in the end nothing is reserved, and what is used is what the rows say.
 *
 * `STORM_SEED` and `STORM_SECONDS` make another or a longer one.
 */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { eventually, get, readAnswer } from "../../helpers/client.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { MOODS, moody, type Mood } from "../../helpers/moods.ts"
import { databasePath } from "../../helpers/records.ts"
import type { RouterProcess } from "../../helpers/router-process.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at, SUCCESS_TERMINAL, terminalsOf } from "../../helpers/streams.ts"

const SEED = Number(process.env["STORM_SEED"] ?? 1)
const SECONDS = Number(process.env["STORM_SECONDS"] ?? 6)
const WORKERS = 12
const ROOM = { tokens: 800, requests: 30, nanoUsd: 8_000_000 }

type Block = Record<string, unknown>

interface Line {
  readonly scope: string
  readonly limit: string
  readonly limit_value: number
  readonly used: number
  readonly reserved: number
}

interface Sums {
  readonly tokens: number
  readonly requests: number
  readonly nano: number
}

const CALLERS = ["day", "month", "shaped", "drained"] as const
const tokens = new Map(CALLERS.map((name) => [name, newToken(name)]))

let first: FakeUpstream
let second: FakeUpstream
let router: Promise<RouterProcess>
let seed = SEED
const counts: Record<string, number> = {}
const seen = new Set<string>()

/** Mulberry32: the same storm from the same seed, but for what the machine does. */
function random(below: number): number {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
}

function count(what: string): void {
  counts[what] = (counts[what] ?? 0) + 1
}

/** Somewhat more than was used. */
function limitsFor(name: (typeof CALLERS)[number], used: Sums): Block {
  const room = (kind: keyof typeof ROOM, taken: number): number => taken + ROOM[kind]
  const usd = room("nanoUsd", used.nano) / 1e9
  const perDay = { tokens: room("tokens", used.tokens), requests: room("requests", used.requests) }
  const queue = { enabled: true, max_wait_ms: 150, max_depth: 4 }
  return {
    day: { rate: { concurrent: 5, rpm: 100_000 }, quota: { day: perDay }, spend: { day_usd: usd } },
    month: { quota: { month: perDay }, spend: { month_usd: usd }, key: { lifetime_tokens: perDay.tokens } },
    shaped: {
      rate: { tpm: 1_000_000 },
      quota: { day: perDay },
      traffic_shape: { enabled: true, request_start_per_sec: 40, request_burst: 2, queue },
    },
    drained: { rate: { concurrent: 4 }, quota: { day: perDay }, spend: { day_usd: usd } },
  }[name]
}

const NONE: Sums = { tokens: 0, requests: 0, nano: 0 }

beforeAll(async () => {
  first = (await FakeUpstream.start()).otherwise(moody)
  second = (await FakeUpstream.start()).otherwise(moody)
  router = spawnRouter({
    upstreams: { first, second },
    configure: (config) => {
      config.models["default"] = {
        ...config.models["default"],
        attempt_timeout_ms: 250,
        default_output_reservation: 40,
      }
      config.models["draining"] = {
        strategy: "failover",
        disconnect: "drain",
        attempt_timeout_ms: 250,
        targets: targetsOf(["second"]),
      }
      config.projects[0]!["quota"] = { day: { tokens: 4 * ROOM.tokens } }
      for (const name of CALLERS)
        config.callers.push(callerEntry(name, tokens.get(name)!, ["default", "draining"], limitsFor(name, NONE)))
    },
  })
  await router
})

afterAll(async () => {
  await (await router)[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

const CAPS: Readonly<Record<Dialect, string>> = {
  chat: "max_tokens",
  responses: "max_output_tokens",
  messages: "max_tokens",
}

/** One call, whatever becomes of it. */
async function callOnce(gateway: RouterProcess): Promise<void> {
  const name = CALLERS[random(CALLERS.length)]!
  const dialect = DIALECTS[random(3)]!
  const mood: Mood = MOODS[Math.max(0, random(2 * MOODS.length) - MOODS.length)]!
  const streams = random(2) === 0
  // a far end that writes more than its cap may be told is not what this is about
  const cap = mood !== "mood-long" ? { [CAPS[dialect]]: 64 } : dialect === "messages" ? { max_tokens: null } : {}
  const model = name === "drained" ? "draining" : "default"
  const body = SAMPLES[dialect].request({ text: mood, model, stream: streams, extra: cap })
  const leaving = new AbortController()
  const leaves = mood === "mood-leave" || random(12) === 0
  const timer = leaves ? setTimeout(() => leaving.abort(), random(40)) : undefined
  try {
    const response = await gateway.open(dialect, body, { token: tokens.get(name)!, signal: leaving.signal })
    const answer = await readAnswer(response)
    count(`status ${answer.status}`)
    const isWhole = streams ? String(terminalsOf(dialect, answer.text)) === SUCCESS_TERMINAL[dialect] : !answer.broken
    if (answer.status === 200 && isWhole && !leaving.signal.aborted) seen.add(answer.requestId)
  } catch {
    count("no answer")
    await Bun.sleep(5)
  } finally {
    clearTimeout(timer)
  }
}

async function linesOf(gateway: RouterProcess, name: (typeof CALLERS)[number]): Promise<readonly Line[] | null> {
  try {
    const { status, text } = await get(gateway, "/v1/usage", { token: tokens.get(name)! })
    return status === 200 ? (at(JSON.parse(text), "limits") as readonly Line[]) : null
  } catch {
    return null
  }
}

/** Settled and reserved within every limit; a bucket may be in debt. */
function expectWithin(name: string, lines: readonly Line[]): void {
  for (const { scope, limit, limit_value, used, reserved } of lines) {
    if (limit.endsWith("per_sec")) continue
    const isWithin = used + reserved <= limit_value * (1 + 1e-12)
    expect({ name, scope, limit, limit_value, used, reserved, isWithin }).toMatchObject({ isWithin: true })
  }
}

async function look(gateway: RouterProcess): Promise<void> {
  for (const name of CALLERS) {
    const lines = await linesOf(gateway, name)
    if (lines === null) continue
    count("looks")
    expectWithin(name, lines)
  }
}

function sums(gateway: RouterProcess, where: string): Sums {
  using database = new Database(databasePath(gateway.directory), { readonly: true })
  const sql = `SELECT total(total_tokens) AS tokens, total(attempts > 0) AS requests,
    total(total_cost_nano_usd) AS nano FROM request_usage WHERE ${where}`
  return database.query<Sums, []>(sql).get()!
}

/** Whoever has come near its limits gets more. */
function raise(gateway: RouterProcess): void {
  count("reloads")
  gateway.prepared.rewrite((config) => {
    for (const caller of config.callers) {
      const name = CALLERS.find((known) => known === caller["id"])
      if (name !== undefined) Object.assign(caller, limitsFor(name, sums(gateway, `caller_id = '${name}'`)))
    }
    config.projects[0]!["quota"] = { day: { tokens: sums(gateway, "1 = 1").tokens + 4 * ROOM.tokens } }
  })
  gateway.signal("SIGHUP")
}

async function restart(gateway: RouterProcess, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  count(signal)
  gateway.signal(signal)
  if (signal === "SIGKILL") await gateway.exited
  router = spawnRouter(gateway.prepared)
  await router
}

test("a storm with kills, reloads and dying far ends stays within every limit, and its sums are those of the rows", async () => {
  const until = performance.now() + SECONDS * 1000
  const isOver = (): boolean => performance.now() > until
  const work = async (): Promise<void> => {
    while (!isOver()) await callOnce(await router)
  }
  const chaos = async (): Promise<void> => {
    while (!isOver()) {
      const gateway = await router
      await look(gateway)
      const dice = random(40)
      if (dice < 14) raise(gateway)
      else if (dice < 18) (dice % 2 === 0 ? first : second).cut()
      else if (dice < 20) await restart(gateway, dice === 18 ? "SIGKILL" : "SIGTERM")
      await Bun.sleep(random(60))
    }
  }
  await Promise.all([chaos(), ...Array.from({ length: WORKERS }, work)])
  const gateway = await router
  for (const name of CALLERS) {
    const lines = await eventually("nothing is in flight", async () => {
      const known = await linesOf(gateway, name)
      return known?.every(({ limit, reserved }) => limit.endsWith("per_sec") || reserved === 0) === true
        ? known
        : undefined
    })
    expectWithin(name, lines)
    const rows = sums(gateway, `caller_id = '${name}'`)
    const project = sums(gateway, "caller_project = 'lab'")
    for (const { scope, limit, used } of lines) {
      const of = scope === "caller" ? rows : project
      const expected = limit.endsWith("requests") ? of.requests : limit.endsWith("_usd") ? of.nano / 1e9 : of.tokens
      if (/^(?:quota|spend|key)\./u.test(limit)) expect({ name, limit, used }).toEqual({ name, limit, used: expected })
    }
  }
  for (const id of seen) expect(gateway.records.usage(id)).toMatchObject([{ status: 200, error: null }])
  if (process.env["STORM_SECONDS"] !== undefined) console.log(SEED, JSON.stringify({ ...counts, seen: seen.size }))
  expect(counts["status 200"]).toBeGreaterThan(0)
  expect(counts["status 429"]).toBeGreaterThan(0)
})
