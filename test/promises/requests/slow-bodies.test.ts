/** A body that comes too slowly is given up; one that comes slowly enough for a bad line is not. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { connectRaw, requestBytes, type RawClient } from "../../helpers/raw-client.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const clock = new HeldClock()
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway(
    {
      upstreams: { upstream },
      configure: (config) => {
        config.server["request"] = { min_bytes_per_second: 100 }
      },
    },
    { clock },
  )
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

async function begin(length: number): Promise<RawClient> {
  const client = await connectRaw(gateway.url)
  const type = "Content-Type: application/json"
  const lines = [`POST ${SAMPLES.chat.path} HTTP/1.1`, `Authorization: Bearer ${gateway.token}`, type]
  await client.write(requestBytes([...lines, `Content-Length: ${length}`, "Expect: 100-continue"]))
  // the router has asked for the body
  await client.until(/^HTTP\/1\.1 100 /u)
  return client
}

const LATER = /\r\n\r\nHTTP\/1\.1 (\d{3})/u

test("a body of which nearly nothing comes in fifteen seconds is refused", async () => {
  const client = await begin(30_000_000)
  await client.write("{")
  await clock.advance(16_000)
  expect((await client.until(LATER))[1]).toBe("408")
  await client.until(/did not arrive in time/u)
  client.destroy()
})

test("a body that keeps to the least rate is served", async () => {
  const body = Buffer.from(SAMPLES.chat.request().padEnd(6000))
  const client = await begin(body.length)
  for (let at = 0; at < body.length; at += 2000) {
    await clock.advance(at === 0 ? 0 : 14_000)
    await client.write(body.subarray(at, at + 2000))
  }
  expect((await client.until(LATER))[1]).toBe("200")
  client.destroy()
})
