/**
 * A crash forgets no quota: whatever calls there were, what limits had counted and reserved before it is what they count
 * after it, for callers and projects, in day, month and for ever, of requests, tokens and money.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import fc from "fast-check"
import { reply, stall, stream } from "../../helpers/behaviours.ts"
import { call, eventually, get, readAnswer } from "../../helpers/client.ts"
import { callerEntry, newToken, type Setup, targetsOf } from "../../helpers/config.ts"
import { FakeUpstream, type Behaviour } from "../../helpers/fake-upstream.ts"
import { noPostgres, sharedPostgres } from "../../helpers/postgres.ts"
import type { RouterProcess } from "../../helpers/router-process.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { type Dialect, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

let upstream: FakeUpstream

beforeAll(async () => {
  upstream = await FakeUpstream.start()
})

afterAll(() => upstream.stop())

const LIMITS = {
  quota: { day: { requests: 1e6, tokens: 1e12 }, month: { requests: 1e6, tokens: 1e12 } },
  spend: { day_usd: 1e5, month_usd: 1e6 },
}

function setupOf(tokens: readonly string[], dsn: string | null): Setup {
  return {
    upstreams: { upstream },
    ...(dsn === null ? {} : { env: { USAGE_DB_DSN: dsn } }),
    configure: (config) => {
      if (dsn !== null) config.server["usage_db"] = { driver: "postgres", dsn: "${USAGE_DB_DSN}" }
      // no price of cached input: the cost of a call with some is unknown
      const prices = { input_price_per_million_usd: 3, output_price_per_million_usd: 15 }
      const tier = { above_input_tokens: 500, input_price_per_million_usd: 6, output_price_per_million_usd: 22.5 }
      const model = { model: "m", ...prices, price_tiers: [tier], service_tier_multipliers: { flex: 0.5, priority: 2 } }
      for (const provider of Object.values(config.providers)) provider["models"] = { m1: model }
      config.models["default"] = { strategy: "failover", targets: targetsOf(["upstream"]), translation: "warn" }
      config.models["draining"] = { strategy: "static", targets: targetsOf(["upstream"]), disconnect: "drain" }
      config.projects[0] = { ...config.projects[0], ...LIMITS }
      const limited = { ...LIMITS, key: { lifetime_tokens: 1e12 }, rate: { tpm: 1e12, rpm: 1e6 } }
      config.callers[0] = { ...config.callers[0], ...limited, allow: ["default", "draining"] }
      for (const [index, token] of tokens.entries()) {
        const { key: _, ...others } = limited
        config.callers.push(callerEntry(`other-${index}`, token, ["default", "draining"], index === 0 ? others : {}))
      }
    },
  }
}

interface Kind {
  readonly dialect: Dialect
  readonly stream?: boolean
  readonly extra?: Readonly<Record<string, unknown>>
  readonly behaviour: Behaviour
  /** The client leaves after first content, or waits for nothing. */
  readonly leaves?: "after-content" | "at-once"
  readonly group?: string
}

const chatWith = (usage: unknown, members: object = {}): Behaviour =>
  reply(JSON.stringify({ ...(JSON.parse(SAMPLES.chat.unary()) as object), usage, ...members }))
const messagesWith = (usage: unknown): Behaviour =>
  reply(JSON.stringify({ ...(JSON.parse(SAMPLES.messages.unary()) as object), usage }))
const streamOf = (dialect: Dialect, frames = 100): Behaviour =>
  stream(SAMPLES[dialect].frames(["one", " two", " three"]).slice(0, frames))
const brokenStream = (dialect: Dialect): Behaviour =>
  stream([
    ...SAMPLES[dialect].frames(["one", " two"]).slice(0, SAMPLES[dialect].framesBeforeContent + 1),
    { end: "reset" },
  ])
const stalledStream = (dialect: Dialect): Behaviour =>
  stream([
    ...SAMPLES[dialect].frames(["one", " two"]).slice(0, SAMPLES[dialect].framesBeforeContent + 1),
    { end: "stall" },
  ])

