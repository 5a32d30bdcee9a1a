/** `model_identity: requested_group`: every answer names the model that was asked for, and none the upstream's. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { VENDOR_MODEL } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { framesOf, jsonOf } from "../../helpers/streams.ts"
import { ALL_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.server["responses"] = { model_identity: "requested_group" }
      translating(config, ["upstream"])
      Object.assign(config.models["upstream-chat"] ?? {}, { aliases: ["claude-alias"] })
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** Every `model` in an answer, wherever it stands. */
function namesIn(value: unknown): readonly unknown[] {
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => (key === "model" ? [inner] : namesIn(inner)))
}

function namesInStream(text: string): readonly unknown[] {
  return framesOf(text).flatMap((frame) => namesIn(jsonOf(frame)))
}

describe.each(drawn(ALL_PAIRS, 3).map((pair) => [...pair] as [Dialect, Dialect]))(
  "%s client, %s upstream",
  (client, target) => {
    const model = groupOf("upstream", target)

    test("a whole answer names the model that was asked for", async () => {
      const marker = `<whole ${client} ${target}>`
      upstream.plan(marker, reply(SAMPLES[target].unary(`"model":"x"`)))
      const { text } = await gateway.call(client, SAMPLES[client].request({ model, text: marker }))
      expect(namesIn(JSON.parse(text))).toEqual([model])
      if (client === target)
        expect(text).toBe(SAMPLES[target].unary(`"model":"x"`).replace('"vendor-model"', `"${model}"`))
    })

    test("a stream names the model that was asked for", async () => {
      const marker = `<streamed ${client} ${target}>`
      const frames = SAMPLES[target].frames([`"model":"x"`, " and"])
      upstream.plan(marker, stream(frames))
      const { text } = await gateway.call(client, SAMPLES[client].request({ model, text: marker, stream: true }))
      const names = namesInStream(text)
      expect(names.length).toBeGreaterThan(0)
      expect(new Set(names)).toEqual(new Set([model]))
      if (client === target) expect(text).toBe(frames.join("").replaceAll('"vendor-model"', `"${model}"`))
    })

    test("a stream that breaks names no other model", async () => {
      const marker = `<broken ${client} ${target}>`
      upstream.plan(marker, stream([...SAMPLES[target].frames().slice(0, -1), SAMPLES[target].errorFrame]))
      const { text } = await gateway.call(client, SAMPLES[client].request({ model, text: marker, stream: true }))
      expect(text).not.toContain("vendor-model")
    })

    test("a refusal names no other model", async () => {
      const marker = `<refused ${client} ${target}>`
      const words = SAMPLES[target].errorBody(`max_tokens is too large for ${VENDOR_MODEL}`, { param: "max_tokens" })
      upstream.plan(marker, reply(words, { status: 400 }))
      const { status, text } = await gateway.call(client, SAMPLES[client].request({ model, text: marker }))
      expect(status).toBe(400)
      expect(text).toContain(`max_tokens is too large for ${model}`)
      expect(text).not.toContain(VENDOR_MODEL)
    })
  },
)

test("an alias is a name that was asked for", async () => {
  upstream.plan("<alias>", reply(SAMPLES.chat.unary()))
  const { text } = await gateway.call("messages", SAMPLES.messages.request({ model: "claude-alias", text: "<alias>" }))
  expect(namesIn(JSON.parse(text))).toEqual(["claude-alias"])
})

test("a refusal to count names the model that was asked for", async () => {
  const model = groupOf("upstream", "messages")
  const words = SAMPLES.messages.errorBody(`image too large for ${VENDOR_MODEL}`)
  upstream.plan("<count>", reply(words, { status: 400 }))
  const path = "/v1/messages/count_tokens"
  const { text } = await gateway.call("messages", SAMPLES.messages.request({ model, text: "<count>" }), { path })
  expect(text).toContain(`image too large for ${model}`)
})
