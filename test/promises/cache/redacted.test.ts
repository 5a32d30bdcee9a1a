/** The cache knows a request as its group's filter for personal data leaves it, and tells nobody the words of another request. */
import { expect, test } from "bun:test"
import { cacheable, cacheOf, caching } from "../../helpers/caching.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, type Dialect } from "../../helpers/samples.ts"
import { groupOf } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

/** Answers with what it was asked, so that a placeholder comes back. */
async function echoing(): Promise<FakeUpstream> {
  return (await FakeUpstream.start()).otherwise(async (exchange) => {
    const text = /Write to ([^"\\]*)/.exec(bodyText(exchange.request))?.[1] ?? "nothing"
    await vendorAnswer(`I write to ${text}`)(exchange)
  })
}

test.each(drawn(DIALECTS))("a question of %s with personal data in it", async (dialect: Dialect) => {
  const upstream = await echoing()
  const filter = { enabled: true, mode: "redact_and_restore", restore_response: true, detectors: ["email"] }
  await using gateway = await startGateway({
    upstreams: { far: upstream },
    configure: (config) => caching(config, ["far"], { streams: true }, { pii_filter: filter }),
  })
  for (const target of DIALECTS) {
    const model = groupOf("far", target)
    for (const name of ["ann", "bob"])
      for (const [stream, expected] of [
        [false, /miss|hit/],
        [false, /hit/],
        [true, /hit/],
        [true, /hit/],
      ] as const) {
        const text = `Write to ${name}@example.com`
        const answer = await gateway.call(dialect, cacheable(dialect, { model, text, stream }))
        expect(cacheOf(answer)).toMatch(expected)
        expect(answer.text).toContain(`I write to ${name}@example.com`)
        expect(answer.text).not.toContain(name === "ann" ? "bob@" : "ann@")
      }
  }
  for (const { request } of upstream.exchanges) expect(bodyText(request)).not.toContain("@example.com")
  await upstream.stop()
})
