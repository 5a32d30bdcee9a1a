/** What the filter for personal data takes out of requests is stored nowhere, also where clients get it back, or are refused. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { ALL_PARTS, capturing, CONTENT_ENV, partsOf } from "../../helpers/content.ts"
import { bodyText, FakeUpstream, type Behaviour } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { ALL_PAIRS, allowAll, groupOf, translating } from "../../helpers/translating.ts"
import { sampleFor } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

setDefaultTimeout(300_000)

const MAIL = "jane.roe@example.com"
const PLACEHOLDER = /\[[A-Z_]+_[A-Z0-9]+\]/u

/** Repeats the placeholder, a stream in pieces of three characters. */
const quoting: Behaviour = async (exchange) => {
  const body = bodyText(exchange.request)
  const sample = sampleFor(exchange.request)
  const text = `You said ${PLACEHOLDER.exec(body)?.[0] ?? ""}!`
  const isStream = at(JSON.parse(body), "stream") === true
  await (isStream ? stream(sample.frames(text.match(/[^]{1,3}/gu) ?? [])) : reply(sample.unary(text)))(exchange)
}

let upstream: FakeUpstream
let gateway: LocalGateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(quoting)
  gateway = await startGateway({
    upstreams: { upstream },
    env: CONTENT_ENV,
    configure: (config) => {
      capturing(config, ALL_PARTS)
      translating(config, ["upstream"], { pii_filter: { enabled: true, mode: "redact_and_restore" } })
      config.models["blocking"] = { ...config.models["default"], pii_filter: { enabled: true, mode: "fail_on_match" } }
      allowAll(config)
    },
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

for (const isStream of [false, true])
  test.each(drawn(ALL_PAIRS, 3))(
    `restored for clients, and not in what is stored: %s to %s, streamed ${isStream}`,
    async (client, target) => {
      const model = groupOf("upstream", target)
      const answer = await gateway.call(
        client,
        SAMPLES[client].request({ model, text: `I am ${MAIL}`, stream: isStream }),
      )
      expect(answer.status).toBe(200)
      const parts = await partsOf(gateway, answer.requestId)
      const stored = Object.values(parts).map(({ content }) => content)
      expect(stored).toHaveLength(2)
      for (const content of stored) expect(content).not.toContain("jane")
      expect(parts["request"]?.content).toMatch(PLACEHOLDER)
      if (!isStream) {
        expect(answer.text).toContain(MAIL)
        expect(parts["answer"]?.content).toMatch(PLACEHOLDER)
      }
    },
  )

test.each(drawn(DIALECTS))("a request that is refused for what it holds is not stored: %s", async (dialect) => {
  const answer = await gateway.call(dialect, SAMPLES[dialect].request({ model: "blocking", text: `I am ${MAIL}` }))
  expect(answer.status).toBe(400)
  const parts = await partsOf(gateway, answer.requestId)
  expect([parts["request"], parts["answer"]?.content]).toEqual([undefined, answer.text])
})
