/** An answer in the background is made whether or not somebody reads it: whoever hangs up is billed for all of it, once. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { call, eventually, get, readAnswer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { at } from "../../helpers/streams.ts"
import { SAMPLES } from "../../helpers/samples.ts"

let upstream: FakeUpstream
let gateway: Gateway
const SAMPLE = SAMPLES.responses
const ALL = { input_tokens: SAMPLE.usage.input, output_tokens: SAMPLE.usage.output, usage_source: "provider" }

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

function framesOf(id: string): readonly string[] {
  return SAMPLE.frames(["some", " text", " more"]).map((frame) => frame.replaceAll(/"resp_\w+"/gu, `"${id}"`))
}

/** Reads until content came, then leaves. */
async function leave(marker: string, path?: string): Promise<string> {
  const leaving = new AbortController()
  const body = SAMPLE.request({ stream: true, text: marker, extra: { background: true } })
  const options = { signal: leaving.signal, ...(path === undefined ? {} : { method: "GET", path }) }
  const response = await gateway.open("responses", path === undefined ? body : (null as unknown as string), options)
  await readAnswer(response, () => leaving.abort())
  return response.headers.get("x-request-id") ?? ""
}

const booked = () => gateway.records.usage().filter(({ output_tokens }) => output_tokens === SAMPLE.usage.output)

test("the client leaves, and the upstream goes on to the end", async () => {
  const frames = framesOf("resp_read")
  const gate = Promise.withResolvers<void>()
  upstream.plan("<read>", stream([...frames.slice(0, 6), { until: gate.promise }, ...frames.slice(6)]))
  const requestId = await leave("<read>")
  gate.resolve()
  const row = await eventually("the row", () => gateway.records.usage(requestId)[0])
  expect(row).toMatchObject(ALL)
  // a busy machine sees that the client has left once all is read
  expect([499, 200]).toContain(row.status)
})

test("the stream breaks off, and the response is read later", async () => {
  const frames = framesOf("resp_broken")
  upstream.plan("<broken>", stream([...frames.slice(0, 6), { end: "reset" }]))
  const body = SAMPLE.request({ stream: true, text: "<broken>", extra: { background: true } })
  const { requestId } = await gateway.call("responses", body)
  expect(gateway.records.usage(requestId)).toMatchObject([{ status: 502, usage_source: "none", total_tokens: null }])
  const before = booked().length
  upstream.plan("/responses/resp_broken", reply(SAMPLE.unary().replaceAll(/"resp_\w+"/gu, '"resp_broken"')))
  for (let time = 0; time < 2; time++)
    await call(gateway, "responses", null, { method: "GET", path: "/v1/responses/resp_broken" })
  expect(booked()).toHaveLength(before + 1)
})

test("a resumed stream that its reader leaves is billed all the same", async () => {
  const id = "resp_resumed"
  const queued = { ...(JSON.parse(SAMPLE.unary()) as object), id, status: "queued", output: [], usage: null }
  upstream.plan("<resumed>", reply(JSON.stringify(queued)))
  await gateway.call("responses", SAMPLE.request({ text: "<resumed>", extra: { background: true } }))
  const before = booked().length
  const frames = framesOf(id)
  const gate = Promise.withResolvers<void>()
  upstream.plan(
    `/responses/${id}?stream=true`,
    stream([...frames.slice(0, 6), { until: gate.promise }, ...frames.slice(6)]),
  )
  await leave("", `/v1/responses/${id}?stream=true`)
  gate.resolve()
  await eventually("the row", () => (booked().length > before ? true : undefined))
  expect(booked()).toHaveLength(before + 1)
})

test("limits keep all that it may use until its usage is known, and a restart in between forgets nothing", async () => {
  const id = "resp_limited"
  const queued = JSON.stringify({
    ...(JSON.parse(SAMPLE.unary()) as object),
    id,
    status: "queued",
    output: [],
    usage: null,
  })
  upstream.plan("<limited>", reply(queued))
  await using first = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      config.callers[0]!["quota"] = { day: { tokens: 1_000_000 } }
      config.callers[0]!["rate"] = { tpm: 1_000_000 }
    },
  })
  const used = async (router: Gateway): Promise<readonly number[]> =>
    (at(JSON.parse((await get(router, "/v1/usage")).text), "limits") as { used: number }[]).map((line) => line.used)
  const start = async (router: Gateway) => {
    upstream.plan(`/responses/${id}`, reply(queued))
    await router.call("responses", SAMPLE.request({ text: "<limited>", extra: { background: true } }))
  }
  const read = async (router: Gateway) => {
    upstream.plan(`/responses/${id}`, reply(SAMPLE.unary().replaceAll(/"resp_\w+"/gu, `"${id}"`)))
    const ask = () => call(router, "responses", null, { method: "GET", path: `/v1/responses/${id}` })
    await Promise.all([ask(), ask()])
  }
  const all = SAMPLE.usage.input + SAMPLE.usage.output

  await start(first)
  const reserved = (await used(first))[1] ?? 0
  expect((await used(first)).every((tokens) => tokens > 10_000)).toBe(true)
  await read(first)
  expect((await used(first))[1]).toBe(all)
  expect((await used(first))[0]).toBeGreaterThan(10_000)

  await start(first)
  expect((await used(first))[1]).toBe(all + reserved)
  first.signal("SIGKILL")
  await first.exited
  await using second = await startGateway(first.prepared)
  expect((await used(second))[1]).toBe(all + reserved)
  await read(second)
  expect((await used(second))[1]).toBe(2 * all)
})
