/** `server.cache.shared`: processes tell one another's answers, believe nothing that they did not sign, and need no store to serve. */
import { afterEach, describe, expect, test } from "bun:test"
import { Database } from "bun:sqlite"
import { cacheable, cacheOf, caching } from "../../helpers/caching.ts"
import { eventually, get } from "../../helpers/client.ts"
import type { Prepared } from "../../helpers/config.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../helpers/redis.ts"
import { DIALECTS } from "../../helpers/samples.ts"
import { groupOf } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const stack: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const stop of stack.splice(0).toReversed()) await stop()
})

interface Processes {
  readonly redis: RedisServer
  readonly upstream: FakeUpstream
  readonly one: LocalGateway
  readonly other: LocalGateway
}

/** Two routers on one store. `isOneInstallation`: their usage databases have one secret, as one database has. */
async function processes(isOneInstallation = true, more: Readonly<Record<string, unknown>> = {}): Promise<Processes> {
  const redis = await startRedis()
  stack.push(async () => redis[Symbol.asyncDispose]())
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("from afar"))
  stack.push(() => upstream.stop())
  const start = async (from?: Prepared): Promise<LocalGateway> => {
    const gateway = await startGateway(
      from ?? {
        upstreams: { far: upstream },
        configure: (config) => {
          config.server["state"] = { driver: "redis", url: redis.url }
          caching(config, ["far"], { shared: true, ...more })
          config.callers = config.callers.map((caller) => ({ ...caller, metrics_admin: true }))
        },
      },
    )
    stack.push(async () => gateway[Symbol.asyncDispose]())
    return gateway
  }
  const one = await start()
  const first = await start()
  if (!isOneInstallation) return { redis, upstream, one, other: first }
  await first.stop()
  const secret = secretOf(one)
  using database = new Database(databasePath(first.directory))
  database.run("UPDATE installation SET secret = ?", [secret])
  return { redis, upstream, one, other: await start(first.prepared) }
}

function secretOf({ directory }: LocalGateway): string {
  using database = new Database(databasePath(directory), { readonly: true })
  return database.query<{ secret: string }, []>("SELECT secret FROM installation").get()?.secret ?? ""
}

async function keptIn(redis: RedisServer): Promise<readonly string[]> {
  return (await redis.command("KEYS", "{smart-router}:cache:*")) as readonly string[]
}

/** The store has so many answers. */
async function untilKept(redis: RedisServer, count: number): Promise<readonly string[]> {
  return eventually(`${count} answers`, async () => {
    const keys = await keptIn(redis)
    return keys.length === count ? keys : undefined
  })
}

async function counted({ url, token }: LocalGateway, name: string): Promise<number> {
  return readExposition((await get({ url, token }, "/metrics")).text).sum(name)
}

