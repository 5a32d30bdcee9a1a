/** How processes on one real Redis share a rate, while they come, go, and change what they ask for. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { eventually } from "../../test/helpers/client.ts"
import {
  closeAll,
  near,
  NO_SHAPE,
  now,
  ONLY_PAUSES,
  open,
  processOn,
  SHAPE,
  type Process,
} from "../../test/helpers/peer-process.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../test/helpers/redis.ts"

describe.skipIf(WITHOUT_REDIS !== null)(`peers${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterEach(closeAll)
  afterAll(async () => {
    await redis[Symbol.asyncDispose]()
  })

  test("parts are never more than the whole together, while processes come, go and change what they ask for", async () => {
    await redis.command("FLUSHALL")
    const living = new Set<Process>()
    const sums: number[] = []
    const look = setInterval(() => {
      sums.push([...living].reduce((sum, { scope }) => sum + scope.part, 0))
      for (const one of living) if (Math.floor(now() / 300) % 3 === living.size % 3) one.ask(1 + living.size)
    }, 2)
    const join = async (): Promise<Process> => {
      const one = processOn(redis.url)
      await one.link.open()
      const opening = one.peers.open()
      // it has nothing until it is told
      living.add(one)
      await opening
      return one
    }
    const first = await join()
    await eventually("the whole", () => near(first.scope.part, 1))
    const [second, third] = await Promise.all([join(), join()])
    for (let round = 0; round < 10; round += 1) {
      ;[first, second, third][round % 3]!.ask(50)
      await Bun.sleep(60)
    }
    living.delete(second)
    await second.peers.close()
    await join()
    await eventually("the last one's part", () =>
      [...living].every(({ scope }) => scope.part > 0.05) ? true : undefined,
    )
    clearInterval(look)
    expect(Math.max(...sums)).toBeLessThanOrEqual(1 + 1e-9)
    for (const one of living) await one.peers.close()
  })

  test("alone all; beside idle processes nearly all; equal when all ask alike; the dead leave theirs", async () => {
    await redis.command("FLUSHALL")
    const one = await open(redis.url)
    await eventually("all", () => near(one.scope.part, 1))
    const two = await open(redis.url)
    await eventually("halves", () => near(one.scope.part, 0.5) && near(two.scope.part, 0.5))
    const asking = setInterval(() => one.ask(1), 5)
    await eventually("nearly all", () => near(one.scope.part, 0.875) && near(two.scope.part, 0.125))
    const askingToo = setInterval(() => two.ask(1), 5)
    await eventually("halves again", () => (two.scope.part > 0.4 ? true : undefined))
    clearInterval(asking)
    clearInterval(askingToo)
    // killed: it says nothing any more
    one.link.close()
    expect(await eventually("the whole", () => near(two.scope.part, 1))).toBe(true)
    await two.peers.close()
  })

  test("one of many that gets all calls has most of it, also with few of them", async () => {
    await redis.command("FLUSHALL")
    const all = await Promise.all(Array.from({ length: 10 }, () => open(redis.url)))
    await eventually("tenths", () => all.every(({ scope }) => near(scope.part, 0.1)) || undefined)
    all[0]!.ask(100)
    expect(await eventually("most", () => (all[0]!.scope.part > 0.7 ? true : undefined))).toBe(true)
  })

  test("a scope that a reload takes away is left to those that still have it", async () => {
    await redis.command("FLUSHALL")
    const [one, two] = [await open(redis.url), await open(redis.url)]
    one.ask(1000)
    await eventually("nearly all", () => near(one.scope.part, 0.875) && near(two.scope.part, 0.125))
    one.load(NO_SHAPE)
    await eventually("the whole", () => near(two.scope.part, 1))
    one.load(SHAPE)
    await eventually("both", () => (one.part > 0.1 && one.part + two.part < 1 + 1e-9 ? true : undefined))
    one.load(ONLY_PAUSES)
    expect(await eventually("the whole again", () => near(two.scope.part, 1))).toBe(true)
  })

  for (const before of [NO_SHAPE, ONLY_PAUSES])
    test(`a scope that a reload brings is there once, and so when the store has lost it; before: ${before}`, async () => {
      await redis.command("FLUSHALL")
      const [one, two] = [await open(redis.url, before), await open(redis.url, before)]
      await eventually("each other", () => (one.health.firstPart === 0.5 && two.health.firstPart === 0.5) || undefined)
      const sums: number[] = []
      const look = setInterval(() => {
        sums.push(one.part + two.part)
        if (one.part > 0) one.ask(1)
      }, 2)
      one.load(SHAPE)
      await Bun.sleep(250)
      two.load(SHAPE)
      await eventually("nearly all", () => near(one.part, 0.875))
      await redis.command("FLUSHALL")
      two.ask(10_000)
      await eventually("nearly nothing", () => (one.part < 0.3 && two.part > 0.6 ? true : undefined))
      clearInterval(look)
      expect(Math.max(...sums)).toBeLessThanOrEqual(1 + 1e-9)
    })

  test("while the store is away everybody goes on with the last part; one that starts then guesses", async () => {
    await using away = await startRedis()
    const [one, two] = [await open(away.url), await open(away.url)]
    await eventually("halves", () => near(one.scope.part, 0.5) && near(two.scope.part, 0.5))
    away.signal("SIGSTOP")
    await eventually("the outage", () => (one.link.isUp || two.link.isUp ? undefined : true))
    const three = await open(away.url)
    expect([one, two, three].map(({ scope }) => Math.round(scope.part * 10) / 10)).toEqual([0.5, 0.5, 1])
    expect(three.start(1)).toBe(1)
    away.signal("SIGCONT")
    await eventually("thirds", () => [one, two, three].every(({ scope }) => near(scope.part, 1 / 3)) || undefined)
    for (const process of [one, two, three]) await process.peers.close()
  })
})
