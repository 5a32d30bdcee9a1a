/** Calls that were made elsewhere, or before, count for limits as those that are made here. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import type { CallRecord } from "../../../src/ledger/record.ts"
import { reply } from "../../helpers/behaviours.ts"
import { get } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { type LocalGateway, startGateway } from "../../helpers/gateway.ts"
import { sampleCall } from "../../helpers/sample-call.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

let upstream: FakeUpstream

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  upstream.otherwise(reply(SAMPLES.chat.unary()))
})

afterAll(() => upstream.stop())

const body = SAMPLES.chat.request({ text: "hello" })

async function usedOf(router: LocalGateway, limit: string): Promise<number | undefined> {
  const lines = at(JSON.parse((await get(router, "/v1/usage")).text), "limits") as { limit: string; used: number }[]
  return lines.find((line) => line.limit === limit)?.used
}

function before(count: number, tokens: number): CallRecord[] {
  const now = Date.now()
  return Array.from({ length: count }, (_, number) =>
    sampleCall(now, number, { caller_id: "me-lab", caller_project: "lab", limit_tokens: tokens, limit_nano_usd: 0 }),
  )
}

test("calls that are taken in use up the budget of their caller, beside those that were counted", async () => {
  await using router = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.callers[0]!["key"] = { lifetime_tokens: 10_000 }
      config.callers[0]!["quota"] = { month: { requests: 1000 } }
    },
  })
  expect((await router.call("chat", body)).status).toBe(200)
  const own = (await usedOf(router, "key.lifetime_tokens")) ?? Number.NaN
  expect(own).toBeGreaterThan(0)
  const calls = before(90, 100)
  expect(await router.takeIn([calls.slice(0, 50), calls.slice(50)])).toBe(true)
  expect(await usedOf(router, "key.lifetime_tokens")).toBe(own + 9000)
  expect(await usedOf(router, "quota.month.requests")).toBe(91)
  // a second time they are there already
  expect(await router.takeIn([calls])).toBe(true)
  expect(await usedOf(router, "key.lifetime_tokens")).toBe(own + 9000)
  const more = before(101, 10).slice(90)
  expect(await router.takeIn([more.map((call) => ({ ...call, usage: { ...call.usage, limit_tokens: 1000 } }))])).toBe(
    true,
  )
  expect((await router.call("chat", body)).status).toBe(403)
})

test("a router that stops takes no more", async () => {
  await using router = await startGateway({ upstreams: { upstream } })
  const groups = function* (): Generator<CallRecord[]> {
    yield before(10, 1)
    void router.stop()
    yield before(20, 1).slice(10)
    yield before(30, 1).slice(20)
  }
  expect(await router.takeIn(groups())).toBe(false)
  await router.stop()
  expect(router.records.usage().length).toBeLessThanOrEqual(20)
  expect(router.records.usage().length).toBeGreaterThanOrEqual(10)
})
