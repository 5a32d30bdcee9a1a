/** Routers on one Redis keep a conversation on one target; a Redis that is silent or gone costs no call. */
import { describe, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { eventually } from "../../helpers/client.ts"
import { targetsOf } from "../../helpers/config.ts"
import { parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../helpers/redis.ts"
import { spawnRouter, type RouterProcess } from "../../helpers/router-process.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { SEALS, wholeAnswer } from "../../helpers/scenario.ts"
import { allowAll } from "../../helpers/translating.ts"
import { turns } from "../../helpers/turns.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const NAMES = ["one", "two", "three"] as const
type Name = (typeof NAMES)[number]

interface House extends AsyncDisposable {
  readonly redis: RedisServer
  readonly routers: readonly [RouterProcess, RouterProcess]
  readonly upstreams: Readonly<Record<Name, FakeUpstream>>
}

async function house(): Promise<House> {
  const stack = new AsyncDisposableStack()
  const redis = stack.use(await startRedis())
  const started = await Promise.all(
    NAMES.map(async (name) => (await FakeUpstream.start()).otherwise(vendorAnswer(name))),
  )
  const [one, two, three] = started as [FakeUpstream, FakeUpstream, FakeUpstream]
  for (const upstream of started) stack.defer(async () => upstream.stop())
  const upstreams = { one, two, three }
  const spawn = async (): Promise<RouterProcess> =>
    stack.use(
      await spawnRouter({
        upstreams,
        configure: (config) => {
          config.server["state"] = { driver: "redis", url: redis.url }
          // each router has a ledger, and so a secret for issuers, of its own
          for (const [name, provider] of Object.entries(config.providers)) provider["key_id"] = name
          for (const strategy of ["weighted", "failover"])
            config.models[strategy] = { strategy, targets: targetsOf(NAMES), translation: "off" }
          allowAll(config)
        },
      }),
    )
  const routers = [await spawn(), await spawn()] as const
  // a router serves before its pins are there
  await eventually("the pins", async () => {
    const clients = String(await redis.command("CLIENT", "LIST"))
    return clients.trim().split("\n").length >= 7 ? true : undefined
  })
  return { redis, routers, upstreams, [Symbol.asyncDispose]: async () => stack.disposeAsync() }
}

async function ask(router: RouterProcess, dialect: Dialect, session: string): Promise<string> {
  const body = SAMPLES[dialect].request({ model: "weighted", text: "hi" })
  const answer = await router.call(dialect, body, { headers: { "x-session-id": session } })
  expect(answer.status).toBe(200)
  return NAMES.find((name) => answer.text.includes(name))!
}

const SESSIONS = Array.from({ length: 10 }, (_, index) => `session-${index}`)

describe.skipIf(WITHOUT_REDIS !== null)(`one Redis${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  test("conversations that change their router with every turn stay on their targets", async () => {
    await using all = await house()
    const [left, right] = all.routers
    const places = new Set<string>()
    for (const dialect of DIALECTS) {
      for (const session of SESSIONS) {
        const went: string[] = []
        for (const router of [left, right, left, right]) went.push(await ask(router, dialect, session))
        expect([session, new Set(went).size]).toEqual([session, 1])
        places.add(went[0]!)
      }
      // by their first turns, without a session
      for (const name of ["a", "b", "c", "d"]) {
        const said = turns(dialect, `question ${name}`)
        const went: string[] = []
        for (const router of [left, right, left, right]) {
          const answer = await router.call(dialect, SAMPLES[dialect].request({ model: "weighted", extra: said.extra }))
          went.push(NAMES.find((place) => answer.text.includes(place))!)
          said.goOn(parsed(answer), "and?")
        }
        expect([name, new Set(went).size]).toEqual([name, 1])
      }
    }
    expect(places.size).toBeGreaterThan(1)
    const keys = (await all.redis.command("KEYS", "*")) as readonly string[]
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) {
      expect(key).toMatch(/^\{smart-router\}:(pin:weighted:[A-Za-z0-9+/]{43}=|probe|peers|news|since|beat)$/)
      // the mark of when the store was found empty stays, and how far it has come since
      if (!/since|beat$/u.test(key)) expect(Number(await all.redis.command("PTTL", key))).toBeGreaterThan(0)
      const read = key.endsWith("peers") ? ["ZRANGE", key, "0", "-1"] : [key.endsWith("news") ? "HGETALL" : "GET", key]
      const [command = "", ...words] = read
      expect(JSON.stringify(await all.redis.command(command, ...words))).not.toMatch(/session|question|sk-|http/)
    }
  })

  test("sealed reasoning follows a conversation that another router had to move", async () => {
    await using all = await house()
    const [left, right] = all.routers
    const sealedBy = (name: string): string =>
      wholeAnswer("responses", { reasoning: "Thought.", text: "Answer.", stop: "end" }).replace(
        SEALS.responses,
        `${SEALS.responses}-${name}`,
      )
    for (const name of NAMES) all.upstreams[name].plan("sealed", reply(sealedBy(name)))
    const said = turns("responses", "sealed")
    const next = async (router: RouterProcess): Promise<readonly string[]> => {
      const extra = { ...said.extra, store: false, reasoning: { effort: "high" } }
      const answer = await router.call("responses", SAMPLES.responses.request({ model: "failover", extra }))
      expect(answer.status).toBe(200)
      said.goOn(parsed(answer), "and?")
      const provider = String(router.records.usage(answer.requestId)[0]?.target_provider)
      const place = NAMES.find((name) => provider.startsWith(name))!
      const sent = bodyText(all.upstreams[place].received("sealed").at(-1)!.request)
      return [place, ...NAMES.filter((name) => sent.includes(`${SEALS.responses}-${name}`))]
    }
    expect(await next(left)).toEqual(["one"])
    expect(await next(right)).toEqual(["one", "one"])
    expect(await next(left)).toEqual(["one", "one"])
    all.upstreams.one.plan("sealed", reply("", { status: 503 }))
    expect(await next(right)).toEqual(["two"])
    all.upstreams.one.plan("sealed", reply(sealedBy("one")))
    // the other router's own pin is seconds old and says "one": it asks all the same
    expect(await next(left)).toEqual(["two", "two"])
    expect(await next(right)).toEqual(["two", "two"])
  })

  test("a Redis that stops answering, or is killed, costs no call; the pins are shared again after it", async () => {
    await using all = await house()
    const { redis, routers } = all
    const [left, right] = routers
    const places = new Map<string, string>()
    for (const session of SESSIONS) places.set(session, await ask(left, "chat", session))
    for (const session of SESSIONS) expect(await ask(right, "chat", session)).toBe(places.get(session)!)
    redis.signal("SIGSTOP")
    // those that the routers know stay, those that they do not know are served
    for (const session of SESSIONS) {
      expect(await ask(left, "chat", session)).toBe(places.get(session)!)
      expect(await ask(right, "chat", session)).toBe(places.get(session)!)
      const fresh = await ask(left, "chat", `${session} while it is silent`)
      expect(await ask(left, "chat", `${session} while it is silent`)).toBe(fresh)
    }
    redis.signal("SIGCONT")
    await redis.restart()
    let begun = 0
    await eventually("agreement", async () => {
      const said = await Promise.all(
        Array.from({ length: 12 }, async () => {
          const session = `again ${(begun += 1)}`
          const first = await ask(left, "chat", session)
          return first === (await ask(right, "chat", session))
        }),
      )
      return said.every(Boolean) ? true : undefined
    })
    for (const session of SESSIONS) expect(await ask(right, "chat", session)).toBe(places.get(session)!)
  })
})
