/** `server.workers`: several processes serve one address as one router. */
import { describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { lockSpool } from "../../../src/ledger/spool-lock.ts"
import { silentLog } from "../../../src/system/log.ts"
import { reply, stream } from "../../helpers/behaviours.ts"
import { type Answer, eventually, get, readAnswer } from "../../helpers/client.ts"
import { smartRouter } from "../../helpers/command-line.ts"
import { prepare, type Setup } from "../../helpers/config.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../helpers/redis.ts"
import { spawnRouter, type RouterProcess } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"

const WORKERS = 3

const setup = (upstream: FakeUpstream, redis: RedisServer, limits: Readonly<Record<string, unknown>> = {}): Setup => ({
  upstreams: { upstream },
  configure: (config) => {
    config.server["workers"] = WORKERS
    config.server["state"] = { driver: "redis", url: redis.url }
    config.callers = config.callers.map((caller) => ({ ...caller, ...limits }))
  },
})

/** On a connection of its own, so that any of the workers may get it. Again where the machine stalls for too long. */
async function ask(router: RouterProcess, text = "hi", token = router.token): Promise<Answer> {
  for (;;) {
    const body = SAMPLES.chat.request({ text })
    const answer = await router.call("chat", body, { token, headers: { connection: "close" } })
    if (answer.status !== 503) return answer
  }
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim()
  return text === "" ? [] : text.split(" ").map(Number)
}

/** Also where the process that should ask for its exit code is gone. */
function hasEnded(pid: number): boolean {
  try {
    return /\) Z /u.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return true
  }
}

/** Whether no worker takes new calls any more. */
async function isClosed(router: RouterProcess): Promise<true | undefined> {
  const { status } = await get(router, "/readyz", { token: null, headers: { connection: "close" } }).catch(() => ({
    status: 0,
  }))
  return status === 200 ? undefined : true
}

