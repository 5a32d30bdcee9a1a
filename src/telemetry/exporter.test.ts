/** The queue of an exporter: bounded, counted, one export at a time, again where the receiver asks for it. */
import { afterEach, expect, test } from "bun:test"
import { HeldClock } from "../../test/helpers/held-clock.ts"
import { eventually } from "../../test/helpers/client.ts"
import { silentLog } from "../system/log.ts"
import { Exporter, noExports, type Destination, type ExportCounts } from "./exporter.ts"
import { ProtoWriter } from "./proto.ts"

/** A receiver that says what it is told to. */
class Receiver {
  readonly bodies: Uint8Array[] = []
  answer: () => Response | Promise<Response> = () => new Response()
  readonly server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      this.bodies.push(await request.bytes())
      return await this.answer()
    },
  })
}

let receiver = new Receiver()
afterEach(async () => {
  await receiver.server.stop(true)
  receiver = new Receiver()
})

function exporterTo(clock: HeldClock, more: Partial<Destination> = {}): { exporter: Exporter; counts: ExportCounts } {
  const counts = noExports()
  const to = {
    url: `http://127.0.0.1:${receiver.server.port}/v1/traces`,
    headers: {},
    isCompressed: false,
    timeoutMs: 10_000,
    batchMs: 1000,
    maxQueue: 10,
    resource: { attributes: [], scope: { name: "s", version: "1" } },
    writer: new ProtoWriter(),
    ...more,
  }
  return { exporter: new Exporter(to, counts, { signal: "traces", clock, log: silentLog }), counts }
}

const piece = new Uint8Array(100)
const taken = (counts: ExportCounts, items: number): Promise<true> =>
  eventually(`${items} exported`, () => (counts.exported === items ? true : undefined))

test("items wait for others, and go together", async () => {
  const clock = new HeldClock()
  const { exporter, counts } = exporterTo(clock)
  for (let item = 0; item < 3; item++) exporter.push(piece)
  expect([exporter.queued, receiver.bodies.length]).toEqual([3, 0])
  await clock.advance(1000)
  await taken(counts, 3)
  expect([exporter.queued, receiver.bodies.length]).toEqual([0, 1])
})

test("a full queue drops what comes, and counts it; calls go on meanwhile", async () => {
  const clock = new HeldClock()
  const gate = Promise.withResolvers<Response>()
  receiver.answer = () => gate.promise
  const { exporter, counts } = exporterTo(clock)
  exporter.push(piece)
  await clock.advance(1000)
  await eventually("the first export", () => (receiver.bodies.length === 1 ? true : undefined))
  for (let item = 0; item < 25; item++) exporter.push(piece)
  await clock.advance(1000)
  expect(exporter.queued).toBe(10)
  expect(counts.dropped).toEqual({ queue: 15, refused: 0, rejected: 0, failed: 0, stopped: 0 })
  expect(receiver.bodies).toHaveLength(1)
  gate.resolve(new Response())
  await taken(counts, 11)
})

test("an export is repeated after 503, as late as the receiver asks; after 400 it is not", async () => {
  const clock = new HeldClock()
  const { exporter, counts } = exporterTo(clock)
  receiver.answer = () => new Response(null, { status: 503, headers: { "retry-after": "7" } })
  exporter.push(piece)
  await clock.advance(1000)
  await eventually("the refusal", () => (receiver.bodies.length === 1 ? true : undefined))
  receiver.answer = () => new Response()
  // time passes in seconds: as many as it takes, and none of the first six is enough
  let seconds = 0
  await eventually("the second try", async () => {
    if (receiver.bodies.length === 2) return true
    await Bun.sleep(20)
    if (receiver.bodies.length === 2) return true
    await clock.advance(1000)
    seconds++
    return undefined
  })
  expect(seconds).toBeGreaterThanOrEqual(7)
  await taken(counts, 1)
  receiver.answer = () => new Response(null, { status: 400 })
  exporter.push(piece)
  await clock.advance(1000)
  await eventually("the drop", () => (counts.dropped.refused === 1 ? true : undefined))
  expect(receiver.bodies).toHaveLength(3)
})

test("what a receiver rejects of an export is lost; a redirect is not followed", async () => {
  const clock = new HeldClock()
  const { exporter, counts } = exporterTo(clock)
  receiver.answer = () => new Response(Buffer.of(0x0a, 2, 0x08, 2))
  for (let item = 0; item < 3; item++) exporter.push(piece)
  await clock.advance(1000)
  await taken(counts, 1)
  expect(counts.dropped.rejected).toBe(2)
  receiver.answer = () => new Response(null, { status: 307, headers: { location: "http://127.0.0.1:1/" } })
  exporter.push(piece)
  await clock.advance(1000)
  await eventually("the drop", () => (counts.dropped.refused === 1 ? true : undefined))
})

test("an end exports what waits, and counts what nobody takes", async () => {
  const clock = new HeldClock()
  const { exporter, counts } = exporterTo(clock)
  exporter.push(piece)
  await exporter.close()
  expect(counts.exported).toBe(1)
  receiver.answer = () => new Promise<Response>(() => {})
  const { exporter: stuck, counts: lost } = exporterTo(clock)
  stuck.push(piece, 4)
  const closing = stuck.close()
  await eventually("the last export", () => (receiver.bodies.length === 2 ? true : undefined))
  await clock.advance(3000)
  await closing
  expect(lost.dropped.stopped).toBe(4)
})
