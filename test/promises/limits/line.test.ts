/** The line of a shaped caller under clients that give up, leave, send several requests at once, and a router that stops or reloads. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test"
import { eventually, get, type Answer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { answersIn, connectRaw, requestBytes } from "../../helpers/raw-client.ts"
import type { RouterProcess } from "../../helpers/router-process.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

let upstream: FakeUpstream
let router: RouterProcess

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
})

beforeEach(async () => {
  router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      config.callers[0] = {
        ...config.callers[0],
        ...shaped(10_000, 50),
        quota: { day: { tokens: 100_000, requests: 1000 } },
      }
    },
  })
})

afterEach(() => router[Symbol.asyncDispose]())
afterAll(() => upstream.stop())

type Block = Record<string, unknown>

function shaped(maxWaitMs: number, maxDepth: number, perSecond = 5): { readonly traffic_shape: Block } {
  const queue = { enabled: true, max_wait_ms: maxWaitMs, max_depth: maxDepth }
  return { traffic_shape: { enabled: true, request_start_per_sec: perSecond, request_burst: 1, queue } }
}

async function limits(): Promise<readonly { limit: string; limit_value: number; used: number; reserved: number }[]> {
  return at(JSON.parse((await get(router, "/v1/usage")).text), "limits") as Awaited<ReturnType<typeof limits>>
}

async function reload(change: Block, isInForce: (lines: Awaited<ReturnType<typeof limits>>) => boolean): Promise<void> {
  router.prepared.rewrite((config) => Object.assign(config.callers[0]!, change))
  router.signal("SIGHUP")
  await eventually("the reload", async () => (isInForce(await limits()) ? true : undefined))
}

const request = (text = "hello"): string => SAMPLES.chat.request({ text, extra: { max_tokens: 20 } })
const call = (text?: string, signal?: AbortSignal): Promise<Answer> =>
  router.call("chat", request(text), signal === undefined ? {} : { signal })

async function requests(): Promise<number | undefined> {
  const line = (await limits()).find(({ limit }) => limit === "quota.day.requests")
  return line === undefined || line.reserved > 0 ? undefined : line.used
}

test("a slow trickle of calls that give up before their turn: those behind them are served", async () => {
  await router[Symbol.asyncDispose]()
  router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      // a bucket of 5 a second needs 200 ms, and nobody waits for more than 150
      config.callers[0] = { ...config.callers[0], ...shaped(150, 50) }
    },
  })
  const answers: Promise<Answer>[] = []
  for (let index = 0; index < 40; index += 1) {
    answers.push(call())
    await Bun.sleep(50)
  }
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  expect(new Set(statuses)).toEqual(new Set([200, 429]))
  // two seconds, or more where the machine is slow
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(6)
}, 20_000)

test("first come, first served", async () => {
  const before = upstream.exchanges.length
  const waiting: Promise<Answer>[] = []
  for (let index = 0; index < 8; index += 1) {
    waiting.push(call(`in-order-${index}`))
    await Bun.sleep(10)
  }
  for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200)
  const served = upstream.exchanges
    .slice(before)
    .map(({ request: { body } }) => /in-order-\d/u.exec(Buffer.from(body).toString())?.[0])
  expect(served).toEqual(Array.from({ length: 8 }, (_, index) => `in-order-${index}`))
})

function departures(): number {
  return router.records.usage().filter(({ status }) => status === 499).length
}

/** Null: it was waiting, and left. */
async function probe(): Promise<number | null> {
  const leaving = new AbortController()
  const timer = setTimeout(() => leaving.abort(), 200)
  const answer = await call("probe", leaving.signal).catch(() => null)
  clearTimeout(timer)
  return answer?.status ?? null
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
  await eventually("the line is full", async () => ((await probe()) === 429 ? true : undefined))
  some.abort()
  await eventually("there are places", async () => ((await probe()) === null ? true : undefined))
  others.abort()
  expect(await Promise.all(waiting)).toEqual(waiting.map(() => null))
  const left = await eventually("the rows of those who left", () => {
    const rows = router.records.usage().filter(({ status }) => status === 499)
    return rows.length >= 7 ? rows : undefined
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
  await eventually("all three", () => (answersIn(client.received()).length === 3 ? true : undefined))
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
  await Bun.sleep(30)
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
  await Bun.sleep(50)
  const unshaped = { traffic_shape: { enabled: false }, quota: { day: { tokens: 100_000, requests: 999 } } }
  await reload(unshaped, (lines) => lines.some(({ limit_value }) => limit_value === 999))
  expect((await call("not shaped")).status).toBe(200)
  for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
  expect(await eventually("the count", requests)).toBe(4)
})

test("a router that stops serves those who wait within its grace, and no others", async () => {
  expect((await call()).status).toBe(200)
  const waiting = [1, 2, 3].map((index) => call(`before the stop ${index}`))
  await Bun.sleep(30)
  router.signal("SIGTERM")
  await eventually("it takes no more", async () => {
    const late = await call("too late").catch(() => null)
    return late === null || late.status === 503 ? true : undefined
  })
  for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
  const rows = router.records.usage().filter(({ status }) => status === 200)
  expect(rows.map(({ total_tokens }) => total_tokens)).toEqual([18, 18, 18, 18])
  expect(upstream.received("too late")).toEqual([])
})
