/** A call counts from its head on: a caller cannot hold more bodies than calls, nor more of their bytes than it may. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { connectRaw, requestBytes, type RawClient } from "../../helpers/raw-client.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const MEBIBYTE = 1 << 20
const tokens = {
  one: newToken("one"),
  rate: newToken("rate"),
  hungry: newToken("hungry"),
  free: newToken("free"),
  watcher: newToken("watcher"),
}
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.server["request"] = { max_memory_bytes: 6 * MEBIBYTE, max_memory_bytes_per_caller: 4 * MEBIBYTE }
      config.callers.push(
        callerEntry("one", tokens.one, ["default"], { rate: { concurrent: 1 } }),
        callerEntry("rate", tokens.rate, ["default"], { rate: { rpm: 1 } }),
        callerEntry("hungry", tokens.hungry, ["default"]),
        callerEntry("watcher", tokens.watcher, [], { metrics_admin: true }),
        callerEntry("free", tokens.free, ["default"]),
      )
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

function head(dialect: Dialect, token: string, framing: string): string[] {
  const { path } = SAMPLES[dialect]
  return [`POST ${path} HTTP/1.1`, `Authorization: Bearer ${token}`, "Content-Type: application/json", framing]
}

/** The beginning of a body that never ends. */
async function begin(dialect: Dialect, token: string, framing: string, sent = '{"model":'): Promise<RawClient> {
  const client = await connectRaw(gateway.url)
  await client.write(requestBytes(head(dialect, token, framing)))
  await client.write(sent)
  return client
}

const status = async (client: RawClient): Promise<number> => Number((await client.until(/^HTTP\/1\.1 (\d{3})/u))[1])

test.each(drawn(DIALECTS))(
  "a second half-sent body of a caller with one call at a time is refused by its head: %s",
  async (dialect) => {
    const first = await begin(dialect, tokens.one, "Content-Length: 30000000")
    // it has its place before the next one asks
    await held((bytes) => bytes >= 30_000_000)
    const second = await begin(dialect, tokens.one, "Content-Length: 30000000")
    expect(await status(second)).toBe(429)
    await second.until(/concurrency-exceeded/u)
    first.destroy()
    await held((bytes) => bytes === 0)
    expect((await gateway.call(dialect, SAMPLES[dialect].request(), { token: tokens.one })).status).toBe(200)
    second.destroy()
  },
)

test("a half-sent body takes the only request of the minute, and gives it back", async () => {
  const first = await begin("chat", tokens.rate, "Content-Length: 1000")
  await held((bytes) => bytes === 1000)
  expect((await gateway.call("chat", SAMPLES.chat.request(), { token: tokens.rate })).status).toBe(429)
  first.destroy()
  await held((bytes) => bytes === 0)
  expect((await gateway.call("chat", SAMPLES.chat.request(), { token: tokens.rate })).status).toBe(200)
  expect((await gateway.call("chat", SAMPLES.chat.request(), { token: tokens.rate })).status).toBe(429)
})

test("a body that arrives in two parts counts once", async () => {
  const body = SAMPLES.chat.request()
  for (let call = 0; call < 3; call++) {
    const client = await begin("chat", tokens.one, `Content-Length: ${body.length}`, body.slice(0, 10))
    await held((bytes) => bytes === body.length)
    await client.write(body.slice(10))
    expect(await status(client)).toBe(200)
    client.destroy()
    await held((bytes) => bytes === 0)
  }
})

test("bytes of one caller's bodies are bounded, and of all callers' together", async () => {
  const first = await begin("messages", tokens.hungry, `Content-Length: ${3 * MEBIBYTE}`)
  await held((bytes) => bytes === 3 * MEBIBYTE)
  const second = await begin("messages", tokens.hungry, `Content-Length: ${2 * MEBIBYTE}`)
  expect(await status(second)).toBe(429)
  await second.until(/body-memory-exceeded/u)
  const other = await begin("messages", tokens.free, `Content-Length: ${4 * MEBIBYTE}`)
  expect(await status(other)).toBe(503)
  await other.until(/overloaded/u)
  for (const client of [first, second, other]) client.destroy()
  await held((bytes) => bytes === 0)
})

test("a body without a length is counted as it comes", async () => {
  const first = await begin("chat", tokens.hungry, `Content-Length: ${3 * MEBIBYTE}`)
  await held((bytes) => bytes === 3 * MEBIBYTE)
  const chunked = await begin("chat", tokens.hungry, "Transfer-Encoding: chunked", "80000\r\n")
  await chunked.write(Buffer.alloc(0x80000, " "))
  await held((bytes) => bytes >= 3.4 * MEBIBYTE)
  await chunked.write("\r\n100000\r\n")
  await chunked.write(Buffer.alloc(0x100000, " "))
  expect(await status(chunked)).toBe(429)
  for (const client of [first, chunked]) client.destroy()
  await held((bytes) => bytes === 0)
})

/** Waits until the bodies of calls in flight take so many bytes, as the router's metrics have it. */
async function held(isAwaited: (bytes: number) => boolean): Promise<void> {
  await eventually("bytes are held", async () => {
    const { text } = await get(gateway, "/metrics", { token: tokens.watcher })
    const bytes = Number(/^smart_router_request_body_bytes (\d+)$/mu.exec(text)?.[1])
    return isAwaited(bytes) ? bytes : undefined
  })
}