let numbers = 0
const queued = (): Behaviour =>
  reply(
    JSON.stringify({
      ...(JSON.parse(SAMPLES.responses.unary()) as object),
      id: `resp_random_${(numbers += 1)}`,
      status: "queued",
      output: [],
      usage: null,
    }),
  )

const DIALECTS: readonly Dialect[] = ["chat", "responses", "messages"]
const CACHED = { prompt_tokens: 1000, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 600 } }
const ROUNDS = [
  { type: "message", input_tokens: 400, output_tokens: 30 },
  { type: "message", model: "another", input_tokens: 900, output_tokens: 70 },
]
const MIXED = { input_tokens: 11, output_tokens: 7, iterations: ROUNDS }
const WRITES = { input_tokens: 20, output_tokens: 5, cache_creation_input_tokens: 300, cache_read_input_tokens: 40 }

const KINDS: Readonly<Record<string, () => Kind>> = {
  ...Object.fromEntries(
    DIALECTS.flatMap((dialect) => [
      [dialect, () => ({ dialect, behaviour: reply(SAMPLES[dialect].unary()) })],
      [`${dialect} stream`, () => ({ dialect, stream: true, behaviour: streamOf(dialect) })],
      [`${dialect} broken stream`, () => ({ dialect, stream: true, behaviour: brokenStream(dialect) })],
      [
        `${dialect} left stream`,
        () => ({ dialect, stream: true, behaviour: stalledStream(dialect), leaves: "after-content" }),
      ],
      [`${dialect} failure`, () => ({ dialect, behaviour: reply("{}", { status: 500 }) })],
      [`${dialect} refusal`, () => ({ dialect, behaviour: reply(SAMPLES[dialect].errorBody("no"), { status: 400 }) })],
    ]) as [string, () => Kind][],
  ),
  "drained stream": () => ({
    dialect: "chat",
    stream: true,
    behaviour: stream([...SAMPLES.chat.frames().slice(0, 3), { waitMs: 30 }, ...SAMPLES.chat.frames().slice(3)]),
    leaves: "after-content",
    group: "draining",
  }),
  "left before an answer": () => ({ dialect: "messages", behaviour: stall, leaves: "at-once" }),
  "cached input without a price": () => ({ dialect: "chat", behaviour: chatWith(CACHED) }),
  "a higher tier": () => ({ dialect: "chat", behaviour: chatWith({ prompt_tokens: 501, completion_tokens: 3 }) }),
  "a service tier": () => ({
    dialect: "chat",
    extra: { service_tier: "priority" },
    behaviour: chatWith({ prompt_tokens: 333, completion_tokens: 3 }, { service_tier: "priority" }),
  }),
  "several models": () => ({ dialect: "messages", behaviour: messagesWith(MIXED) }),
  "cache writes without a price": () => ({ dialect: "messages", behaviour: messagesWith(WRITES) }),
  "no usage": () => ({ dialect: "chat", behaviour: chatWith(undefined) }),
  "one side of usage": () => ({ dialect: "chat", behaviour: chatWith({ prompt_tokens: 40 }) }),
  "usage that is none": () => ({
    dialect: "chat",
    behaviour: chatWith({ prompt_tokens: 9e15, completion_tokens: 9e15 }),
  }),
  "negative usage": () => ({ dialect: "chat", behaviour: chatWith({ prompt_tokens: -5, completion_tokens: 1e300 }) }),
  "a limit that refuses": () => ({
    dialect: "chat",
    extra: { max_tokens: 9e12 },
    behaviour: reply(SAMPLES.chat.unary()),
  }),
  "an unknown group": () => ({ dialect: "chat", group: "nowhere", behaviour: reply(SAMPLES.chat.unary()) }),
  "in the background": () => ({ dialect: "responses", extra: { background: true }, behaviour: queued() }),
  "in the background, not stored": () => ({
    dialect: "responses",
    extra: { background: true, store: false },
    behaviour: queued(),
  }),
}

