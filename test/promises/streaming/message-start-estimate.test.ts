/** A translated stream tells a Messages client at once how much input it has: an estimate, which the end corrects. */
import { expect, test } from "bun:test"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at, framesOf, jsonOf } from "../../helpers/streams.ts"
import { allowAll, groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

test.each(["chat", "responses"] as const)("a Messages client gets an estimate from a %s upstream", async (target) => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      translating(config, ["upstream"])
      allowAll(config)
    },
  })
  const body = (text: string): string =>
    SAMPLES.messages.request({ model: groupOf("upstream", target), stream: true, text })
  const started = async (text: string): Promise<[unknown, unknown]> => {
    const events = framesOf((await gateway.call("messages", body(text))).text).map((frame) => jsonOf(frame))
    const start = events.find((event) => at(event, "type") === "message_start")
    const delta = events.findLast((event) => at(event, "type") === "message_delta")
    return [at(start, "message", "usage", "input_tokens"), at(delta, "usage", "input_tokens")]
  }
  const [short, end] = await started("x")
  const [long] = await started("word ".repeat(2000))
  expect(Number(short)).toBeGreaterThan(0)
  expect(Number(long)).toBeGreaterThan(1500)
  expect(Number(long)).toBeLessThan(6000)
  expect(end).toBe(SAMPLES[target].usage.input)
  await upstream.stop()
})
