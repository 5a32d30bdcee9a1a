/** A kept connection that the upstream has closed meanwhile costs nobody a call. */
import { expect, test } from "bun:test"
import { raw, reply } from "../../helpers/behaviours.ts"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"

/** A whole answer that does not announce the end of its connection. */
function thenClosed(body: string): Behaviour {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  return raw([head + body, { waitMs: 5 }, { end: "close" }])
}

for (const sample of ALL_SAMPLES) {
  test(`${sample.dialect}: a connection that was closed while idle costs no call`, async () => {
    const upstream = (await FakeUpstream.start()).otherwise(thenClosed(sample.unary()))
    await using gateway = await startGateway({ upstreams: { upstream } })
    for (let round = 0; round < 5; round += 1) {
      expect((await gateway.call(sample.dialect, sample.request())).status).toBe(200)
      await Bun.sleep(20)
    }
    expect(upstream.exchanges.length).toBe(5)
    await upstream.stop()
  })

  test(`${sample.dialect}: kept connections are used again`, async () => {
    const upstream = (await FakeUpstream.start()).otherwise(reply(sample.unary()))
    await using gateway = await startGateway({ upstreams: { upstream } })
    for (let round = 0; round < 5; round += 1) await gateway.call(sample.dialect, sample.request())
    expect(upstream.connections).toBe(1)
    await upstream.stop()
  })
}
