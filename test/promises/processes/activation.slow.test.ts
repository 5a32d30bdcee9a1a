/** What is proven outlives the process that knew it: killed at any moment, and started again. */
import { afterAll, expect, test } from "bun:test"
import { systemClock } from "../../../src/system/clock.ts"
import { eventually } from "../../helpers/client.ts"
import { prepare } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { prove } from "../../helpers/proofs.ts"
import { type RouterProcess, spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
const prepared = prepare({
  upstreams: { upstream },
  configure: (config) => {
    const targets = [{ provider: "upstream-chat", model_ref: "m1" }]
    config.models["default"] = { strategy: "static", activation: "required", targets }
  },
})
afterAll(async () => {
  prepared.remove()
  await upstream.stop()
})

const status = async (router: RouterProcess): Promise<number> =>
  (await router.call("chat", SAMPLES.chat.request({ model: "default" }))).status

test("a record that a command writes beside a router counts there, and in the next one after kill -9", async () => {
  const first = await spawnRouter(prepared)
  expect(first.output()).toContain("ALL CALLS OF THE GROUP ARE REFUSED")
  expect(await status(first)).toBe(400)
  await prove(prepared, "default", [{ provider: "upstream-chat" }], systemClock)
  await eventually("the record counts", async () => ((await status(first)) === 200 ? true : undefined))
  first.signal("SIGKILL")
  await first.exited
  const second = await spawnRouter(prepared)
  expect(await status(second)).toBe(200)
  expect(second.output()).not.toContain("ALL CALLS OF THE GROUP ARE REFUSED")
  // a failure that is written while nobody serves counts at the start
  second.signal("SIGKILL")
  await second.exited
  await prove(prepared, "default", [{ provider: "upstream-chat", capabilities: ["text"], result: "fail" }], systemClock)
  const third = await spawnRouter(prepared)
  expect(await status(third)).toBe(400)
  await third.stop()
})
