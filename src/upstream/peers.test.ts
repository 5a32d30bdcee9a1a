/** Several processes' worth of peers on one real Redis: what each may use, and what they tell one another. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { eventually } from "../../test/helpers/client.ts"
import { mustLoad } from "../../test/helpers/load-text.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../test/helpers/redis.ts"
import { compile } from "../config/compile.ts"
import type { Snapshot, Target } from "../config/snapshot.ts"
import { StoreLink } from "../governance/redis/link.ts"
import { script } from "../governance/redis/scripts.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"
import { Health } from "./health.ts"
import { newsFrom } from "./news.ts"
import { BEAT, Peers } from "./peers.ts"
import { claim, type Scope } from "./shaping.ts"

const SCRIPT = script(BEAT)
const DEMAND = { inputTokens: 1, outputTokens: 1 }
const now = (): number => systemClock.monotonicMs()

const PAUSES = "upstream_429_backoff: { enabled: true, min_backoff_ms: 1000, max_backoff_ms: 60000 }"
const RATE = "request_start_per_sec: 0.001, request_burst: 100"
const SHAPE = `{ enabled: true, ${RATE}, ${PAUSES} }`
const ONLY_PAUSES = `{ enabled: true, ${PAUSES} }`
const NO_SHAPE = "{ enabled: false }"

function snapshot(shape: string): Snapshot {
  const config = mustLoad(`
server: { listen: 127.0.0.1:0, breaker: { failures: 1, window: 30s, cooldown: 10s } }
providers:
  alpha:
    base_url: http://127.0.0.1:9/v1
    dialect: openai-chat
    auth_scheme: none
    traffic_shape: ${shape}
    models: { big: { model: vendor-big } }
models: { one: { strategy: static, targets: [{ provider: alpha, model_ref: big }] } }
`)
  return compile(config, { userAgent: "test", lineOf: () => null })
}

class Process {
  readonly health = new Health()
  target: Target
  readonly link: StoreLink
  readonly peers: Peers

  constructor(url: string, id: string, shape = SHAPE) {
    this.target = this.load(shape)
    const limits = { firstRetryMs: 20, slowestRetryMs: 50 }
    const options = { url, clock: systemClock, log: silentLog, limits, name: "capacity", scripts: [SCRIPT] }
    this.link = new StoreLink({ ...options, onUp: () => {} })
    const { link } = this
    const meeting = {
      get isUp() {
        return link.isUp
      },
      beat: (words: readonly string[]) => link.run(SCRIPT, words),
      close: () => link.close(),
    }
    const { health } = this
    this.peers = new Peers({ link: meeting, health, clock: systemClock, log: silentLog, id, processes: 1 })
  }

  load(shape: string): Target {
    const configured = snapshot(shape)
    this.health.adopt(configured, now())
    this.target = configured.groups.get("one")!.targets[0]!
    return this.target
  }

  get scope(): Scope {
    return this.health.of(this.target).scopes[0]!
  }

  /** 0: it has no rate to keep. */
  get part(): number {
    return [...this.health.scopesWithBuckets()].reduce((_, { part }) => part, 0)
  }

  /** As many calls as it lets start at this moment. */
  start(most = Infinity): number {
    let started = 0
    while (started < most && claim(this.health.of(this.target).scopes, DEMAND, now()) === null) started += 1
    return started
  }

  ask(calls: number): void {
    this.scope.asked += calls
  }
}

let ids = 0
const opened = new Set<Process>()
async function open(url: string, shape = SHAPE): Promise<Process> {
  const one = new Process(url, `p${(ids += 1)}`, shape)
  opened.add(one)
  await one.link.open()
  await one.peers.open()
  return one
}

const near = (part: number, expected: number): true | undefined => (Math.abs(part - expected) < 0.02 ? true : undefined)

describe.skipIf(WITHOUT_REDIS !== null)(`peers${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterEach(async () => {
    for (const process of opened) await process.peers.close()
    opened.clear()
  })
  afterAll(async () => {
    await redis[Symbol.asyncDispose]()
  })

  test("parts are never more than the whole together, while processes come, go and change what they ask for", async () => {
    await redis.command("FLUSHALL")
    const living = new Set<Process>()
    const sums: number[] = []
    const look = setInterval(() => {
      sums.push([...living].reduce((sum, { scope }) => sum + scope.part, 0))
      for (const one of living) if (Math.floor(now() / 300) % 3 === ids % 3) one.ask(1 + (ids % 5))
    }, 2)
    const join = async (): Promise<Process> => {
      const one = new Process(redis.url, `p${(ids += 1)}`)
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
    await eventually("the whole", () => near(two.scope.part, 1))
    await two.peers.close()
  })

  test("one of many that gets all calls has most of it, also with few of them", async () => {
    await redis.command("FLUSHALL")
    const all = await Promise.all(Array.from({ length: 10 }, () => open(redis.url)))
    await eventually("tenths", () => all.every(({ scope }) => near(scope.part, 0.1)) || undefined)
    all[0]!.ask(100)
    await eventually("most", () => (all[0]!.scope.part > 0.7 ? true : undefined))
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
    await eventually("the whole again", () => near(two.scope.part, 1))
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
    expect(Math.abs(two.scope.rateLimited!.until - backoff.until)).toBeLessThan(100)
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