async function make(router: RouterProcess, name: string, token: string): Promise<void> {
  const { dialect, stream: streams = false, extra = {}, behaviour, leaves, group } = (KINDS[name] as () => Kind)()
  const marker = `<call ${(numbers += 1)}>`
  upstream.plan(marker, behaviour)
  const model = group === undefined ? {} : { model: group }
  const body = SAMPLES[dialect].request({ ...model, stream: streams, text: marker, extra })
  const leaving = new AbortController()
  const options = { token, signal: leaving.signal }
  if (leaves === undefined) {
    await call(router, dialect, body, options)
    return
  }
  const opening = router.open(dialect, body, options)
  if (leaves === "at-once") {
    await upstream.arrival(marker)
    leaving.abort()
    await opening.catch(() => {})
  } else await readAnswer(await opening, () => leaving.abort()).catch(() => {})
}

interface Line {
  readonly scope: string
  readonly limit: string
  readonly used: number
  readonly reserved: number
}

/** By limit: what is used and what is reserved. The minute is only looked at for requests, because its tokens stay reserved. */
async function linesOf(router: RouterProcess, token: string): Promise<readonly Line[]> {
  const page = await get(router, "/v1/usage", { token })
  return (at(JSON.parse(page.text), "limits") as Line[]).filter(({ limit }) => !limit.startsWith("rate."))
}

const DRIVERS = [
  { name: "sqlite", missing: null, dsn: () => Promise.resolve(null) },
  { name: "postgres", missing: noPostgres, dsn: async () => (await sharedPostgres()).schema() },
] as const

describe.each(DRIVERS.map((driver) => ({ ...driver })))("on $name", ({ missing, dsn: schema }) => {
  test.skipIf(missing !== null)("what was counted and reserved before a crash is counted after it", async () => {
    const tokens = [newToken("k2"), newToken("k3")]
    const setup = setupOf(tokens, await schema())
    let router = await spawnRouter(setup)
    const all = [router.token, ...tokens]
    const calls = fc.array(fc.tuple(fc.constantFrom(...Object.keys(KINDS)), fc.nat(all.length - 1)), {
      minLength: 20,
      maxLength: 60,
      size: "max",
    })
    const totalsOf = async (lines: (line: Line) => number): Promise<Readonly<Record<string, number>>> => {
      const seen: Record<string, number> = {}
      for (const [index, token] of all.entries())
        for (const line of await linesOf(router, token)) seen[`${index} ${line.scope} ${line.limit}`] = lines(line)
      return seen
    }
    const round = async (drawn: readonly (readonly [string, number])[], left: number): Promise<void> => {
      await Promise.all(drawn.map(([name, who]) => make(router, name, all[who] ?? "")))
      // drained ones come to their end by themselves
      await eventually("nothing is in flight", async () => {
        const reserved = await totalsOf((line) => line.reserved)
        return Object.values(reserved).every((amount) => amount === 0) ? true : undefined
      })
      // cut off by the crash: what they reserved is booked
      for (let number = 0; number < left; number += 1) {
        const marker = `<cut off ${(numbers += 1)}>`
        upstream.plan(marker, stall)
        const body = SAMPLES.chat.request({ text: marker, extra: { max_tokens: 77 } })
        void router.call("chat", body, { token: all[number % all.length] ?? "" }).catch(() => {})
        await upstream.arrival(marker)
      }
      const before = await totalsOf(({ used, reserved }) => Math.round((used + reserved) * 1e9) / 1e9)
      router.signal("SIGKILL")
      await router.exited
      router = await spawnRouter(router.prepared)
      expect(await totalsOf(({ used }) => used)).toEqual(before)
    }
    try {
      await fc.assert(fc.asyncProperty(calls, fc.nat(3), round), { numRuns: 4, endOnFailure: true })
    } finally {
      await router[Symbol.asyncDispose]()
    }
  })
})
