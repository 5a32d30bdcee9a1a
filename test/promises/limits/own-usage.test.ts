/** `GET /v1/usage`: a caller sees the own calls, tokens and cost, by model and day, and nobody else's. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { expectCommonHeaders, expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const other = newToken("other")
const silent = newToken("silent")
let upstream: FakeUpstream
let gateway: Gateway

/** 11 input and 7 output tokens at 3 and 15 USD per million. */
const COST_OF_ONE = 11 * 3000 + 7 * 15_000

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.callers.push(callerEntry("other", other, ["default"]), callerEntry("silent", silent, ["default"]))
    },
  })
  for (const sample of ALL_SAMPLES) {
    await gateway.call(sample.dialect, sample.request())
    await gateway.call(sample.dialect, sample.request({ stream: true }))
  }
  await gateway.call("chat", SAMPLES.chat.request(), { token: other })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

function rowsOf(body: unknown): readonly unknown[] {
  const data = at(body, "data")
  return Array.isArray(data) ? data : []
}

test.each(["/v1/usage", "/usage"])("%s sums up the caller's calls", async (path) => {
  const answer = await get(gateway, path)
  expect(answer.status).toBe(200)
  expectCommonHeaders(answer, "chat")
  const body = parsed(answer)
  expect(at(body, "caller", "id")).toBe("me-lab")
  for (const period of ["today", "month"]) {
    expect(at(body, period)).toMatchObject({
      requests: 6,
      input_tokens: 66,
      output_tokens: 42,
      cost_nano_usd: 6 * COST_OF_ONE,
    })
  }
  expect(answer.text).not.toContain("vendor/model-1")
  for (const secret of gateway.prepared.secrets) expect(answer.text).not.toContain(secret)
})

test("use is told by model and day", async () => {
  const body = parsed(await get(gateway, "/v1/usage?since=24h&group_by=model,day"))
  const sum = rowsOf(body).reduce<number>((total, row) => total + Number(at(row, "requests")), 0)
  expect(sum).toBe(6)
  for (const row of rowsOf(body)) {
    expect(at(row, "model")).toBe("default")
    expect(String(at(row, "day"))).toMatch(/^\d{4}-\d\d-\d\d/u)
  }
})

test("another caller sees the own calls only, a new one none", async () => {
  expect(at(parsed(await get(gateway, "/v1/usage", { token: other })), "today", "requests")).toBe(1)
  const none = parsed(await get(gateway, "/v1/usage", { token: silent }))
  expect(at(none, "today", "requests")).toBe(0)
  expect(rowsOf(none)).toEqual([])
})

test("a period or grouping that does not exist is refused by name", async () => {
  for (const [query, param] of [
    ["since=yesterday", "since"],
    ["since=-5d", "since"],
    ["group_by=caller", "group_by"],
    ["group_by=model;DROP TABLE request_usage", "group_by"],
  ] as const) {
    const answer = await get(gateway, `/v1/usage?${query}`)
    expectError(answer, "chat", 400, "invalid-request")
    expect(at(parsed(answer), "error", "param")).toBe(param)
  }
})
