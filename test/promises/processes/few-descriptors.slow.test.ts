/** A process that may hold few files and sockets open serves honest calls under a storm of connections, and blames no target for its own lack. */
import { readdirSync, readFileSync } from "node:fs"
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test"
import { raw } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { answersIn, connectRaw, requestBytes, type RawClient } from "../../helpers/raw-client.ts"
import { spawnRouter, type RouterProcess } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"

const DESCRIPTORS = 300
const sample = SAMPLES.chat
let upstream: FakeUpstream
let router: RouterProcess
const connected: RawClient[] = []

beforeAll(async () => {
  // the connection ends with the answer, so each call needs a new one
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${sample.unary().length}\r\n\r\n`
  upstream = (await FakeUpstream.start()).otherwise(raw([head + sample.unary(), { end: "close" }]))
  router = await spawnRouter(
    { upstreams: { upstream }, configure: ({ server }) => (server["connections"] = { per_address: 1000 }) },
    { descriptors: DESCRIPTORS },
  )
})

afterEach(() => {
  for (const client of connected.splice(0)) client.destroy()
})

afterAll(async () => {
  await router[Symbol.asyncDispose]()
  await upstream.stop()
})

function openFiles(): number {
  return readdirSync(`/proc/${router.pid}/fd`).length
}

/** Of user and system, in ticks of a hundredth. */
function cpuTicks(): number {
  const [, fields = ""] = readFileSync(`/proc/${router.pid}/stat`, "utf8").split(") ")
  const [user = "", system = ""] = fields.split(" ").slice(11)
  return Number(user) + Number(system)
}

const call = requestBytes(
  [`POST ${sample.path} HTTP/1.1`, "Content-Type: application/json", "Connection: close"],
  sample.request(),
).toString("latin1")

/** The status of one call on a connection of its own; 0 where it was cut. */
async function callOnce(): Promise<number> {
  try {
    const client = await connectRaw(router.url)
    await client.write(call.replace("\r\n", `\r\nAuthorization: Bearer ${router.token}\r\n`))
    await client.closed
    return answersIn(client.received())[0]?.status ?? 0
  } catch {
    return 0
  }
}

test.skipIf(process.platform !== "linux")(
  "five hundred half heads: some hear 503, the process neither spins nor runs out, and honest calls get through",
  async () => {
    const before = cpuTicks()
    const storm = await Promise.all(
      Array.from({ length: 500 }, async () => {
        const client = await connectRaw(router.url).catch(() => null)
        await client?.write("POST /v1/messages HTTP/1.1\r\nHost: rou")
        return client
      }),
    )
    // the others were cut at once
    const clients = storm.filter((client) => client !== null)
    connected.push(...clients)
    expect(openFiles()).toBeLessThan(DESCRIPTORS)
    // they are told in the dialect of what they ask for
    await Promise.all(clients.map((client) => client.write("ter\r\nContent-Length: 0\r\n\r\n")))
    await Promise.all(clients.map((client) => client.until(/^HTTP\/1\.1 \d{3} /u).catch(() => null)))
    const answers = clients.flatMap((client) => answersIn(client.received()))
    const refused = answers.filter(({ status }) => status === 503)
    expect(refused.length).toBeGreaterThan(0)
    for (const { head, body } of refused) {
      expect(head).toMatch(/^connection: close$/imu)
      expect(head).toMatch(/^retry-after: \d+$/imu)
      expect(JSON.parse(body)).toMatchObject({ type: "error", error: { type: "overloaded_error", code: "overloaded" } })
    }
    // the others hold their connections, idle, until these are scarce for five seconds
    const statuses: number[] = []
    while (statuses.at(-1) !== 200) {
      statuses.push(await callOnce())
      await Bun.sleep(100)
    }
    expect(new Set(statuses).difference(new Set([0, 503, 200])).size).toBe(0)
    // a loop that spins on a full table computes for as long as it lasts: several seconds here
    expect(cpuTicks() - before).toBeLessThan(300)
  },
  240_000,
)

test.skipIf(Bun.which("prlimit") === null)(
  "no descriptor for the upstream: 503 of our own, no fault of the target, and the process goes on",
  async () => {
    const client = await connectRaw(router.url)
    connected.push(client)
    const ask = (): string =>
      call.replace("Connection: close\r\n", "").replace("\r\n", `\r\nAuthorization: Bearer ${router.token}\r\n`)
    const limit = (most: number): unknown =>
      Bun.spawnSync(["prlimit", "--pid", String(router.pid), `--nofile=${most}:${DESCRIPTORS}`])
    await client.write(ask())
    await client.until(/Hi there/u)
    limit(3)
    for (let count = 0; count < 8; count++) {
      const before = answersIn(client.received()).length
      await client.write(ask())
      while (answersIn(client.received()).length === before) await Bun.sleep(10)
      const { status, body } = answersIn(client.received())[before] ?? { status: 0, body: "" }
      expect([status, (JSON.parse(body) as { error: { code: string } }).error.code]).toEqual([503, "overloaded"])
    }
    limit(DESCRIPTORS)
    // eight faults of a target would have opened its breaker, and put it last
    const before = upstream.exchanges.length
    expect(await callOnce()).toBe(200)
    expect(upstream.exchanges.length).toBe(before + 1)
    const refused = router.records.usage().filter(({ status }) => status === 503)
    expect(refused.map(({ request_id: id }) => router.records.attempts(id).map((row) => row.error_class))).toEqual(
      Array.from({ length: 8 }, () => ["internal"]),
    )
  },
  240_000,
)
