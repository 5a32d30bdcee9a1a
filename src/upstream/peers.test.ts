/** Several processes' worth of peers on one real Redis: what each may use, and what they tell one another. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { eventually } from "../../test/helpers/client.ts"
import { closeAll, near, now, open, type Process } from "../../test/helpers/peer-process.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../test/helpers/redis.ts"
import { newsFrom } from "./news.ts"

describe.skipIf(WITHOUT_REDIS !== null)(`peers${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterEach(closeAll)
  afterAll(async () => {
    await redis[Symbol.asyncDispose]()
  })

  test("a burst is there once, however many processes there are; nobody begins with another one", async () => {
    await redis.command("FLUSHALL")
    const one = await open(redis.url)
    expect(one.start()).toBe(100)
    const two = await open(redis.url)
    await eventually("a part", () => (two.scope.part > 0.1 ? true : undefined))
    expect([one.start(), two.start()]).toEqual([0, 0])
    await Promise.all([one.peers.close(), two.peers.close()])
    await redis.command("FLUSHALL")
    const all = [await open(redis.url), await open(redis.url), await open(redis.url)]
    await eventually("thirds", () => all.every(({ scope }) => near(scope.part, 1 / 3)) || undefined)
    expect(all.reduce((sum, process) => sum + process.start(), 0)).toBeLessThanOrEqual(100)
    for (const process of all) await process.peers.close()
  })

  test("pauses and breakers are heard by all, those who come later too, and so is their end", async () => {
    await redis.command("FLUSHALL")
    const [one, two] = [await open(redis.url), await open(redis.url)]
    const began = now() - 50
    const backoff = one.scope.rateLimited!
    backoff.failed(began, 20_000, now())
    one.health.paused(one.scope, "rate_limited", backoff)
    one.health.failed(one.health.of(one.target), began, now())
    const hindered = (process: Process) => process.health.standing(process.target, now())
    await eventually("the news", () => (hindered(two).breaker === "open" ? true : undefined))
    expect(hindered(two).hindrance).toMatchObject({ reason: "rate-limited", scope: "provider" })
    expect(Math.abs(two.scope.rateLimited!.until - backoff.until)).toBeLessThan(10_000)
    expect(two.scope.rateLimited!.failures).toBe(1)
    const three = await open(redis.url)
    expect(hindered(three)).toMatchObject({ breaker: "open", hindrance: { reason: "rate-limited" } })
    // a store that lost it is told again
    await redis.command("FLUSHALL")
    await eventually("it again", async () =>
      (await redis.command("HLEN", "{smart-router}:news")) === 4 ? true : undefined,
    )
    // a call that began later has an answer
    two.health.succeeded(two.health.of(two.target), now() + 10_500, now() + 10_600)
    await eventually("the end", () =>
      [one, three].every((process) => hindered(process).hindrance === null) ? true : undefined,
    )
    expect([one, three].map((process) => hindered(process).breaker)).toEqual(["closed", "closed"])
    for (const process of [one, two, three]) await process.peers.close()
  })

  test("what somebody else wrote into the store is no news", () => {
    for (const text of [
      "",
      "x",
      "1 pause",
      "1 pause nan 2 3 4",
      "1 open 1 2 3",
      "1 close 1 2 3 4 5 6 7 8",
      "1 pause 1 2 3 Infinity",
    ])
      expect([text, newsFrom("rabc", text, 0, 0)]).toEqual([text, null])
    expect(newsFrom("zabc", "1 pause 1 2 3 4", 0, 0)).toBeNull()
  })
})
