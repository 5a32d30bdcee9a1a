/** `weighted` spreads calls by weight, and the others of the group stay as the way out. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { targetsOf } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const CALLS = 200
let heavy: FakeUpstream
let light: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  heavy = (await FakeUpstream.start()).otherwise(vendorAnswer("heavy"))
  light = (await FakeUpstream.start()).otherwise(vendorAnswer("light"))
  gateway = await startGateway({
    upstreams: { heavy, light },
    configure: (config) => {
      config.models["default"] = {
        strategy: "weighted",
        targets: [...targetsOf(["heavy"], { weight: 70 }), ...targetsOf(["light"], { weight: 30 })],
      }
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([heavy.stop(), light.stop()])
})

for (const sample of drawn(ALL_SAMPLES)) {
  test(`${sample.dialect}: weights of 70 and 30 give 70 to 30`, async () => {
    const marker = `share-${sample.dialect}`
    for (let sent = 0; sent < CALLS; sent += 20) {
      await Promise.all(
        Array.from({ length: 20 }, async () => gateway.call(sample.dialect, sample.request({ text: marker }))),
      )
    }
    const share = heavy.received(marker).length / CALLS
    expect(heavy.received(marker).length + light.received(marker).length).toBe(CALLS)
    // Six standard deviations either way: a fair draw fails once in five hundred million runs.
    expect(share).toBeGreaterThan(0.5)
    expect(share).toBeLessThan(0.9)
  })

  test(`${sample.dialect}: whichever is drawn, the other takes over`, async () => {
    const marker = `over-${sample.dialect}`
    heavy.plan(marker, reply("", { status: 500 }))
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => gateway.call(sample.dialect, sample.request({ text: marker }))),
    )
    expect(answers.map(({ text }) => text)).toEqual(answers.map(() => sample.unary("light")))
  })
}
