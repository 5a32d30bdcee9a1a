/** The router stops before calls are done: each ends in its client's dialect, and each has its row. */
import { Database } from "bun:sqlite"
import { afterEach, beforeEach, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { eventually, readAnswer } from "../../helpers/client.ts"
import type { Config } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { ALL_SAMPLES, SAMPLES, type Sample } from "../../helpers/samples.ts"
import { FAILURE_TERMINAL, terminalsOf } from "../../helpers/streams.ts"

let upstream: FakeUpstream

beforeEach(async () => {
  upstream = await FakeUpstream.start()
})

afterEach(() => upstream.stop())

function untilContent(sample: Sample): readonly string[] {
  return sample.frames().slice(0, sample.framesBeforeContent + 1)
}

function drains(config: Config): void {
  const group = config.models["default"]
  if (group !== undefined) group["disconnect"] = "drain"
}

/** Streams the first content and then nothing. */
function planStall(sample: Sample, marker: string): void {
  upstream.plan(marker, stream([...untilContent(sample), { end: "stall" }]))
}

test("streams that are not done end with one error in their dialect, and their rows blame no client", async () => {
  await using gateway = await startGateway({ upstreams: { upstream } })
  const calls = ALL_SAMPLES.map(async (sample) => {
    planStall(sample, `stall-${sample.dialect}`)
    const response = await gateway.open(
      sample.dialect,
      sample.request({ stream: true, text: `stall-${sample.dialect}` }),
    )
    const begun = Promise.withResolvers<void>()
    return { sample, begun: begun.promise, answer: readAnswer(response, () => begun.resolve()) }
  })
  const open = await Promise.all(calls)
  await Promise.all(open.map(({ begun }) => begun))
  await gateway.stop()
  for (const { sample, answer } of open) {
    const { text, requestId } = await answer
    expect(terminalsOf(sample.dialect, text)).toEqual([FAILURE_TERMINAL[sample.dialect]])
    expect(text).toContain("shutting-down")
    const [row] = gateway.records.usage(requestId)
    expect(row).toMatchObject({ status: 503, error: "shutting-down" })
    expect(["estimated", "partial"]).toContain(String(row?.["usage_source"]))
    expect(Number(row?.["output_tokens"])).toBeGreaterThan(0)
  }
})

test("calls that wait for their upstream are refused, and no target is to blame", async () => {
  await using gateway = await startGateway({ upstreams: { upstream } })
  const gate = Promise.withResolvers<void>()
  upstream.otherwise(async () => await gate.promise)
  const answers = ALL_SAMPLES.flatMap((sample) =>
    [false, true].map((streamed) => ({
      sample,
      answer: gateway.call(sample.dialect, sample.request({ stream: streamed, text: `wait-${sample.dialect}` })),
    })),
  )
  await eventually("all at the upstream", () => upstream.exchanges.length === answers.length || undefined)
  await gateway.stop()
  for (const { sample, answer } of answers) {
    const refused = await answer
    expectError(refused, sample.dialect, 503, "shutting-down")
    expect(gateway.records.usage(refused.requestId)).toMatchObject([{ status: 503, error: "shutting-down" }])
  }
  gate.resolve()
})

test("a call that is read on without its client has its row when the router stops", async () => {
  await using gateway = await startGateway({ upstreams: { upstream }, configure: drains })
  planStall(SAMPLES.chat, "left")
  const leaving = new AbortController()
  const response = await gateway.open("chat", SAMPLES.chat.request({ stream: true, text: "left" }), {
    signal: leaving.signal,
  })
  const id = response.headers.get("x-request-id") ?? ""
  await response.body?.getReader().read()
  leaving.abort()
  await eventually("the departure", () => upstream.exchanges.length === 1 || undefined)
  await Bun.sleep(300)
  expect(gateway.records.usage(id)).toEqual([])
  await gateway.stop()
  const [row] = gateway.records.usage(id)
  expect(row).toMatchObject({ status: 499, error: "client-closed", usage_source: "estimated" })
  expect(Number(row?.["output_tokens"])).toBeGreaterThan(0)
})

test("calls whose rows are on their way get their answers", async () => {
  await using gateway = await startGateway({ upstreams: { upstream } })
  const database = new Database(databasePath(gateway.directory))
  database.run("BEGIN IMMEDIATE")
  const answered = Promise.withResolvers<void>()
  let open = 6
  upstream.otherwise(async (exchange) => {
    await reply(SAMPLES.chat.unary())(exchange)
    open -= 1
    if (open === 0) answered.resolve()
  })
  const calls = Array.from({ length: open }, () => gateway.call("chat", SAMPLES.chat.request()))
  await answered.promise
  const stopping = gateway.stop(600_000)
  for (const call of calls) expect((await call).text).toBe(SAMPLES.chat.unary())
  database.run("ROLLBACK")
  database.close()
  await stopping
})

test("the process ends with its grace, whatever its upstreams do, and every call has its row", async () => {
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      drains(config)
      config.server["drain_ms"] = 200
      config.server["drain_delay_ms"] = 1
    },
  })
  planStall(SAMPLES.chat, "stays")
  planStall(SAMPLES.messages, "leaves")
  const stays = await router.open("chat", SAMPLES.chat.request({ stream: true, text: "stays" }))
  const leaving = new AbortController()
  const leaves = await router.open("messages", SAMPLES.messages.request({ stream: true, text: "leaves" }), {
    signal: leaving.signal,
  })
  const ids = [stays, leaves].map(({ headers }) => headers.get("x-request-id") ?? "")
  await leaves.body?.getReader().read()
  leaving.abort()
  router.signal("SIGTERM")
  const { text } = await readAnswer(stays)
  expect(text).toContain("shutting-down")
  expect(await router.exited).toBe(0)
  const rows = ids.map((id) => router.records.usage(id)[0])
  expect(rows).toMatchObject([{ status: 503 }, { status: 499 }])
}, 60_000)

test("a router that stops takes calls until proxies have noticed, and /readyz says so at once", async () => {
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: ({ server }) => (server["drain_delay_ms"] = 600_000),
  })
  upstream.otherwise(reply(SAMPLES.chat.unary()))
  router.signal("SIGTERM")
  const parts = await eventually("the router says that it stops", async () => {
    const response = await fetch(`${router.url}/readyz`)
    return response.status === 503 ? ((await response.json()) as { readonly parts: unknown }).parts : undefined
  })
  expect(parts).toEqual(["draining"])
  expect((await router.call("chat", SAMPLES.chat.request())).status).toBe(200)
  // a second signal cuts the wait
  router.signal("SIGTERM")
  expect(await router.exited).toBe(1)
})
