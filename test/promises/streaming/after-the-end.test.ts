/** What an upstream sends behind the terminal event comes through unchanged, however its bytes arrive. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { chunkOf, cutEvery, headBytes, raw } from "../../helpers/behaviours.ts"
import { readAnswer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"

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

for (const sample of ALL_SAMPLES) {
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
