/** What an upstream sends behind the terminal event comes through unchanged, however its bytes arrive. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { chunkOf, cutEvery, headBytes, raw } from "../../helpers/behaviours.ts"
import { readAnswer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { first: upstream } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

for (const sample of drawn(ALL_SAMPLES)) {
  const text = `${sample.frames().join("")}: bye\n\nretry: 5\nid: 9\n\n`
  test.each([1, 2, 7])(`${sample.dialect}: chunks of %d bytes in one write`, async (size) => {
    const marker = `${sample.dialect} in one ${size}`
    const chunks = cutEvery(text, size).map(chunkOf)
    const head = headBytes({ headers: { "Content-Type": "text/event-stream" } }, ["Transfer-Encoding: chunked"])
    upstream.plan(marker, raw([Buffer.concat([Buffer.from(head), ...chunks, Buffer.from("0\r\n\r\n")])]))
    const response = await gateway.open(sample.dialect, sample.request({ stream: true, text: marker }))
    expect((await readAnswer(response)).text).toBe(text)
  })
}

for (const { name, piece } of [
  { name: "blank lines", piece: "\n" },
  { name: "comments", piece: ":\n\n" },
  { name: "events", piece: "data: 1\n\n" },
]) {
  for (const sample of ALL_SAMPLES) {
    test(`${sample.dialect}: endless ${name} behind the terminal event cost as much as a few of them`, async () => {
      const marker = `${sample.dialect} endless ${name}`
      const frames = sample.frames().join("")
      const rest = piece.repeat(2_000_000 / piece.length)
      upstream.plan(marker, raw([headBytes({ headers: { "Content-Type": "text/event-stream" } }, []), frames, rest]))
      const before = process.cpuUsage()
      const response = await gateway.open(sample.dialect, sample.request({ stream: true, text: marker }))
      const { text } = await readAnswer(response)
      const { user } = process.cpuUsage(before)
      expect(text.startsWith(frames)).toBe(true)
      expect(text.length).toBeLessThan(frames.length + 200_000)
      // quadratic work took half a minute
      expect(user / 1e6).toBeLessThan(5)
    })
  }
}
