/** `server.workers`: several processes serve one address as one router. One router for the whole file; its end comes last. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { reply, stream } from "../../helpers/behaviours.ts"
import { type Answer, eventually, get, readAnswer } from "../../helpers/client.ts"
import { runHere } from "../../helpers/command-line.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../helpers/redis.ts"
import { spawnRouter, type RouterProcess } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"

const WORKERS = 2
const BUDGET = 40

/** On a connection of its own, so that any of the workers may get it. Again where the machine stalls for too long. */
async function ask(router: RouterProcess, text = "hi", token = OPEN): Promise<Answer> {
  for (;;) {
    const body = SAMPLES.chat.request({ text })
    const answer = await router.call("chat", body, { token, headers: { connection: "close" } })
    if (answer.status !== 503) return answer
  }
}

const OPEN = newToken("open")
const LIMITED = newToken("limited")

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim()
  return text === "" ? [] : text.split(" ").map(Number)
}

/** Whether no worker takes new calls any more. */
async function isClosed(router: RouterProcess): Promise<true | undefined> {
  const { status } = await get(router, "/readyz", { token: null, headers: { connection: "close" } }).catch(() => ({
    status: 0,
  }))
  return status === 200 ? undefined : true
}

describe.skipIf(WITHOUT_REDIS !== null)(`workers${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  let redis: RedisServer
  let upstream: FakeUpstream
  let router: RouterProcess
  beforeAll(async () => {
    redis = await startRedis()
    upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
    router = await spawnRouter({
      upstreams: { upstream },
      configure: (config) => {
        config.server["workers"] = WORKERS
        config.server["state"] = { driver: "redis", url: redis.url }
        config.callers.push(callerEntry("open", OPEN, ["default"], { metrics_admin: true }))
        config.callers.push(callerEntry("limited", LIMITED, ["default"], { quota: { day: { requests: BUDGET } } }))
      },
    })
  })
  afterAll(async () => {
    await router[Symbol.asyncDispose]()
    await upstream.stop()
    await redis[Symbol.asyncDispose]()
  })

  test("they share the address and one caller's limits; each call has its row, once", async () => {
    expect(childrenOf(router.pid)).toHaveLength(WORKERS)
    expect((await get(router, "/readyz", { token: null })).status).toBe(200)
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask(router, "hi", LIMITED)))
    const served = answers.filter(({ status }) => status === 200)
    expect(served).toHaveLength(BUDGET)
    const rows = router.records.usage().filter(({ status }) => status === 200)
    expect(rows.map(({ request_id }) => request_id).toSorted()).toEqual(
      served.map(({ requestId }) => requestId).toSorted(),
    )
    const logs = readdirSync(`${router.prepared.directory}/logs`).toSorted()
    expect(logs).toEqual(["requests.w1.jsonl", "requests.w2.jsonl"])
    expect(router.output()).not.toContain("takes no rows")
    const options = { token: OPEN, headers: { connection: "close" } }
    const scrape = readExposition((await get(router, "/metrics", options)).text)
    const workers = new Set(scrape.samples.flatMap((sample) => sample.labels["worker"] ?? []))
    expect([...workers].toSorted()).toEqual(["1", "2"])
    expect(scrape.sum("smart_router_caller_requests_total", { caller: "limited" })).toBe(answers.length)
    expect([scrape.sum("smart_router_workers"), scrape.sum("smart_router_workers_shown")]).toEqual([WORKERS, WORKERS])
    // both know of the limit, one tells
    expect(scrape.sum("smart_router_limit_used", { id: "limited" })).toBe(BUDGET)
  })

  test("one that is killed is started anew; the others serve on", async () => {
    const before = childrenOf(router.pid)
    process.kill(before[0]!, "SIGKILL")
    await eventually("its end", () => (childrenOf(router.pid).includes(before[0]!) ? undefined : true))
    expect((await ask(router)).status).toBe(200)
    await eventually("a new one", () => {
      const now = childrenOf(router.pid)
      return now.length === WORKERS && !now.includes(before[0]!) ? true : undefined
    })
    expect(router.output()).toContain("a worker ended")
    for (let call = 0; call < 10; call += 1) expect((await ask(router)).status).toBe(200)
  })

  test("token commands reach all of them, and SIGTERM drains all of them", async () => {
    const { configPath, directory } = router.prepared
    const rotated = await runHere(["token", "rotate", "rtr_me_lab_dev_open", "--config", configPath, "--json"])
    expect([rotated.code, rotated.err]).toEqual([0, ""])
    const { token, router: how } = JSON.parse(rotated.out) as { readonly token: string; readonly router: string }
    expect(how).toBe("taken")
    for (let call = 0; call < 10; call += 1) {
      expect((await ask(router)).status).toBe(403)
      expect((await ask(router, "hi", token)).status).toBe(200)
    }
    const gate = Promise.withResolvers<void>()
    const frames = SAMPLES.messages.frames()
    upstream.plan("in flight", stream([...frames.slice(0, 3), { until: gate.promise }, ...frames.slice(3)]))
    const body = SAMPLES.messages.request({ stream: true, text: "in flight" })
    const flying = await Promise.all(Array.from({ length: 6 }, () => router.open("messages", body, { token })))
    router.signal("SIGTERM")
    await eventually("the drain", () => isClosed(router))
    gate.resolve()
    const answers = await Promise.all(flying.map((answer) => readAnswer(answer)))
    expect(answers.map(({ text }) => text)).toEqual(answers.map(() => frames.join("")))
    expect(await router.exited).toBe(0)
    expect(existsSync(`${directory}/state/usage.sqlite.control`)).toBe(false)
  })
})
