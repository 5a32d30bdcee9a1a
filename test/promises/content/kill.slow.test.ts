/** A router that is killed loses the content of its last moment, and nothing else: what is stored can be read, calls are exact. */
import { expect, setDefaultTimeout, test } from "bun:test"
import { ALL_PARTS, capturing, CONTENT_ENV, partsOf, readContent } from "../../helpers/content.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { onEachDriver } from "../../helpers/ledger-drivers.ts"
import { startRedis, WITHOUT_REDIS } from "../../helpers/redis.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

setDefaultTimeout(600_000)

const KILLS = 5
const WORKERS = 4

onEachDriver((driver) => {
  test("killed under load, again and again", async () => {
    const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("Hi there you"))
    await using state = await driver.state()
    let router = await spawnRouter({
      upstreams: { upstream },
      env: CONTENT_ENV,
      configure: (config) => {
        capturing(config, ALL_PARTS)
        config.server["usage_db"] = state.usageDb
      },
    })
    const { prepared } = router
    const finished: { readonly id: string; readonly text: string }[] = []
    for (let kills = 0; kills < KILLS; kills += 1) {
      const running = router
      const until = finished.length + 60
      const work = async (): Promise<void> => {
        for (;;) {
          const body = SAMPLES.chat.request({ text: "x".repeat(3000), stream: finished.length % 2 === 0 })
          const answer = await running.call("chat", body).catch(() => null)
          if (answer === null || answer.broken || answer.status !== 200) return
          finished.push({ id: answer.requestId, text: answer.text })
          if (finished.length >= until) running.signal("SIGKILL")
        }
      }
      await Promise.all(Array.from({ length: WORKERS }, work))
      running.signal("SIGKILL")
      await running.exited
      router = await spawnRouter(prepared)
    }
    const last = await router.call("chat", SAMPLES.chat.request())
    await partsOf(router, last.requestId)
    let stored = 0
    for (const { id, text } of finished) {
      const read = await readContent(router, id)
      if (read.status === 404) continue
      expect(read.status).toBe(200)
      const { parts } = JSON.parse(read.text) as { readonly parts: readonly { part: string; content: string }[] }
      expect(parts.find(({ part }) => part === "answer")?.content).toBe(text)
      stored += 1
    }
    // the last moment before each kill is a few calls
    expect(stored).toBeGreaterThan(finished.length / 2)
    const ids = new Set(await state.ids())
    for (const { id } of finished) expect(ids.has(id)).toBe(true)
    await router[Symbol.asyncDispose]()
    await upstream.stop()
  })
})

test.skipIf(WITHOUT_REDIS !== null)(
  "with workers every process stores what it serves, under one key, and a stop loses nothing",
  async () => {
    const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
    await using redis = await startRedis()
    await using router = await spawnRouter({
      upstreams: { upstream },
      env: CONTENT_ENV,
      configure: (config) => {
        capturing(config, ALL_PARTS)
        config.server["workers"] = 3
        config.server["state"] = { driver: "redis", url: redis.url }
      },
    })
    const ids = await Promise.all(
      Array.from({ length: 120 }, async () => (await router.call("chat", SAMPLES.chat.request())).requestId),
    )
    router.signal("SIGTERM")
    expect(await router.exited).toBe(0)
    await using again = await spawnRouter(router.prepared)
    for (const id of ids) expect((await readContent(again, id)).status).toBe(200)
  },
)
