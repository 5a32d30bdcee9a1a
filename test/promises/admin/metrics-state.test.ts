/** `GET /metrics` says how the parts of the router are, and forgets nothing when the configuration is read again. */
import { expect, test } from "bun:test"
import { Database } from "bun:sqlite"
import { reply, stream } from "../../helpers/behaviours.ts"
import { eventually, get, readAnswer } from "../../helpers/client.ts"
import { targetsOf } from "../../helpers/config.ts"
import { readExposition, type Scrape } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

type Block = Readonly<Record<string, unknown>>

async function scrape(gateway: Gateway): Promise<Scrape> {
  return readExposition((await get(gateway, "/metrics")).text)
}

async function start(
  upstream: FakeUpstream,
  caller: Block = {},
  server: Block = {},
  provider: Block = {},
): Promise<Gateway> {
  return startGateway({
    upstreams: { upstream },
    configure: (config) => {
      Object.assign(config.server, server)
      for (const entry of Object.values(config.providers)) Object.assign(entry, provider)
      config.callers[0] = { ...config.callers[0], metrics_admin: true, ...caller }
    },
  })
}

test("a reload changes no count; who may read it changes at once", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({ upstreams: { upstream } })
  await router.call("chat", SAMPLES.chat.request())
  expect((await get(router, "/metrics")).status).toBe(403)
  router.prepared.rewrite((config) => {
    config.callers[0] = { ...config.callers[0], metrics_admin: true, allow: ["other", "default"] }
    config.models["other"] = { strategy: "static", targets: targetsOf(["upstream"]) }
  })
  router.signal("SIGHUP")
  await eventually("metrics", async () => ((await get(router, "/metrics")).status === 200 ? true : undefined))
  await router.call("chat", SAMPLES.chat.request())
  await router.call("chat", SAMPLES.chat.request({ model: "other" }))
  const counted = await scrape(router)
  expect(counted.sum("smart_router_requests_total", { group: "default", status: "2xx" })).toBe(2)
  expect(counted.sum("smart_router_requests_total", { group: "other", status: "2xx" })).toBe(1)
  router.prepared.rewrite((config) => {
    config.models = { default: config.models["default"]! }
    config.callers[0] = { ...config.callers[0], allow: ["default"] }
  })
  router.signal("SIGHUP")
  await eventually("one group", async () =>
    (await router.call("chat", SAMPLES.chat.request({ model: "other" }))).status === 403 ? true : undefined,
  )
  const after = await scrape(router)
  expect(after.sum("smart_router_requests_total", { group: "other", status: "2xx" })).toBeGreaterThanOrEqual(1)
  const { families } = after
  const targets = families.get("smart_router_target_breaker_state")!.samples.map(({ labels }) => labels["group"])
  expect(new Set(targets)).toEqual(new Set(["default"]))
  await upstream.stop()
})

test("an open breaker and a pause that a provider asked for", async () => {
  const upstream = await FakeUpstream.start()
  const pause = { enabled: true, min_backoff_ms: 60_000, max_backoff_ms: 60_000 }
  const shape = { traffic_shape: { enabled: true, upstream_429_backoff: pause } }
  await using gateway = await start(upstream, {}, { breaker: { failures: 2, window: "10m", cooldown: "10m" } }, shape)
  upstream.otherwise(reply(SAMPLES.chat.errorBody("no"), { status: 500 }))
  const state = { target: "0", provider: "upstream-chat" }
  expect((await scrape(gateway)).sum("smart_router_target_breaker_state", state)).toBe(0)
  for (let call = 0; call < 2; call++) await gateway.call("chat", SAMPLES.chat.request())
  const failing = await scrape(gateway)
  expect(failing.sum("smart_router_target_breaker_state", state)).toBe(2)
  expect(failing.sum("smart_router_target_backoff_seconds")).toBe(0)
  upstream.otherwise(reply(SAMPLES.chat.errorBody("slow down"), { status: 429 }))
  await gateway.call("chat", SAMPLES.chat.request())
  const paused = await scrape(gateway)
  const seconds = paused.sum("smart_router_target_backoff_seconds", { ...state, reason: "rate_limited" })
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(60)
  await upstream.stop()
})

test("how well input was estimated, of callers whose tokens are limited", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await start(upstream, { quota: { day: { tokens: 1_000_000 } } })
  const body = SAMPLES.chat.request({ extra: { max_tokens: 20 } })
  await gateway.call("chat", body)
  const metrics = await scrape(gateway)
  const [row] = gateway.records.usage()
  expect(metrics.sum("smart_router_estimator_calls_total")).toBe(1)
  expect(metrics.sum("smart_router_estimator_reported_tokens_total")).toBe(11)
  expect(row?.estimated_input_tokens).toBeGreaterThan(0)
  expect(metrics.sum("smart_router_estimator_estimated_tokens_total")).toBe(row?.estimated_input_tokens ?? Number.NaN)
  await upstream.stop()
})

test("calls in flight, and what is reserved for them", async () => {
  const upstream = await FakeUpstream.start()
  await using gateway = await start(upstream, { rate: { concurrent: 5 } })
  const gate = Promise.withResolvers<void>()
  const frames = SAMPLES.chat.frames()
  upstream.otherwise(stream([...frames.slice(0, 3), { until: gate.promise }, ...frames.slice(3)]))
  const flying = await gateway.open("chat", SAMPLES.chat.request({ stream: true }))
  const during = await scrape(gateway)
  expect(during.sum("smart_router_active_calls")).toBe(1)
  expect(during.sum("smart_router_journal_open_calls")).toBe(1)
  expect(during.sum("smart_router_requests_total")).toBe(0)
  gate.resolve()
  await readAnswer(flying)
  const after = await scrape(gateway)
  expect(after.sum("smart_router_active_calls") + after.sum("smart_router_journal_open_calls")).toBe(0)
  expect(after.sum("smart_router_requests_total")).toBe(1)
  await upstream.stop()
})

test("a usage database that takes no rows, and what waits for it", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await start(upstream)
  const database = new Database(databasePath(gateway.directory))
  database.run("BEGIN IMMEDIATE")
  expect((await gateway.call("chat", SAMPLES.chat.request())).status).toBe(200)
  const down = await scrape(gateway)
  expect(down.sum("smart_router_ledger_up")).toBe(0)
  expect(down.sum("smart_router_ledger_outages_total")).toBe(1)
  expect(down.sum("smart_router_spool_bytes")).toBeGreaterThan(0)
  database.run("ROLLBACK")
  database.close()
  await eventually("the database takes rows", async () => {
    const now = await scrape(gateway)
    return now.sum("smart_router_ledger_up") === 1 && now.sum("smart_router_spool_bytes") === 0 ? true : undefined
  })
  await upstream.stop()
})
