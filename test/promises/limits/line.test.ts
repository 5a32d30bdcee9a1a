/** The line of a shaped caller under clients that give up, leave, send several requests at once, and a router that stops or reloads. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test"
import { eventually, get, type Answer } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { gaugeOf, untilGauge } from "../../helpers/gauge.ts"
import { answersIn, connectRaw, requestBytes } from "../../helpers/raw-client.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const watcher = newToken("watcher")
let upstream: FakeUpstream
let clock: HeldClock
let router: LocalGateway
/** Calls of the test that have begun and those that are over. */
let begun: number
let over: number

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
})

beforeEach(() => start(10_000))
afterEach(() => router[Symbol.asyncDispose]())
afterAll(() => upstream.stop())

async function start(maxWaitMs: number): Promise<void> {
  clock = new HeldClock()
  begun = 0
  over = 0
  const quota = { day: { tokens: 100_000, requests: 1000 } }
  router = await startGateway(
    {
      upstreams: { upstream },
      configure: (config) => {
        config.callers[0] = { ...config.callers[0], ...shaped(maxWaitMs, 50), quota }
        config.callers.push(callerEntry("watcher", watcher, [], { metrics_admin: true }))
      },
    },
    { clock },
  )
}

type Block = Record<string, unknown>

function shaped(maxWaitMs: number, maxDepth: number, perSecond = 5): { readonly traffic_shape: Block } {
  const queue = { enabled: true, max_wait_ms: maxWaitMs, max_depth: maxDepth }
  return { traffic_shape: { enabled: true, request_start_per_sec: perSecond, request_burst: 1, queue } }
}

/** A call has its turn so often. */
const TURN_MS = 200

const queued = (): Promise<number> => gaugeOf("queued", router, watcher)

/** Every call that has begun waits in the line, or is over. */
async function untilSettled(): Promise<void> {
  await eventually("every call in its place", async () => ((await queued()) + over === begun ? true : undefined))
}

/** Turn by turn, until no call waits. */
async function untilServed(): Promise<void> {
  await eventually("every call has had its turn", async () => {
    await untilSettled()
    if (over === begun) return true
    await clock.advance(TURN_MS)
    return undefined
  })
}

async function limits(): Promise<readonly { limit: string; limit_value: number; used: number; reserved: number }[]> {
  return at(JSON.parse((await get(router, "/v1/usage")).text), "limits") as Awaited<ReturnType<typeof limits>>
}

async function reload(change: Block, isInForce: (lines: Awaited<ReturnType<typeof limits>>) => boolean): Promise<void> {
  router.prepared.rewrite((config) => Object.assign(config.callers[0]!, change))
  router.requestReload()
  await eventually("the reload", async () => (isInForce(await limits()) ? true : undefined))
}

const request = (text = "hello"): string => SAMPLES.chat.request({ text, extra: { max_tokens: 20 } })
async function call(text?: string, signal?: AbortSignal): Promise<Answer> {
  begun += 1
  try {
    return await router.call("chat", request(text), signal === undefined ? {} : { signal })
  } finally {
    over += 1
  }
}

async function requests(): Promise<number | undefined> {
  const line = (await limits()).find(({ limit }) => limit === "quota.day.requests")
  return line === undefined || line.reserved > 0 ? undefined : line.used
}

test("a slow trickle of calls that give up before their turn: those behind them are served", async () => {
  await router[Symbol.asyncDispose]()
  // the bucket needs 200 ms, and no call waits for more than 150
  await start(150)
  const answers: Promise<Answer>[] = []
  for (let index = 0; index < 40; index += 1) {
    answers.push(call())
    await untilSettled()
    await clock.advance(50)
  }
  await untilServed()
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  expect(new Set(statuses)).toEqual(new Set([200, 429]))
  // two seconds
  expect(statuses.filter((status) => status === 200).length).toBeWithin(9, 12)
})

test("first come, first served", async () => {
  const before = upstream.exchanges.length
  const waiting: Promise<Answer>[] = []
  for (let index = 0; index < 8; index += 1) {
    waiting.push(call(`in-order-${index}`))
    await untilSettled()
  }
  await untilServed()
  for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200)
  const served = upstream.exchanges
    .slice(before)
    .map(({ request: { body } }) => /in-order-\d/u.exec(Buffer.from(body).toString())?.[0])
  expect(served).toEqual(Array.from({ length: 8 }, (_, index) => `in-order-${index}`))
})

function departures(): number {
  return router.records.usage().filter(({ status }) => status === 499).length
}

