import { expect, test } from "bun:test"
import { closeAtOnce, cutAt, cutEvery, raw, reply, resetAtOnce, stall, stream } from "./behaviours.ts"
import { bodyText, FakeUpstream, headerOf } from "./fake-upstream.ts"
import { connectRaw } from "./raw-client.ts"

async function using<T>(run: (upstream: FakeUpstream) => Promise<T>): Promise<T> {
  const upstream = await FakeUpstream.start()
  try {
    return await run(upstream)
  } finally {
    await upstream.stop()
  }
}

/** Whether what was promised never came. */
async function broke(promise: Promise<unknown>): Promise<boolean> {
  try {
    await promise
    return false
  } catch {
    return true
  }
}

test("a request is recorded byte by byte, with a length and in chunks", async () => {
  await using(async (upstream) => {
    upstream.otherwise(reply("{}"))
    const client = await connectRaw(upstream.url)
    await client.write("POST /v1/x?y=1 HTTP/1.1\r\nHost: a\r\nX-Odd:  Value \r\nContent-Length: 3\r\n\r\nabc")
    await client.write("PUT /z HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n")
    const second = await upstream.arrival("/z")
    const first = await upstream.arrival("/v1/x")
    expect(first.request.target).toBe("/v1/x?y=1")
    expect(first.request.headerLines).toEqual(["Host: a", "X-Odd:  Value ", "Content-Length: 3"])
    expect(headerOf(first.request, "x-odd")).toBe("Value")
    expect([bodyText(first.request), bodyText(second.request)]).toEqual(["abc", "def"])
    client.destroy()
    await second.left
  })
})

test("plans are taken in turn and the last one repeats", async () => {
  await using(async (upstream) => {
    upstream.plan("one", reply("1"), reply("2")).otherwise(reply("else"))
    const ask = async (path: string): Promise<string> => (await fetch(`${upstream.url}/${path}`)).text()
    expect([await ask("one"), await ask("one"), await ask("one"), await ask("two")]).toEqual(["1", "2", "2", "else"])
  })
})

test("a reset, a clean end and a stall are three different things to the client", async () => {
  await using(async (upstream) => {
    upstream.plan("reset", resetAtOnce).plan("close", closeAtOnce).plan("stall", stall)
    upstream.plan("midway", stream(["hello", { end: "reset" }])).plan("early", stream(["hello", { end: "close" }]))
    const body = async (path: string): Promise<string> => (await fetch(`${upstream.url}/${path}`)).text()
    expect(await broke(body("reset"))).toBe(true)
    expect(await broke(body("close"))).toBe(true)
    expect(await broke(body("midway"))).toBe(true)
    expect(await broke(body("early"))).toBe(true)
    const leaving = new AbortController()
    const stalled = fetch(`${upstream.url}/stall`, { signal: leaving.signal })
    const exchange = await upstream.arrival("/stall")
    expect(exchange.gone).toBe(false)
    leaving.abort()
    expect(await broke(stalled)).toBe(true)
    await exchange.left
  })
})

test("pieces arrive as they were cut", async () => {
  const text = "data: naïve €\r\n\r\n"
  for (const pieces of [cutEvery(text, 1), cutEvery(text, 7), cutAt(text, [9, 10, 14])]) {
    expect(Buffer.concat(pieces).toString()).toBe(text)
    await using(async (upstream) => {
      upstream.otherwise(stream(pieces))
      expect(await (await fetch(upstream.url)).text()).toBe(text)
    })
  }
  await using(async (upstream) => {
    upstream.otherwise(raw(cutEvery("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1)))
    expect(await (await fetch(upstream.url)).text()).toBe("ok")
  })
})
