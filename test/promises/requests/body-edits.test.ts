/** `request` on provider, model and target: fields that every body gets or loses, whoever wrote it. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Config } from "../../helpers/config.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { ALL_PAIRS, allowAll, EVERYTHING, groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

type Json = Record<string, unknown>

let upstream: FakeUpstream
let gateway: Gateway

function configure(config: Config): void {
  translating(config, ["upstream"])
  for (const dialect of DIALECTS) {
    const provider = config.providers[`upstream-${dialect}`]!
    provider["request"] = { set: { a: 1, b: [1], c: { d: 1, f: null } }, drop: ["metadata", "x"] }
    const models = provider["models"] as Record<string, Json>
    Object.assign(models["m1"]!, { request: { set: { b: "model", x: true }, drop: ["c.d", "y.z"] } })
    const group = config.models[groupOf("upstream", dialect)]!
    const [target] = group["targets"] as Json[]
    group["targets"] = [{ ...target, request: { set: { e: "é" }, drop: ["a"] } }]
  }
  const silent = { base_url: `${upstream.url}/v1`, dialect: "openai-chat", accepts: { stream_usage: false } }
  config.providers["silent"] = { ...silent, models: { m1: { model: "m", ...EVERYTHING } } }
  config.models["silent"] = { strategy: "static", targets: [{ provider: "silent", model_ref: "m1" }] }
  allowAll(config)
}

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({ upstreams: { upstream }, configure })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

async function sent(client: Dialect, target: Dialect): Promise<Json> {
  const marker = `edited ${client} ${target}`
  const body = SAMPLES[client].request({ model: groupOf("upstream", target), text: marker })
  const answer = await gateway.call(client, body)
  expect([client, target, answer.status]).toEqual([client, target, 200])
  return JSON.parse(bodyText(upstream.received(marker)[0]!.request)) as Json
}

test.each(drawn(ALL_PAIRS, 3).map((pair) => [...pair] as const))(
  "%s client, %s upstream: nearer blocks win",
  async (client, target) => {
    const body = await sent(client, target)
    expect(body).toMatchObject({ b: "model", c: { f: null }, x: true, e: "é" })
    expect(body).not.toHaveProperty("a")
    expect(body["c"]).toEqual({ f: null })
  },
)

test("in one dialect every other byte stays, and what was left out is said", async () => {
  const marker = "edited bytes"
  const messages = `"messages" : [{"role":"user", "content":"${marker}"}]`
  const kept = '"y":{"\\u00e9":1.50e1},"big":10000000000000000001'
  const changed = '"metadata":{"who":"me"},"b":"mine","x":"mine too","y":{"z":1,"\\u00e9":1.50e1}'
  const body = `{"model":"${groupOf("upstream", "chat")}",${messages},${changed},"big":10000000000000000001}`
  const answer = await gateway.call("chat", body)
  const text = bodyText(upstream.received(marker)[0]!.request)
  expect(text).toBe(`{"model":"vendor/model-1",${messages},${kept},"b":"model","c":{"f":null},"x":true,"e":"é"}`)
  expect(answer.headers.get("x-router-losses")).toBe("field")
})

test("a target that is not asked for usage gets a stream's bytes as they came", async () => {
  const marker = "silent about usage"
  const body = JSON.stringify({ model: "silent", stream: true, messages: [{ role: "user", content: marker }] })
  expect((await gateway.call("chat", body)).status).toBe(200)
  expect(JSON.parse(bodyText(upstream.received(marker)[0]!.request))).not.toHaveProperty("stream_options")
})