/** Null: it has a place in the line, and leaves it again. */
async function probe(): Promise<number | null> {
  const leaving = new AbortController()
  const before = { queued: await queued(), over }
  const answer = call("probe", leaving.signal).catch(() => null)
  await eventually("its place", async () => (over > before.over || (await queued()) > before.queued ? true : undefined))
  leaving.abort()
  const status = (await answer)?.status ?? null
  await untilGauge("queued", before.queued, router, watcher)
  return status
}

test("whoever leaves the line is charged nothing, whatever place it had", async () => {
  await reload({ ...shaped(60_000, 6, 0.01), rate: { rpm: 777 } }, (known) =>
    known.some(({ limit_value }) => limit_value === 777),
  )
  expect((await call()).status).toBe(200)
  const [some, others] = [new AbortController(), new AbortController()]
  const waiting = Array.from({ length: 6 }, (_, index) =>
    call("leaves", (index % 2 === 0 ? some : others).signal).catch(() => null),
  )
  await untilGauge("queued", 6, router, watcher)
  expect(await probe()).toBe(429)
  some.abort()
  await untilGauge("queued", 3, router, watcher)
  expect(await probe()).toBeNull()
  others.abort()
  expect(await Promise.all(waiting)).toEqual(waiting.map(() => null))
  const left = await eventually("the rows of those who left", () => {
    const rows = router.records.usage().filter(({ status }) => status === 499)
    return rows.length === 7 ? rows : undefined
  })
  for (const row of left)
    expect(row).toMatchObject({
      attempts: 0,
      total_tokens: null,
      total_cost_nano_usd: null,
      usage_source: "none",
      traffic_shape_decision: "queued",
    })
  expect(upstream.received("leaves")).toEqual([])
  expect(await eventually("the count", requests)).toBe(1)
})

test("requests that were sent together wait one after another, and leave together", async () => {
  expect((await call()).status).toBe(200)
  const client = await connectRaw(router.url)
  const lines = [
    "POST /v1/chat/completions HTTP/1.1",
    `Authorization: Bearer ${router.token}`,
    "Content-Type: application/json",
  ]
  const pipelined = (name: string): Buffer =>
    Buffer.concat(["a", "b", "c"].map((part) => requestBytes(lines, request(`${name}-${part}`))))
  await client.write(pipelined("together"))
  await eventually("all three", async () => {
    await clock.advance(TURN_MS)
    return answersIn(client.received()).length === 3 ? true : undefined
  })
  expect(answersIn(client.received()).map(({ status }) => status)).toEqual([200, 200, 200])
  expect(
    upstream
      .received("together-")
      .map((exchange) => /together-\w/u.exec(Buffer.from(exchange.request.body).toString())?.[0]),
  ).toEqual(["together-a", "together-b", "together-c"])
  await reload({ ...shaped(60_000, 50, 0.01), rate: { rpm: 776 } }, (known) =>
    known.some(({ limit_value }) => limit_value === 776),
  )
  // what has come into the bucket meanwhile is used up
  const more = (await probe()) === 200 ? 1 : 0
  const before = departures()
  await client.write(pipelined("hasty"))
  await untilGauge("queued", 1, router, watcher)
  client.destroy()
  await eventually("the row of the one that waited", () => (departures() > before ? true : undefined))
  expect(upstream.received("hasty-")).toEqual([])
  expect(await eventually("the count", requests)).toBe(4 + more)
})

test("a reload while calls wait: they keep their turn, and new ones go by the new rule", async () => {
  await reload({ ...shaped(10_000, 50, 1), rate: { rpm: 778 } }, (lines) =>
    lines.some(({ limit_value }) => limit_value === 778),
  )
  expect((await call()).status).toBe(200)
  const waiting = ["one", "two"].map((name) => call(`waits-${name}`))
  await untilGauge("queued", 2, router, watcher)
  const unshaped = { traffic_shape: { enabled: false }, quota: { day: { tokens: 100_000, requests: 999 } } }
  await reload(unshaped, (lines) => lines.some(({ limit_value }) => limit_value === 999))
  expect((await call("not shaped")).status).toBe(200)
  await untilServed()
  for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
  expect(await eventually("the count", requests)).toBe(4)
})

test("a router that stops serves those who wait within its grace, and no others", async () => {
  expect((await call()).status).toBe(200)
  const waiting = [1, 2, 3].map((index) => call(`before the stop ${index}`))
  await untilGauge("queued", 3, router, watcher)
  const stopped = router.stop(10_000)
  const late = await call("too late").catch(() => null)
  // it may be gone by then
  expect(late?.status ?? 503).toBe(503)
  await stopped
  for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
  const rows = router.records.usage().filter(({ status }) => status === 200)
  expect(rows.map(({ total_tokens }) => total_tokens)).toEqual([18, 18, 18, 18])
  expect(upstream.received("too late")).toEqual([])
})
