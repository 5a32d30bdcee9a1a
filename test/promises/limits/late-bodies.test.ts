/** Calls whose bodies come late count once, however they end, also where several processes share the state. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken, type Config } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { connectRaw, requestBytes, type RawClient } from "../../helpers/raw-client.ts"
import { startRedis, WITHOUT_REDIS } from "../../helpers/redis.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const RPM = 12
const MAX_BODY_BYTES = 100_000
const ALONE = newToken("alone")
const WATCHER = newToken("watcher")

interface Line {
  readonly limit: string
  readonly limit_value: number
  readonly used: number
  readonly reserved: number
}

const STATES = [
  { state: "memory", why: null },
  { state: "redis", why: WITHOUT_REDIS },
] as const

for (const { state, why } of STATES) {
  describe.skipIf(why !== null)(`counted in ${state}${why === null ? "" : `: ${why}`}`, () => {
    const stack = new AsyncDisposableStack()
    const clock = new HeldClock()
    let gateway: LocalGateway

    beforeAll(async () => {
      const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
      stack.defer(async () => upstream.stop())
      const redis = state === "redis" ? stack.use(await startRedis()) : null
      const setup = {
        upstreams: { upstream },
        configure: (config: Config): void => {
          if (redis !== null)
            config.server["state"] = { driver: "redis", url: redis.url, on_unavailable: "fail_closed" }
          config.server["request"] = { max_body_bytes: MAX_BODY_BYTES, min_bytes_per_second: 100 }
          const quota = { day: { requests: 1000 }, month: { requests: 1000 } }
          config.callers.push(
            callerEntry("alone", ALONE, ["default"], { rate: { concurrent: 1, rpm: RPM }, quota }),
            callerEntry("watcher", WATCHER, [], { metrics_admin: true }),
          )
        },
      }
      gateway = stack.use(await startGateway(setup, { clock }))
      // a store that has just been told of a caller lets its first call wait
      const first = gateway.call("chat", SAMPLES.chat.request(), { token: ALONE })
      expect((await clock.during(first)).status).toBe(200)
    })

    afterAll(() => stack.disposeAsync())

    const limits = async (): Promise<readonly Line[]> => {
      const { text } = await get(gateway, "/v1/usage", { token: ALONE })
      return at(JSON.parse(text), "limits") as readonly Line[]
    }

    const heldBytes = async (isAwaited: (bytes: number) => boolean): Promise<void> => {
      await eventually("bytes are held", async () => {
        const { text } = await get(gateway, "/metrics", { token: WATCHER })
        return isAwaited(Number(/^smart_router_request_body_bytes (\d+)$/mu.exec(text)?.[1])) ? true : undefined
      })
    }

    /** A call that the router has let in by its head, and of whose body it has the beginning. */
    const begin = async (dialect: Dialect, framing: string, sent: string): Promise<RawClient> => {
      await heldBytes((bytes) => bytes === 0)
      const client = await connectRaw(gateway.url)
      const type = "Content-Type: application/json"
      const lines = [`POST ${SAMPLES[dialect].path} HTTP/1.1`, `Authorization: Bearer ${ALONE}`, type, framing]
      await client.write(requestBytes([...lines, "Expect: 100-continue"]))
      await client.until(/^HTTP\/1\.1 100 /u)
      await client.write(sent)
      return client
    }

    const statusOf = async (client: RawClient): Promise<number> => {
      const [, status] = await client.until(/\r\n\r\nHTTP\/1\.1 (\d{3})/u)
      client.destroy()
      return Number(status)
    }

    const late = async (dialect: Dialect, meanwhile: () => Promise<unknown> = async () => {}): Promise<number> => {
      const body = SAMPLES[dialect].request()
      const client = await begin(dialect, `Content-Length: ${body.length}`, body.slice(0, 10))
      await meanwhile()
      await client.write(body.slice(10))
      return statusOf(client)
    }

    /** Nothing is reserved, and of each count as much is used as there are rows of calls that reached a target. */
    const expectExact = async (requests: number): Promise<void> => {
      const lines = await eventually("nothing in flight", async () => {
        const known = await limits()
        return known.every(({ reserved }) => reserved === 0) ? known : undefined
      })
      const used = (pattern: RegExp): readonly number[] =>
        lines.filter(({ limit }) => pattern.test(limit)).map((line) => line.used)
      expect(used(/requests/u)).toEqual([requests, requests])
      // Redis has a clock of its own, and a minute may pass on a busy machine
      const [ofMinute = Infinity] = used(/rpm/u)
      expect(state === "memory" ? ofMinute === requests : ofMinute <= requests).toBe(true)
      const rows = gateway.records.usage().filter(({ caller_id, attempts }) => caller_id === "alone" && attempts > 0)
      expect(rows).toHaveLength(requests)
    }

    test("a caller with one call at a time is never refused over the place that its own call took", async () => {
      for (const dialect of DIALECTS) for (let call = 0; call < 2; call += 1) expect(await late(dialect)).toBe(200)
      await expectExact(7)
    })

    test("while a body is on its way, no second call of its caller gets in", async () => {
      const refused = async (): Promise<void> => {
        const answer = await gateway.call("chat", SAMPLES.chat.request(), { token: ALONE })
        expect([answer.status, answer.text]).toEqual([429, expect.stringContaining("concurrency-exceeded")])
      }
      expect(await late("chat", refused)).toBe(200)
      await expectExact(8)
    })

    test("a client that leaves, a body that is too large and one that is too slow give back what they took", async () => {
      const gone = await begin("responses", "Content-Length: 5000", "{")
      gone.destroy()
      await expectExact(8)
      const large = await begin("messages", "Transfer-Encoding: chunked", `${(MAX_BODY_BYTES + 1).toString(16)}\r\n`)
      await large.write(Buffer.alloc(MAX_BODY_BYTES + 1, " "))
      expect(await statusOf(large)).toBe(413)
      await expectExact(8)
      const slow = await begin("chat", "Content-Length: 50000", "{")
      // a little at a time, so that the store answers within its time
      for (let step = 0; step < 62; step += 1) {
        await clock.advance(250)
        await limits()
      }
      expect(await statusOf(slow)).toBe(408)
      await expectExact(8)
    })

    test("a reload while a body is on its way changes nothing of what is counted", async () => {
      const reloaded = async (): Promise<void> => {
        gateway.prepared.rewrite((config) => {
          const alone = config.callers.find(({ id }) => id === "alone")!
          alone["quota"] = { day: { requests: 2000 }, month: { requests: 1000 } }
        })
        gateway.requestReload()
        await eventually("the reload", async () =>
          (await limits()).some(({ limit_value }) => limit_value === 2000) ? true : undefined,
        )
      }
      expect(await late("messages", reloaded)).toBe(200)
      await expectExact(9)
    })

    test("requests of a minute are used up to the last one", async () => {
      for (let call = 9; call < RPM; call += 1) expect(await late(DIALECTS[call % 3]!)).toBe(200)
      await expectExact(RPM)
      if (state === "redis") return
      const client = await connectRaw(gateway.url)
      const line = `POST ${SAMPLES.chat.path} HTTP/1.1`
      const lines = [line, `Authorization: Bearer ${ALONE}`, "Content-Type: application/json", "Content-Length: 100"]
      await client.write(requestBytes(lines))
      await client.until(/rpm-exceeded/u)
      client.destroy()
      await expectExact(RPM)
    })
  })
}
