/** What a client asks in one dialect, the upstream reads in its own as if its own client had asked. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { conversation, plainly } from "../../helpers/conversation.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { VENDOR_MODEL } from "../../helpers/config.ts"
import { FOREIGN_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({ upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

for (const [client, target] of drawn(FOREIGN_PAIRS, 2)) {
  for (const streamed of [false, true]) {
    test(`${client} to ${target}, ${streamed ? "streamed" : "unary"}: a conversation with tools and an image`, async () => {
      const marker = `asked <${client} ${target} ${streamed}>`
      const body = { model: groupOf("upstream", target), stream: streamed, ...conversation(client, marker) }
      const answer = await gateway.call(client, JSON.stringify(body))
      expect(answer.status).toBe(200)
      expect(answer.headers.get("x-router-losses")).toBeNull()
      const sent = JSON.parse(bodyText(upstream.received(marker)[0]!.request)) as Record<string, unknown>
      expect(sent["model"]).toBe(VENDOR_MODEL)
      expect(sent["stream"] === true).toBe(streamed)
      expect(plainly(target, sent)).toEqual(plainly(target, conversation(target, marker)))
    })
  }
}
