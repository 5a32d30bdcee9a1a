/** A 409 is a conflict to clients as well, as the vendors' SDKs know it; other rare statuses say whose fault they are. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import Anthropic from "@anthropic-ai/sdk"
import OpenAI from "openai"
import { reply } from "../../helpers/behaviours.ts"
import { parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { ALL_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream, second },
    configure: (config) => translating(config, ["upstream"]),
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([upstream.stop(), second.stop()])
})

const WORDS = "The conversation is locked by another request."

function refuse(target: Dialect, marker: string, status: number): void {
  const body = SAMPLES[target].errorBody(WORDS, { type: "conflict_error", code: "conversation_locked" })
  upstream.plan(marker, reply(body, { status }))
}

describe.each(drawn(ALL_PAIRS, 3))("%s client, %s upstream", (client, target) => {
  test.each([false, true])("a conflict keeps its status and its words; streamed: %p", async (stream) => {
    const marker = `conflict <${client} ${target} ${stream}>`
    refuse(target, marker, 409)
    const text = SAMPLES[client].request({ model: groupOf("upstream", target), text: marker, stream })
    const answer = await gateway.call(client, text)
    expect([answer.status, answer.headers.get("x-should-retry")]).toEqual([409, null])
    expect(at(parsed(answer), "error", "message")).toContain(WORDS)
    expect(gateway.records.attempts(answer.requestId)[0]!.error_message).toContain("conflict")
  })

  test("without words that can be read it is told in the router's", async () => {
    const marker = `wordless <${client} ${target}>`
    upstream.plan(marker, reply("<html>conflict</html>", { status: 409, headers: { "Content-Type": "text/html" } }))
    const answer = await gateway.call(
      client,
      SAMPLES[client].request({ model: groupOf("upstream", target), text: marker }),
    )
    expect([answer.status, answer.headers.get("x-should-retry")]).toEqual([409, null])
  })
})

test.each([405, 409, 410, 424, 451, 498])("of a %d another target is asked", async (status) => {
  const marker = `status <${status}>`
  refuse("chat", marker, status)
  const answer = await gateway.call("chat", SAMPLES.chat.request({ text: marker }))
  expect([answer.status, second.received(marker).length]).toEqual([200, 1])
})

test.each([
  [405, "path-not-found", 503],
  [410, "path-not-found", 503],
  [424, "upstream-error", 502],
  [451, "access-denied", 503],
  [498, "rate-limited", 503],
  [418, "status-refused", 502],
])("a %d alone is told as %s with status %d", async (status, reason, told) => {
  const marker = `alone <${status}>`
  upstream.plan(marker, reply("{}", { status }))
  const answer = await gateway.call("chat", SAMPLES.chat.request({ model: groupOf("upstream", "chat"), text: marker }))
  expect([answer.status, gateway.records.attempts(answer.requestId)[0]!.error_message]).toEqual([told, reason])
})

test("the vendors' clients throw what they throw at their own vendor", async () => {
  const options = { apiKey: gateway.token, maxRetries: 0 }
  const openai = new OpenAI({ ...options, baseURL: `${gateway.url}/v1` })
  const anthropic = new Anthropic({ ...options, baseURL: gateway.url })
  for (const target of ["chat", "responses", "messages"] as const) {
    const model = groupOf("upstream", target)
    const marker = `sdk <${target}>`
    const messages = [{ role: "user" as const, content: marker }]
    for (const [calling, error] of [
      [() => openai.chat.completions.create({ model, messages }), OpenAI.ConflictError],
      [() => openai.responses.create({ model, input: marker }), OpenAI.ConflictError],
      [() => anthropic.messages.create({ model, max_tokens: 9, messages }), Anthropic.ConflictError],
    ] as const) {
      refuse(target, marker, 409)
      expect(await calling().catch((thrown: unknown) => thrown)).toBeInstanceOf(error)
    }
  }
})
