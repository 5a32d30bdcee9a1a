/** A call that names no model is served by the default group, where there is one. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { expectError } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let withDefault: Gateway
let without: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  withDefault = await startGateway({ upstreams: { upstream } })
  without = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.models = { main: config.models["default"]! }
      config.callers = config.callers.map((caller) => ({ ...caller, allow: ["main"] }))
    },
  })
})

afterAll(async () => {
  await Promise.all([withDefault[Symbol.asyncDispose](), without[Symbol.asyncDispose]()])
  await upstream.stop()
})

for (const sample of drawn(ALL_SAMPLES)) {
  for (const streamed of [false, true]) {
    const body = (marker: string): string =>
      sample.request({ stream: streamed, text: marker }).replace('"model":"default",', "")

    test(`${sample.dialect}: streamed ${streamed}: the model is added, all else stays`, async () => {
      const marker = `unnamed-${sample.dialect}-${streamed}`
      const answer = await withDefault.call(sample.dialect, body(marker))
      expect(answer.status).toBe(200)
      const sent = bodyText(upstream.received(marker)[0]!.request)
      expect(sent).toBe(body(marker).replace(/\}$/u, ',"model":"vendor/model-1"}'))
      expect(withDefault.records.usage(answer.requestId)[0]).toMatchObject({ resolved_group: "default", status: 200 })
    })

    test(`${sample.dialect}: streamed ${streamed}: without a default group it is told so`, async () => {
      expectError(await without.call(sample.dialect, body("nobody")), sample.dialect, 400, "missing-model")
      expect(upstream.received("nobody")).toEqual([])
    })
  }
}
