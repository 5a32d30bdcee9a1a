/** A reload keeps what was counted, changed limits count at once, and new ones know what was used before. */
import { expect, test } from "bun:test"
import { stall, stream } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { RouterProcess } from "../../helpers/router-process.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

interface Line {
  readonly limit: string
  readonly limit_value: number
  readonly used: number
  readonly reserved: number
}

async function linesOf(router: RouterProcess): Promise<readonly Line[]> {
  return at(JSON.parse((await get(router, "/v1/usage")).text), "limits") as readonly Line[]
}

async function reload(router: RouterProcess, limits: Readonly<Record<string, unknown>>, limit: string, value: number) {
  router.prepared.rewrite((config) => {
    config.callers[0] = { ...config.callers[0], ...limits }
  })
  router.signal("SIGHUP")
  return eventually(`${limit} is ${value}`, async () =>
    (await linesOf(router)).find((line) => line.limit === limit && line.limit_value === value),
  )
}

const body = (text: string): string => SAMPLES.chat.request({ text, extra: { max_tokens: 20 } })

test("limits come, change and stay counted", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({ upstreams: { upstream } })
  const call = async (text = "hello") => router.call("chat", body(text))
  expect((await call()).status).toBe(200)
  // a call that begins without limits
  const gate = Promise.withResolvers<void>()
  upstream.plan("in flight", async (exchange) => {
    await gate.promise
    await stream(SAMPLES.chat.frames())(exchange)
  })
  const flying = router.call("chat", SAMPLES.chat.request({ text: "in flight", stream: true }))
  await upstream.arrival("in flight")

  const first = await reload(router, { quota: { day: { tokens: 1000 } } }, "quota.day.tokens", 1000)
  expect(first).toMatchObject({ used: 18, reserved: 0 })
  gate.resolve()
  await flying
  await eventually("the late call is counted", async () => ((await linesOf(router))[0]?.used === 36 ? true : undefined))

  upstream.plan("held", stall)
  const leaving = new AbortController()
  const held = router.open("chat", body("held"), { signal: leaving.signal }).catch(() => null)
  await upstream.arrival("held")
  const second = await reload(router, { quota: { day: { tokens: 100 } } }, "quota.day.tokens", 100)
  expect(second.used).toBe(36)
  expect(second.reserved).toBeGreaterThan(20)
  expectError(await call(), "chat", 429, "quota-exhausted")
  await reload(router, { quota: { day: { tokens: 5000 } } }, "quota.day.tokens", 5000)
  expect((await call()).status).toBe(200)
  leaving.abort()
  await held
  await eventually("nothing is held", async () => ((await linesOf(router))[0]?.reserved === 0 ? true : undefined))
  await upstream.stop()
})
