/** Calls of unknown cost are those that used something: what a provider refused has cost nothing. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const watcher = newToken("watcher")
let upstream: FakeUpstream

beforeAll(async () => {
  upstream = await FakeUpstream.start()
})

afterAll(() => upstream.stop())

async function unknownIn(gateway: Gateway): Promise<{ readonly usage: unknown; readonly metrics: number }> {
  const usage = at(JSON.parse((await get(gateway, "/v1/usage")).text), "month", "cost_unknown_requests")
  const metrics = readExposition((await get(gateway, "/metrics", { token: watcher })).text)
  return { usage, metrics: metrics.sum("smart_router_unpriced_calls_total") }
}

test("only calls that used something count", async () => {
  await using gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      for (const dialect of DIALECTS) {
        const models = config.providers[`upstream-${dialect}`]!["models"] as Record<string, object>
        models["unpriced"] = { model: "unpriced" }
        for (const model of ["m1", "unpriced"]) {
          const targets = [{ provider: `upstream-${dialect}`, model_ref: model }]
          config.models[`${dialect}-${model}`] = { strategy: "static", targets }
        }
      }
      config.callers[0]!["allow"] = Object.keys(config.models)
      config.callers.push(callerEntry("watcher", watcher, [], { metrics_admin: true }))
    },
  })
  for (const dialect of DIALECTS) {
    const sample = SAMPLES[dialect]
    for (const status of [400, 401, 402, 429, 500]) {
      upstream.otherwise(reply(sample.errorBody("no"), { status }))
      const answer = await gateway.call(dialect, sample.request({ model: `${dialect}-unpriced` }))
      expect(answer.status).toBeGreaterThanOrEqual(400)
      const failed = { attempts: 1, total_cost_nano_usd: null, cost_unknown_reason: null }
      expect(gateway.records.usage(answer.requestId)).toMatchObject([failed])
    }
  }
  expect(await unknownIn(gateway)).toEqual({ usage: 0, metrics: 0 })
  upstream.otherwise(vendorAnswer())
  for (const dialect of DIALECTS)
    for (const model of ["m1", "unpriced"])
      expect((await gateway.call(dialect, SAMPLES[dialect].request({ model: `${dialect}-${model}` }))).status).toBe(200)
  expect(await unknownIn(gateway)).toEqual({ usage: DIALECTS.length, metrics: DIALECTS.length })
})
