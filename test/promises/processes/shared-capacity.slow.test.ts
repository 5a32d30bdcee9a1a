/** Several routers on one Redis keep a provider's `traffic_shape` as one, and learn of pauses and breakers from one another. */
import { describe, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { targetsOf } from "../../helpers/config.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream, type Behaviour } from "../../helpers/fake-upstream.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../helpers/redis.ts"
import { spawnRouter, type RouterProcess } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"

const RATE = 15
const BURST = 9

interface House extends AsyncDisposable {
  readonly redis: RedisServer
  readonly routers: readonly RouterProcess[]
  readonly first: FakeUpstream
  readonly second: FakeUpstream
  /** Times of the calls that came to the first upstream. */
  readonly starts: number[]
  /** The first upstream answers the next calls with these. */
  readonly failures: number[]
}

/** Three routers; the second upstream only where `hasWayOut`. */
async function house(shape: object, hasWayOut: boolean): Promise<House> {
  const stack = new AsyncDisposableStack()
  const redis = stack.use(await startRedis())
  const starts: number[] = []
  const failures: number[] = []
  const [first, second] = [await FakeUpstream.start(), await FakeUpstream.start()]
  for (const upstream of [first, second]) stack.defer(async () => upstream.stop())
  second.otherwise(reply(SAMPLES.chat.unary("second")))
  first.otherwise(async (exchange) => {
    starts.push(performance.now())
    const status = failures.shift()
    await (status === undefined ? reply(SAMPLES.chat.unary("first")) : failing(status))(exchange)
  })
  const spawn = async (): Promise<RouterProcess> =>
    stack.use(
      await spawnRouter({
        upstreams: { first, second },
        configure: (config) => {
          config.server["state"] = { driver: "redis", url: redis.url }
          config.server["breaker"] = { failures: 3, window: "30s", cooldown: "20s" }
          config.callers = config.callers.map((caller) => ({ ...caller, metrics_admin: true }))
          const names = hasWayOut ? ["first", "second"] : ["first"]
          config.models["default"] = { strategy: "failover", targets: targetsOf(names) }
          for (const [name, provider] of Object.entries(config.providers))
            if (name.startsWith("first")) provider["traffic_shape"] = { enabled: true, ...shape }
        },
      }),
    )
  const routers = await Promise.all([spawn(), spawn(), spawn()])
  return { redis, routers, first, second, starts, failures, [Symbol.asyncDispose]: async () => stack.disposeAsync() }
}

const failing = (status: number): Behaviour => reply(`{"error":{"message":"no"}}`, { status })

let calls = 0
/** Each is a conversation of its own. */
async function ask(router: RouterProcess): Promise<string> {
  const answer = await router.call("chat", SAMPLES.chat.request({ text: `hi ${(calls += 1)}` }))
  return answer.status === 200 ? (answer.text.includes("second") ? "second" : "first") : String(answer.status)
}

const PAUSE = "smart_router_target_backoff_seconds"
const BREAKER = "smart_router_target_breaker_state"

/** The largest of all targets, without any call to them. */
async function gauge(router: RouterProcess, name: string): Promise<number> {
  const { samples } = readExposition((await get(router, "/metrics")).text)
  return Math.max(...samples.filter((sample) => sample.name === name).map(({ value }) => value))
}

/** No stretch of time holds more than the burst and what the rate brings; a call may have been on its way for a while. */
function expectWithin(starts: readonly number[], slackMs: number): void {
  for (let from = 0; from < starts.length; from += 1)
    for (let to = from; to < starts.length; to += 1) {
      const seconds = (starts[to]! - starts[from]! + slackMs) / 1000
      expect(to - from + 1).toBeLessThanOrEqual(BURST + RATE * seconds)
    }
}

describe.skipIf(WITHOUT_REDIS !== null)(`one Redis${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  test("three routers keep one rate: together, after one is killed, and while the Redis is away", async () => {
    await using all = await house({ request_start_per_sec: RATE, request_burst: BURST }, false)
    const { routers, redis, starts } = all
    const load = { isOver: false }
    const statuses = new Set<string>()
    const hammer = async (router: RouterProcess): Promise<void> => {
      while (!load.isOver) {
        const went = await ask(router).catch(() => null)
        if (went === null) return
        statuses.add(went)
        await Bun.sleep(20)
      }
    }
    const hammers = routers.flatMap((router) => [hammer(router), hammer(router)])
    const during = async (ms: number): Promise<readonly number[]> => {
      const before = starts.length
      await Bun.sleep(ms)
      return starts.slice(before)
    }
    /** More than two thirds: it can only be had if nobody's part lies idle. */
    const whole = (what: string): Promise<true> =>
      eventually(what, async () => ((await during(2000)).length > 0.75 * RATE * 2 ? true : undefined))
    await whole("the rate of three")
    routers[2]!.signal("SIGKILL")
    await routers[2]!.exited
    // its part is free once nobody has heard of it for three seconds
    await whole("the rate of two")
    redis.signal("SIGSTOP")
    await during(1000)
    await whole("the rate of two without the Redis")
    redis.signal("SIGCONT")
    await during(1500)
    load.isOver = true
    await Promise.all(hammers)
    expectWithin(starts, 1000)
    expect([...statuses].toSorted()).toEqual(["503", "first"])
  })

  test("a provider that asks one router for a pause gets it from all, and one answer ends it for all", async () => {
    const pause = { enabled: true, min_backoff_ms: 20_000, max_backoff_ms: 60_000 }
    await using all = await house({ upstream_429_backoff: pause }, true)
    const [one, two, three] = all.routers as [RouterProcess, RouterProcess, RouterProcess]
    expect([await ask(one), await ask(two), await ask(three)]).toEqual(["first", "first", "first"])
    all.failures.push(429)
    expect(await ask(one)).toBe("second")
    for (const router of [two, three]) {
      await eventually("the pause", async () => ((await gauge(router, PAUSE)) > 0 ? true : undefined))
      expect(await ask(router)).toBe("second")
    }
    // the pause only reorders: with nothing else there, the first is asked, and its answer ends the pause
    const before = all.starts.length
    all.second.otherwise(failing(500))
    expect(await ask(three)).toBe("first")
    expect(all.starts.length).toBe(before + 1)
    all.second.otherwise(reply(SAMPLES.chat.unary("second")))
    for (const router of [one, two]) {
      await eventually("its end", async () => ((await gauge(router, PAUSE)) === 0 ? true : undefined))
      expect(await ask(router)).toBe("first")
    }
  })

  test("a target that failed at one router is tried last by all", async () => {
    await using all = await house({ request_start_per_sec: 1000 }, true)
    const [one, two, three] = all.routers as [RouterProcess, RouterProcess, RouterProcess]
    for (let call = 0; call < 3; call += 1) {
      all.failures.push(500)
      expect(await ask(one)).toBe("second")
    }
    for (const router of [two, three]) {
      await eventually("the breaker", async () => ((await gauge(router, BREAKER)) === 2 ? true : undefined))
      expect(await ask(router)).toBe("second")
    }
    expect(two.output() + three.output()).not.toContain("breaker of a target has opened")
  })
})
