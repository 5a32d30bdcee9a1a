/** A reload forgets nothing about targets and shared capacity that it does not change. */
import { expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { targetsOf } from "../../helpers/config.ts"
import { parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

test("an open breaker stays open, a full provider stays full", async () => {
  const sample = SAMPLES.chat
  const first = (await FakeUpstream.start()).otherwise(vendorAnswer("first"))
  const second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
  const capacity = { enabled: true, request_start_per_sec: 1 / 3600, request_burst: 1 }
  await using router = await spawnRouter({
    upstreams: { first, second },
    configure: (config) => {
      config.server["breaker"] = { failures: 1, cooldown: "10m" }
      config.models["default"] = { strategy: "failover", targets: targetsOf(["first", "second"]) }
      config.models["shaped"] = { strategy: "failover", targets: targetsOf(["second", "first"]) }
      config.providers["second-chat"]!["traffic_shape"] = capacity
      config.callers = config.callers.map((caller) => ({ ...caller, allow: ["default", "shaped"] }))
    },
  })
  const ask = async (model: string, text: string): Promise<string> =>
    (await router.call("chat", sample.request({ model, text }))).text

  first.plan("failing", reply("", { status: 500 }))
  expect(await ask("default", "failing")).toBe(sample.unary("second"))
  expect(await ask("shaped", "full")).toBe(sample.unary("first"))

  router.prepared.rewrite((config) => {
    config.models["third"] = { strategy: "static", targets: targetsOf(["first"]) }
    config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
  })
  router.signal("SIGHUP")
  await eventually("the new group", async () => {
    const models = at(parsed(await get(router, "/v1/models")), "data")
    return Array.isArray(models) && models.some((model) => at(model, "id") === "third") ? true : undefined
  })
  expect(await ask("shaped", "still full")).toBe(sample.unary("first"))
  const before = first.exchanges.length
  // the second is full, so the first is the last resort although it is open
  expect(await ask("default", "open")).toBe(sample.unary("first"))
  expect(first.exchanges.length).toBe(before + 1)

  router.prepared.rewrite((config) => {
    config.providers["second-chat"]!["traffic_shape"] = { ...capacity, request_burst: 50 }
  })
  router.signal("SIGHUP")
  await eventually("room at the second", async () =>
    (await ask("shaped", "room")) === sample.unary("second") ? true : undefined,
  )
  expect(await ask("default", "open still")).toBe(sample.unary("second"))
  await Promise.all([first.stop(), second.stop()])
})
