/** Objects with thousands of members: as many as one likes inside of a request, 4,096 at its top, and never a fault of the router. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { readAnswer } from "../../helpers/client.ts"
import { targetsOf } from "../../helpers/config.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const policy = { beta_headers: { strip_fields: ["metadata.user_id", "context_management"] } }
      const targets = targetsOf(["upstream"]).map((target) =>
        target.provider === "upstream-messages" ? { ...target, ...policy } : target,
      )
      config.models["default"] = { ...config.models["default"]!, targets }
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const members = (count: number, before = "k"): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${before}${index}`, index]))

/** What the router edits in a nested object on the way to a target of the same dialect. */
const EDITED: Readonly<Record<Dialect, { field: string; expected: (sent: Record<string, number>) => unknown }>> = {
  chat: { field: "stream_options", expected: (sent) => ({ ...sent, include_usage: true }) },
  responses: { field: "stream_options", expected: (sent) => sent },
  messages: {
    field: "metadata",
    expected: (sent) => Object.fromEntries(Object.entries(sent).filter(([name]) => name !== "user_id")),
  },
}

test.each(drawn(DIALECTS))(
  "a nested object may have thousands of members, and is edited as one with few: %s",
  async (dialect) => {
    const { field, expected } = EDITED[dialect]
    const sent = { ...members(5000), user_id: 1 }
    const text = `<nested ${dialect}>`
    const body = SAMPLES[dialect].request({ stream: true, text, extra: { [field]: sent } })
    const answer = await readAnswer(await gateway.open(dialect, body))
    expect([answer.status, upstream.received(text).length]).toEqual([200, 1])
    const there = JSON.parse(bodyText(upstream.received(text)[0]!.request)) as Record<string, unknown>
    expect(there[field]).toEqual(expected(sent))
  },
)

test.each(drawn(DIALECTS))(
  "more top-level members than 4,096 are refused, and the first that is too much is named: %s",
  async (dialect) => {
    const few = Object.keys(JSON.parse(SAMPLES[dialect].request({ stream: true })) as object).length
    const most = SAMPLES[dialect].request({ stream: true, text: `<most ${dialect}>`, extra: members(4096 - few) })
    expect((await gateway.call(dialect, most)).status).toBe(200)
    const more = SAMPLES[dialect].request({ stream: true, extra: members(4097 - few) })
    const answer = await gateway.call(dialect, more)
    expect(answer.status).toBe(400)
    expect(answer.text).toContain("more than 4096 top-level members")
    expect(answer.text).toContain(`k${4096 - few}`)
  },
)
