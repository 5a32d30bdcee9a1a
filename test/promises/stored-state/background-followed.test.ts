/** An answer in the background that nobody reads is followed by the router itself, and booked once: exactly, or at what was reserved. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test"
import {
  ALL,
  backgroundSetup,
  begin,
  bodyOf,
  booking,
  bookingsOf,
  COST,
  MONEY,
  QUEUED,
  REAL,
  REQUESTS,
  TOKENS,
  usedOf,
  waiting,
} from "../../helpers/background-answers.ts"
import { reply } from "../../helpers/behaviours.ts"
import { call, eventually, get } from "../../helpers/client.ts"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

const DAY_MS = 86_400_000
const POLL_MS = 1000

let upstream: FakeUpstream
let clock: HeldClock

beforeAll(async () => {
  upstream = await FakeUpstream.start()
})

beforeEach(() => {
  clock = new HeldClock()
})

afterAll(() => upstream.stop())

const start = (): Promise<Gateway> => startGateway(backgroundSetup(upstream), { clock })
const booked = (gateway: Gateway, requestId: string) => booking(gateway, requestId, () => clock.advance(POLL_MS))

/** Time passes until the target was asked so often. */
async function asked(id: string, times: number): Promise<void> {
  await eventually(`${id} is asked for`, async () => {
    if (upstream.received(`/responses/${id}`).length >= times) return true
    await clock.advance(POLL_MS)
    return undefined
  })
}

test("the router asks until an answer is over that no client reads, across a restart, and counts one request", async () => {
  const id = "resp_unread"
  upstream.plan(`/responses/${id}`, reply(bodyOf(id, QUEUED)))
  const first = await start()
  const requestId = await begin(upstream, first, id)
  const reserved = await usedOf(first)
  expect(reserved[TOKENS]).toBeGreaterThan(500)
  await asked(id, 2)
  await first.stop()
  await using second = await startGateway(first.prepared, { clock })
  expect(await usedOf(second)).toEqual(reserved)
  upstream.plan(`/responses/${id}`, reply(bodyOf(id, {})))
  const row = await booked(second, requestId)
  expect(row).toMatchObject({ usage_source: "provider", total_tokens: ALL, total_cost_nano_usd: COST, attempts: 0 })
  await eventually("the limits", async () => ((await usedOf(second))[TOKENS] === ALL ? true : undefined))
  expect(await usedOf(second)).toEqual(REAL)
  expect(waiting(second)).toBe(0)
  expect(at(JSON.parse((await get(second, "/v1/usage")).text), "month")).toMatchObject({
    requests: 1,
    total_tokens: ALL,
    cost_unknown_requests: 0,
  })
})

test.each([
  ["a provider that has it no more", () => reply("{}", { status: 404 })],
  ["a cancelled one without usage", (id: string) => reply(bodyOf(id, { status: "cancelled", usage: null }))],
])("%s: what was reserved is booked, as an estimate", async (name: string, told: (id: string) => Behaviour) => {
  await using gateway = await start()
  const id = `resp_lost_${name.length}`
  upstream.plan(`/responses/${id}`, told(id))
  const requestId = await begin(upstream, gateway, id)
  const reserved = await usedOf(gateway)
  expect(await booked(gateway, requestId)).toMatchObject({
    usage_source: "estimated",
    total_tokens: reserved[TOKENS],
    total_cost_nano_usd: Math.round((reserved[MONEY] ?? 0) * 1e9),
  })
  expect(await usedOf(gateway)).toEqual(reserved)
})

test("one that its provider does not store can be read, and is followed all the same", async () => {
  await using gateway = await start()
  upstream.plan("/responses/resp_unstored", reply(bodyOf("resp_unstored", { store: false })))
  upstream.plan("<resp_unstored>", reply(bodyOf("resp_unstored", { ...QUEUED, store: false, background: true })))
  const body = SAMPLES.responses.request({ text: "<resp_unstored>", extra: { background: true } })
  const { requestId } = await gateway.call("responses", body)
  const { status } = await call(gateway, "responses", null, { method: "GET", path: "/v1/responses/resp_unstored" })
  expect(status).toBe(200)
  expect(await booked(gateway, requestId)).toMatchObject({ usage_source: "provider", total_tokens: ALL })
})

test("one that is large is read in another thread, and booked as any other", async () => {
  await using gateway = await start()
  const id = "resp_large"
  upstream.plan(`/responses/${id}`, reply(bodyOf(id, { instructions: "x".repeat(300_000) })))
  const row = await booked(gateway, await begin(upstream, gateway, id))
  expect(row).toMatchObject({ usage_source: "provider", total_tokens: ALL })
})

test("one that failed has used nothing", async () => {
  await using gateway = await start()
  const failed = { status: "failed", error: { code: "server_error", message: "no" }, usage: null }
  upstream.plan("/responses/resp_failed", reply(bodyOf("resp_failed", failed)))
  const requestId = await begin(upstream, gateway, "resp_failed")
  expect(await booked(gateway, requestId)).toMatchObject({ usage_source: "none", total_tokens: null })
  await eventually("the limits", async () => ((await usedOf(gateway))[TOKENS] === 0 ? true : undefined))
  expect((await usedOf(gateway))[REQUESTS]).toBe(1)
})

test("a target that cannot be asked: given up after a day, and not before", async () => {
  await using gateway = await start()
  upstream.plan("/responses/resp_silent", reply("{}", { status: 503 }))
  const requestId = await begin(upstream, gateway, "resp_silent")
  await asked("resp_silent", 2)
  expect(bookingsOf(gateway, requestId)).toEqual([])
  await clock.leap(DAY_MS)
  expect(await booked(gateway, requestId)).toMatchObject({ usage_source: "estimated" })
})

test.each([
  ["in work: at what was reserved", QUEUED, "estimated"],
  ["over: at what it has used", {}, "provider"],
])("deleted while it is %s", async (_, members, source) => {
  await using gateway = await start()
  const id = `resp_deleted_${source}`
  const requestId = await begin(upstream, gateway, id)
  upstream.plan(`/responses/${id}`, reply(bodyOf(id, members)), reply(bodyOf(id, { deleted: true })))
  const { status } = await call(gateway, "responses", null, { method: "DELETE", path: `/v1/responses/${id}` })
  expect(status).toBe(200)
  expect(bookingsOf(gateway, requestId)).toMatchObject([{ usage_source: source }])
  expect(upstream.received(`/responses/${id}`).map(({ request }) => request.method)).toEqual(["GET", "DELETE"])
})
