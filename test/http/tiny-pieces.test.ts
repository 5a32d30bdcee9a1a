/** A body in chunks of one byte costs memory and buffers by its size, not by its chunks: on the way in and on the way back. */
import { heapStats } from "bun:jsc"
import { expect, test } from "bun:test"
import { IncomingBody } from "../../src/server/http/body.ts"
import { readWhole, type UpstreamAnswer } from "../../src/upstream/answer.ts"
import { ResponseDecoder } from "../../src/upstream/http/decoder.ts"
import { Exchange } from "../../src/upstream/http/exchange.ts"

const BYTES = 1_000_000
const PER_READ = 10_000
const ONE = "1\r\nx\r\n"
/** What stays of it: a million views would be a million. */
const MOST_BUFFERS = 2000

/** Buffers that are alive now. */
function buffers(): number {
  Bun.gc(true)
  const { Uint8Array: plain = 0, Buffer: node = 0, ArrayBuffer: memory = 0 } = heapStats().objectTypeCounts
  return plain + node + memory
}

/** As the socket brings them: a new buffer each time. */
const read = (): Buffer => Buffer.from(ONE.repeat(PER_READ))

test("a request", async () => {
  const body = new IncomingBody("chunked")
  const before = buffers()
  for (let bytes = 0; bytes < BYTES; bytes += PER_READ) body.push(read(), 0)
  expect(buffers() - before).toBeLessThan(MOST_BUFFERS)
  body.push(Buffer.from("0\r\n\r\n"), 0)
  expect((await body.read(Infinity, () => {})).length).toBe(BYTES)
})

test("an answer that is read as a whole", async () => {
  const decoder = new ResponseDecoder()
  decoder.push(Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
  const before = buffers()
  let most = 0
  let bytes = 0
  const next = async (): Promise<readonly Uint8Array[] | null> => {
    if (bytes === BYTES) return null
    if (bytes % (BYTES / 2) === 0) most = Math.max(most, buffers() - before)
    bytes += PER_READ
    decoder.push(read())
    return decoder.body.splice(0)
  }
  const answer: UpstreamAnswer = {
    status: 200,
    headers: { get: () => null },
    read: next,
    take: () => [],
    flow: () => Promise.resolve(false),
    complete: false,
  }
  expect((await readWhole(answer, Infinity)).length).toBe(BYTES)
  expect(most).toBeLessThan(MOST_BUFFERS)
})

test("an answer in pieces of a byte each is gathered as well", async () => {
  const before = buffers()
  let left = BYTES / 10
  let most = 0
  const next = async (): Promise<readonly Uint8Array[] | null> => {
    if (left === 0) return null
    if (left % 50_000 === 0) most = Math.max(most, buffers() - before)
    left--
    return [new Uint8Array(1)]
  }
  const answer: UpstreamAnswer = {
    status: 200,
    headers: { get: () => null },
    read: next,
    take: () => [],
    flow: () => Promise.resolve(false),
    complete: false,
  }
  expect((await readWhole(answer, Infinity)).length).toBe(BYTES / 10)
  expect(most).toBeLessThan(MOST_BUFFERS)
})

test("an answer that nobody reads is held back by what it takes in memory, not by its bytes alone", () => {
  const pausedAt: number[] = []
  let pieces = 0
  const carrier = { pause: () => void pausedAt.push(pieces), resume: () => {}, release: () => {} }
  const exchange = new Exchange(carrier, { connected: () => {}, headed: () => {}, failed: () => {} })
  exchange.received(Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"))
  for (; pieces < 10_000; pieces++) exchange.received(Buffer.from("x"))
  // at about a hundred bytes for each piece
  expect(pausedAt.length).toBe(1)
  expect(pausedAt[0]).toBeLessThan(4000)
})
