/** A group that cannot serve a call's dialect says so before anything goes upstream. */
import { expect, test } from "bun:test"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

test("without translation only targets of the client's own dialect are eligible", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      for (const { dialect } of ALL_SAMPLES) {
        const targets = [{ provider: `upstream-${dialect}`, model_ref: "m1" }]
        config.models[`only-${dialect}`] = { strategy: "static", translation: "off", targets }
      }
      config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
    },
  })
  for (const sample of ALL_SAMPLES) {
    for (const { dialect } of ALL_SAMPLES) {
      for (const streamed of [false, true]) {
        const body = sample.request({ model: `only-${dialect}`, stream: streamed })
        const before = upstream.exchanges.length
        const answer = await gateway.call(sample.dialect, body)
        if (dialect === sample.dialect) {
          expect(answer.status).toBe(200)
          continue
        }
        expectError(answer, sample.dialect, 400, "no-eligible-target")
        expect(answer.headers.get("x-should-retry")).toBe("false")
        expect(upstream.exchanges.length).toBe(before)
        expect(gateway.records.usage(answer.requestId)).toMatchObject([
          { status: 400, error: "no-eligible-target", attempts: 0, resolved_group: `only-${dialect}` },
        ])
      }
    }
  }
  await upstream.stop()
})
