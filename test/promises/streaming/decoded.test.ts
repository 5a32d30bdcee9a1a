/** Streams that come compressed without being asked, or under the label of a whole body, reach clients as streams, piece by piece. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import zlib from "node:zlib"
import type { Transform } from "node:stream"
import { meaningOfBody, meaningOfStream } from "../../helpers/answer-meaning.ts"
import { reply, stream, type Step } from "../../helpers/behaviours.ts"
import { parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const ENCODERS: Readonly<Record<string, { readonly make: () => Transform; readonly flush: number }>> = {
  gzip: { make: () => zlib.createGzip(), flush: zlib.constants.Z_SYNC_FLUSH },
  deflate: { make: () => zlib.createDeflate(), flush: zlib.constants.Z_SYNC_FLUSH },
  br: { make: () => zlib.createBrotliCompress(), flush: zlib.constants.BROTLI_OPERATION_FLUSH },
  zstd: { make: () => zlib.createZstdCompress(), flush: zlib.constants.ZSTD_e_flush },
}

/** Each text compressed so that it can be read before the next one comes. */
async function compressed(encoding: string, texts: readonly string[]): Promise<readonly Uint8Array[]> {
  const { make, flush } = ENCODERS[encoding]!
  const encoder = make() as Transform & { flush(kind: number, done: () => void): void }
  let out: Buffer[] = []
  encoder.on("data", (piece: Buffer) => out.push(piece))
  const pieces: Uint8Array[] = []
  const taken = (): void => {
    pieces.push(Buffer.concat(out))
    out = []
  }
  for (const text of texts) {
    encoder.write(text)
    await new Promise<void>((done) => encoder.flush(flush, done))
    taken()
  }
  await new Promise<void>((done) => encoder.once("end", done).end())
  taken()
  return pieces.filter(({ length }) => length > 0)
}

function asked(client: Dialect, target: Dialect, marker: string, streamed = true): string {
  const sample = SAMPLES[client]
  return sample.request({ model: groupOf("upstream", target), stream: streamed, text: marker })
}

const PAIRS = DIALECTS.flatMap((target) =>
  [target, target === "chat" ? ("messages" as const) : ("chat" as const)].map((client) => [client, target] as const),
)

for (const [client, target] of drawn(PAIRS, 2)) {
  for (const encoding of Object.keys(ENCODERS)) {
    test(`${client} client, ${target} upstream: a stream in ${encoding}`, async () => {
      const marker = `encoded <${client} ${target} ${encoding}>`
      const sample = SAMPLES[target]
      const frames = sample.frames(["Hi", " there"])
      const first = frames.slice(0, sample.framesBeforeContent + 1).join("")
      const [head = new Uint8Array(), ...rest] = await compressed(encoding, [
        first,
        frames.slice(sample.framesBeforeContent + 1).join(""),
      ])
      const seen = Promise.withResolvers<void>()
      const steps: Step[] = [head.subarray(0, 7), head.subarray(7), { until: seen.promise }, ...rest]
      upstream.plan(marker, stream(steps, { headers: { "Content-Encoding": encoding } }))
      const response = await gateway.open(client, asked(client, target, marker))
      expect(response.status).toBe(200)
      expect(response.headers.get("content-encoding")).toBeNull()
      // the rest comes only when the client has read the beginning
      let text = ""
      const decoder = new TextDecoder()
      for await (const piece of response.body!) {
        text += decoder.decode(piece as Uint8Array, { stream: true })
        if (text.includes("Hi")) seen.resolve()
      }
      expect(meaningOfStream(client, text)).toMatchObject({ text: "Hi there", stop: "end" })
      if (client === target) expect(text).toBe(frames.join(""))
    })
  }

  for (const label of ["application/json", "application/x-ndjson", "text/html"]) {
    test(`${client} client, ${target} upstream: a stream under the label ${label}`, async () => {
      const marker = `labelled <${client} ${target} ${label}>`
      const frames = SAMPLES[target].frames(["Hi", " there"])
      upstream.plan(marker, stream(["\n", ...frames], { headers: { "Content-Type": label } }))
      const answer = await gateway.call(client, asked(client, target, marker))
      expect(answer.status).toBe(200)
      expect(answer.headers.get("content-type")).toContain("text/event-stream")
      expect(meaningOfStream(client, answer.text)).toMatchObject({ text: "Hi there", stop: "end" })
    })
  }

  test(`${client} client, ${target} upstream: a compressed stream that nobody asked for is a whole answer`, async () => {
    const marker = `whole <${client} ${target}>`
    const bytes = zlib.gzipSync(SAMPLES[target].frames(["Hi", " there"]).join(""))
    const headers = { "Content-Type": "text/event-stream", "Content-Encoding": "gzip" }
    upstream.plan(marker, reply(bytes, { headers }))
    const answer = await gateway.call(client, asked(client, target, marker, false))
    expect(answer.status).toBe(200)
    expect(meaningOfBody(client, parsed(answer))).toMatchObject({ text: "Hi there", stop: "end" })
  })

  test(`${client} client, ${target} upstream: a compressed whole answer is a stream to a client that asked for one`, async () => {
    const marker = `unfolded <${client} ${target}>`
    const headers = { "Content-Type": "application/json", "Content-Encoding": "br" }
    upstream.plan(marker, reply(zlib.brotliCompressSync(SAMPLES[target].unary("Hi there")), { headers }))
    const answer = await gateway.call(client, asked(client, target, marker))
    expect(answer.status).toBe(200)
    expect(meaningOfStream(client, answer.text)).toMatchObject({ text: "Hi there", stop: "end" })
  })
}

for (const streamed of [false, true]) {
  test(`bytes that are not of the encoding that they name are no answer, ${streamed ? "streamed" : "unary"}`, async () => {
    const marker = `no gzip <${streamed}>`
    const headers = { "Content-Encoding": "gzip" }
    upstream.plan(marker, reply(SAMPLES.chat.frames().join(""), { headers }))
    const answer = await gateway.call("chat", asked("chat", "chat", marker, streamed))
    expect(answer.status).toBe(502)
    expect(answer.text).toContain("upstream-failed")
  })
}