describe.skipIf(WITHOUT_REDIS !== null)(`workers${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  test("they share the address and one caller's limits; each call has its row, once", async () => {
    await using redis = await startRedis()
    const upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
    await using router = await spawnRouter(
      setup(upstream, redis, { quota: { day: { requests: 200 } }, metrics_admin: true }),
    )
    expect(childrenOf(router.pid).length).toBe(WORKERS)
    expect((await get(router, "/readyz", { token: null })).status).toBe(200)
    const answers: Answer[] = []
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        for (let round = 0; round < 10; round += 1) answers.push(await ask(router))
      }),
    )
    const served = answers.filter(({ status }) => status === 200)
    expect(served.length).toBe(200)
    const rows = router.records.usage().filter(({ status }) => status === 200)
    expect(rows.map(({ request_id }) => request_id).toSorted()).toEqual(
      served.map(({ requestId }) => requestId).toSorted(),
    )
    const logs = readdirSync(`${router.prepared.directory}/logs`).toSorted()
    expect(logs).toEqual(["requests.w1.jsonl", "requests.w2.jsonl", "requests.w3.jsonl"])
    expect(router.output()).not.toContain("takes no rows")
    const scrapes = Array.from({ length: 20 }, async () =>
      readExposition((await get(router, "/metrics", { headers: { connection: "close" } })).text),
    )
    for (const { samples } of await Promise.all(scrapes)) {
      const workers = new Set(samples.flatMap((sample) => sample.labels["worker"] ?? []))
      expect([...workers].toSorted()).toEqual(["1", "2", "3"])
    }
    await upstream.stop()
  })

  test("one that is killed is started anew; the others serve on", async () => {
    await using redis = await startRedis()
    const upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
    await using router = await spawnRouter(setup(upstream, redis))
    const before = childrenOf(router.pid)
    process.kill(before[0]!, "SIGKILL")
    await eventually("a new one", () => {
      const now = childrenOf(router.pid)
      return now.length === WORKERS && !now.includes(before[0]!) ? true : undefined
    })
    expect(router.output()).toContain("a worker ended")
    for (let call = 0; call < 20; call += 1) expect((await ask(router)).status).toBe(200)
    await upstream.stop()
  })

  test("token commands and SIGHUP reach all of them; SIGTERM drains all of them", async () => {
    await using redis = await startRedis()
    const upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
    await using router = await spawnRouter(setup(upstream, redis))
    const { configPath, directory } = router.prepared
    const rotated = await smartRouter(["token", "rotate", "rtr_me_lab_dev_me-lab", "--config", configPath, "--json"])
    expect([rotated.code, rotated.err]).toEqual([0, ""])
    const { token, router: how } = JSON.parse(rotated.out) as { readonly token: string; readonly router: string }
    expect(how).toBe("taken")
    for (let call = 0; call < 20; call += 1) {
      expect((await ask(router)).status).toBe(403)
      expect((await ask(router, "hi", token)).status).toBe(200)
    }
    const gate = Promise.withResolvers<void>()
    const frames = SAMPLES.messages.frames()
    upstream.plan("in flight", stream([...frames.slice(0, 3), { until: gate.promise }, ...frames.slice(3)]))
    const flying = await Promise.all(
      Array.from({ length: 6 }, () =>
        router.open("messages", SAMPLES.messages.request({ stream: true, text: "in flight" }), { token }),
      ),
    )
    router.signal("SIGTERM")
    await eventually("the drain", () => isClosed(router))
    gate.resolve()
    const answers = await Promise.all(flying.map((answer) => readAnswer(answer)))
    expect(answers.map(({ text }) => text)).toEqual(answers.map(() => frames.join("")))
    expect(await router.exited).toBe(0)
    expect(existsSync(`${directory}/state/usage.sqlite.control`)).toBe(false)
    await upstream.stop()
  })

  test("the end of the first process, however it comes, is the end of all", async () => {
    await using redis = await startRedis()
    const upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
    await using router = await spawnRouter(setup(upstream, redis))
    const workers = childrenOf(router.pid)
    router.signal("SIGKILL")
    await router.exited
    await eventually("the end of the workers", () => workers.every(hasEnded) || undefined)
    expect(workers.map(hasEnded)).toEqual(workers.map(() => true))
    await upstream.stop()
  })

  test("what workers that there are no more have spooled or reserved is not forgotten", async () => {
    await using redis = await startRedis()
    const upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
    const gate = Promise.withResolvers<void>()
    upstream.plan("cut off", async () => gate.promise)
    await using router = await spawnRouter(setup(upstream, redis, { quota: { day: { tokens: 1_000_000 } } }))
    const flying = Promise.allSettled(Array.from({ length: 6 }, () => ask(router, "cut off")))
    await upstream.arrival("cut off", 6)
    for (const pid of childrenOf(router.pid)) process.kill(pid, "SIGKILL")
    router.signal("SIGKILL")
    await router.exited
    await flying
    router.prepared.rewrite((config) => {
      config.server["workers"] = 1
      config.server["state"] = { driver: "memory" }
    })
    await using next = await spawnRouter(router.prepared)
    expect(next.records.usage().filter(({ usage_source }) => usage_source === "estimated").length).toBe(6)
    gate.resolve()
    await upstream.stop()
  })

  test("a worker that cannot start: none serves, and the exit code is 1", async () => {
    await using redis = await startRedis()
    const upstream = await FakeUpstream.start()
    const prepared = prepare(setup(upstream, redis))
    mkdirSync(`${prepared.directory}/state`, { mode: 0o700 })
    const lock = lockSpool(`${prepared.directory}/state/usage.sqlite.w2.spool.lock`, silentLog)
    const { code, err } = await smartRouter(["serve", "--config", prepared.configPath], { env: prepared.env })
    expect(code).toBe(1)
    expect(err).toContain("cannot start: worker 2 ended")
    lock?.release()
    prepared.remove()
    await upstream.stop()
  })

  test("an address that is taken: nothing is started, and the reason is said", async () => {
    await using redis = await startRedis()
    const upstream = await FakeUpstream.start()
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
    const starting = spawnRouter({
      ...setup(upstream, redis),
      configure: (config, directory) => {
        setup(upstream, redis).configure?.(config, directory)
        config.server["listen"] = `127.0.0.1:${taken.port}`
      },
    })
    expect(await starting.then(String, String)).toContain("cannot start")
    taken.stop(true)
    await upstream.stop()
  })
})