describe.skipIf(WITHOUT_REDIS !== null)(`with a store${WITHOUT_REDIS === null ? "" : ` (${WITHOUT_REDIS})`}`, () => {
  test.each(drawn(DIALECTS))("what one process was told by %s, the other tells", async (dialect) => {
    const { redis, upstream, one, other } = await processes()
    const body = cacheable(dialect, { model: groupOf("far", dialect) })
    expect(cacheOf(await one.call(dialect, body))).toBe("miss")
    await untilKept(redis, 1)
    const hit = await other.call(dialect, body)
    expect([hit.status, cacheOf(hit)]).toEqual([200, "hit"])
    expect(hit.text).toContain("from afar")
    expect(upstream.exchanges).toHaveLength(1)
    expect(other.records.usage(hit.requestId)).toMatchObject([{ cache: "hit", attempts: 0 }])
  })

  test("what was forged, changed, or kept under another name is not believed", async () => {
    const { redis, upstream, one, other } = await processes()
    const body = (text: string): string => cacheable("chat", { model: groupOf("far", "chat"), text })
    await one.call("chat", body("first"))
    const [first] = await untilKept(redis, 1)
    const honest = String(await redis.command("GET", first ?? ""))
    await one.call("chat", body("second"))
    const second = (await untilKept(redis, 2)).find((key) => key !== first) ?? ""
    const forgeries = [
      honest.replace(/.$/, " "),
      honest.replace("1", "2"),
      `${"A".repeat(43)}${honest.slice(43)}`,
      honest.slice(43),
      "{}",
      "x".repeat(3_000_000),
    ]
    const refused = (): Promise<number> => counted(other, "smart_router_cache_shared_refused_total")
    /** On a busy machine the store may be too late to be asked: then once more. */
    const isRefused = async (question: string): Promise<void> => {
      const before = await refused()
      await eventually(`what stands under ${question} is refused`, async () => {
        const asked = upstream.received(question).length
        const answer = await other.call("chat", body(question), { headers: { "cache-control": "no-store" } })
        expect([answer.status, cacheOf(answer)]).toEqual([200, "bypass"])
        expect(upstream.received(question)).toHaveLength(asked + 1)
        return (await refused()) > before ? true : undefined
      })
    }
    for (const forged of forgeries) {
      await redis.command("SET", first ?? "", forged)
      await isRefused("first")
    }
    await redis.command("SET", first ?? "", "")
    const empty = await other.call("chat", body("first"), { headers: { "cache-control": "no-store" } })
    expect([empty.status, cacheOf(empty)]).toEqual([200, "bypass"])
    // a true answer to another question
    await redis.command("SET", second, honest)
    await isRefused("second")
    expect(cacheOf(await other.call("chat", body("second")))).toBe("miss")
    await redis.command("SET", first ?? "", honest)
    expect(cacheOf(await other.call("chat", body("first")))).toBe("hit")
  })

  test("another installation's answers are not believed", async () => {
    const { redis, one, other } = await processes(false)
    const body = cacheable("chat", { model: groupOf("far", "chat") })
    await one.call("chat", body)
    await untilKept(redis, 1)
    expect(cacheOf(await other.call("chat", body))).toBe("miss")
    expect(await counted(other, "smart_router_cache_shared_refused_total")).toBe(1)
  })

  test("prompts are not in the store, and its answers go in time", async () => {
    const { redis, one } = await processes(true, { default_ttl: "300ms" })
    await one.call("chat", cacheable("chat", { model: groupOf("far", "chat"), text: "a secret question" }))
    const [key] = await untilKept(redis, 1)
    expect(String(await redis.command("GET", key ?? ""))).not.toContain("secret question")
    await untilKept(redis, 0)
  })

  test("all answers together stay within the bound, the oldest go first", async () => {
    const { redis, upstream, one } = await processes(true, { max_bytes: 1_000_000 })
    const long = "x".repeat(40_000)
    upstream.otherwise(vendorAnswer(long))
    for (let call = 0; call < 40; call++)
      await one.call("chat", cacheable("chat", { model: groupOf("far", "chat"), text: `question ${call}` }))
    await eventually("the last answer", async () =>
      Number(await redis.command("GET", "{smart-router}:cache-bytes")) > 900_000 ? true : undefined,
    )
    const keys = await keptIn(redis)
    let bytes = 0
    for (const key of keys) bytes += Number(await redis.command("STRLEN", key))
    expect(bytes).toBeLessThanOrEqual(1_000_000)
    expect(bytes).toBeGreaterThan(800_000)
    expect(Number(await redis.command("GET", "{smart-router}:cache-bytes"))).toBe(bytes)
    expect(Number(await redis.command("ZCARD", "{smart-router}:cache-index"))).toBe(keys.length)
  })

  test("while the store is away each process goes by its own answers, and afterwards they share again", async () => {
    const { redis, upstream, one, other } = await processes()
    const body = (text: string): string => cacheable("chat", { model: groupOf("far", "chat"), text })
    await one.call("chat", body("before"))
    await untilKept(redis, 1)
    redis.signal("SIGSTOP")
    // nobody waits for a store that is silent
    for (const expected of ["miss", "hit"]) expect(cacheOf(await other.call("chat", body("before")))).toBe(expected)
    expect(cacheOf(await one.call("chat", body("before")))).toBe("hit")
    redis.signal("SIGCONT")
    await redis.restart()
    expect(cacheOf(await one.call("chat", body("before")))).toBe("hit")
    const fresh = await eventually("an answer that is shared", async () => {
      const text = `after ${upstream.exchanges.length}`
      await one.call("chat", body(text))
      return (await keptIn(redis)).length > 0 ? text : undefined
    })
    await eventually("the other process", async () =>
      cacheOf(await other.call("chat", body(fresh), { headers: { "cache-control": "no-store" } })) === "hit"
        ? true
        : undefined,
    )
  })
})
