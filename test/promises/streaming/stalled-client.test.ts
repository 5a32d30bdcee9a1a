/** A client that reads nothing never makes the router grow: the upstream is made to wait. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { flood } from "../../helpers/behaviours.ts"
import { eventually } from "../../helpers/client.ts"
import type { Exchange } from "../../helpers/fake-upstream.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { RawClient } from "../../helpers/raw-client.ts"
import { connectRaw, requestBytes } from "../../helpers/raw-client.ts"
import type { RouterProcess } from "../../helpers/router-process.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import type { Sample } from "../../helpers/samples.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"

const MEGABYTE = 1024 * 1024
/** What the kernel's buffers of both connections may hold, and no more; it lets them grow as it sees fit. */
const KERNEL_BYTES = 2 * (largest("tcp_rmem") + largest("tcp_wmem")) + MEGABYTE

function largest(name: string): number {
  const [, , most] = readFileSync(`/proc/sys/net/ipv4/${name}`, "utf8").trim().split(/\s+/u)
  return Number(most)
}

/** Starts a stream, reads its first content and then nothing. */
async function stalledClient(router: RouterProcess, sample: Sample, marker: string): Promise<RawClient> {
  const client = await connectRaw(router.url)
  const lines = [
    `POST ${sample.path} HTTP/1.1`,
    `Authorization: Bearer ${router.token}`,
    "Content-Type: application/json",
  ]
  await client.write(requestBytes(lines, sample.request({ stream: true, text: marker })))
  await client.until(/Hi/u)
  client.pause()
  return client
}

/** Waits until the far end can write no more: nothing moved over several looks. */
async function stuck(exchange: Exchange): Promise<number> {
  let before = -1
  let looks = 0
  return eventually("backpressure at the upstream", async () => {
    looks = exchange.isFull && exchange.sentBytes === before ? looks + 1 : 0
    before = exchange.sentBytes
    return looks >= 20 ? before : undefined
  })
}

test("the upstream is stopped, memory stays bounded, and reading on goes on", async () => {
  const upstream = await FakeUpstream.start()
  await using router = await spawnRouter({ upstreams: { upstream } })
  const calls = ALL_SAMPLES.flatMap((sample) =>
    [1, 2, 3].map((number) => ({ sample, marker: `stalled-${sample.dialect}-${number}` })),
  )
  for (const { sample, marker } of calls) {
    const frames = sample.frames()
    const frame = frames[sample.framesBeforeContent + 1]!.replace(" there", "x".repeat(30_000))
    upstream.plan(marker, flood(frames.slice(0, sample.framesBeforeContent + 1), frame))
  }
  const before = router.residentBytes()
  const clients = await Promise.all(calls.map(({ sample, marker }) => stalledClient(router, sample, marker)))
  const exchanges = await Promise.all(calls.map(({ marker }) => upstream.arrival(marker)))
  const sent = await Promise.all(exchanges.map(stuck))
  expect(router.residentBytes() - before).toBeLessThan(100 * MEGABYTE)
  for (const bytes of sent) expect(bytes).toBeLessThan(KERNEL_BYTES)

  clients[0]!.resume()
  await eventually("the first stream to move again", () =>
    exchanges[0]!.sentBytes > sent[0]! + MEGABYTE ? true : undefined,
  )
  expect(exchanges[1]!.sentBytes).toBeLessThan(KERNEL_BYTES)
  for (const client of clients) client.destroy()
  await Promise.all(exchanges.map(({ left }) => left))
  await upstream.stop()
})

test("an endless unary answer and an endless frame are cut at their bounds", async () => {
  const upstream = await FakeUpstream.start()
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      config.server["upstream"] = { max_response_bytes: 2 * MEGABYTE, max_frame_bytes: MEGABYTE }
    },
  })
  const before = router.residentBytes()
  await Promise.all(
    ALL_SAMPLES.map(async (sample) => {
      const json = { headers: { "Content-Type": "application/json" } }
      upstream.plan(`unary-${sample.dialect}`, flood(['{"id":"'], "x".repeat(30_000), json))
      upstream.plan(`frame-${sample.dialect}`, flood(["data: "], "x".repeat(30_000)))
      const unary = await router.call(sample.dialect, sample.request({ text: `unary-${sample.dialect}` }))
      const frame = await router.call(sample.dialect, sample.request({ stream: true, text: `frame-${sample.dialect}` }))
      expect([unary.status, frame.status]).toEqual([502, 502])
    }),
  )
  await Promise.all(upstream.exchanges.map(({ left }) => left))
  expect(router.residentBytes() - before).toBeLessThan(100 * MEGABYTE)
  await upstream.stop()
})
