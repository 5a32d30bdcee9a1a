/** What a group says about changing dialect: off, warn, enforce; and where losses are told. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { targetsOf } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { streamedAnswer, wholeAnswer } from "../../helpers/scenario.ts"
import { reply, stream } from "../../helpers/behaviours.ts"
import { at } from "../../helpers/streams.ts"
import { allowAll, FOREIGN_PAIRS, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let other: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  other = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream, other },
    configure: (config) => {
      translating(config, [])
      for (const [client, target] of FOREIGN_PAIRS) {
        const foreign = targetsOf(["upstream"]).filter(({ provider }) => provider === `upstream-${target}`)
        const native = targetsOf(["other"]).filter(({ provider }) => provider === `other-${client}`)
        for (const translation of ["off", "warn", "enforce"]) {
          config.models[`${translation}-${target}`] = { strategy: "static", translation, targets: foreign }
          const targets = [...foreign, ...native]
          config.models[`${translation}-${target}-then-${client}`] = { strategy: "static", translation, targets }
        }
      }
      allowAll(config)
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([upstream.stop(), other.stop()])
})

/** A wish of each dialect that no other can hold: what carries it, and the code of its loss. */
const UNIQUE: Readonly<Record<Dialect, { readonly extra: Readonly<Record<string, unknown>>; readonly code: string }>> =
  {
    chat: { extra: { prediction: { type: "content", content: "x" } }, code: "field" },
    responses: { extra: { max_tool_calls: 3 }, code: "field" },
    messages: { extra: { context_management: { edits: [{ type: "clear_tool_uses_20250919" }] } }, code: "field" },
  }

describe.each(drawn(FOREIGN_PAIRS, 2).map((pair) => [...pair] as const))("%s client, %s upstream", (client, target) => {
  const { extra, code } = UNIQUE[client]

  test.each([false, true])(
    "warn, streamed %p: the answer names the loss, and the ledger where it was",
    async (streamed) => {
      const marker = `lossy <${client} ${target} ${streamed}>`
      const body = SAMPLES[client].request({ model: `warn-${target}`, stream: streamed, text: marker, extra })
      const answer = await gateway.call(client, body)
      expect(answer.status).toBe(200)
      expect(answer.headers.get("x-router-losses")).toBe(code)
      expect(gateway.records.losses(answer.requestId)).toEqual([
        { request_id: answer.requestId, seq: 0, code, path: Object.keys(extra)[0]! },
      ])
    },
  )

  test("without a loss nothing is named", async () => {
    const answer = await gateway.call(client, SAMPLES[client].request({ model: `warn-${target}` }))
    expect(answer.headers.get("x-router-losses")).toBeNull()
    expect(gateway.records.losses(answer.requestId)).toEqual([])
  })

  test("enforce: a call that would lose something is refused before anything is sent", async () => {
    const marker = `enforced <${client} ${target}>`
    const body = SAMPLES[client].request({ model: `enforce-${target}`, text: marker, extra })
    const answer = await gateway.call(client, body)
    expectError(answer, client, 400, "translation-loss")
    expect(at(parsed(answer), "error", "details", "losses")).toEqual([code])
    expect(upstream.received(marker)).toEqual([])
    expect(gateway.records.usage(answer.requestId)).toMatchObject([{ status: 400, attempts: 0 }])
    expect(gateway.records.trace(answer.requestId)).toMatchObject([
      { event: "target_rejected", target_provider: `upstream-${target}`, reason: "translation-loss" },
    ])
  })

  test("enforce: a call that loses nothing is served, and so is one that a native target can take", async () => {
    const plain = await gateway.call(client, SAMPLES[client].request({ model: `enforce-${target}` }))
    expect(plain.status).toBe(200)
    const marker = `native instead <${client} ${target}>`
    const body = SAMPLES[client].request({ model: `enforce-${target}-then-${client}`, text: marker, extra })
    const answer = await gateway.call(client, body)
    expect(answer.status).toBe(200)
    expect(answer.headers.get("x-router-losses")).toBeNull()
    expect(upstream.received(marker)).toEqual([])
    expect(gateway.records.usage(answer.requestId)).toMatchObject([
      { attempts: 1, target_dialect: SAMPLES[client].configName },
    ])
  })

  test("off: only native targets count", async () => {
    const none = await gateway.call(client, SAMPLES[client].request({ model: `off-${target}` }))
    expectError(none, client, 400, "no-eligible-target")
    expect(at(parsed(none), "error", "details", "rejected")).toEqual([{ target: 0, reason: "translation-off" }])
    const native = await gateway.call(client, SAMPLES[client].request({ model: `off-${target}-then-${client}` }))
    expect(native.status).toBe(200)
    expect(gateway.records.usage(native.requestId)).toMatchObject([{ target_dialect: SAMPLES[client].configName }])
  })
})

test.each([false, true])("losses of the answer are told too, streamed %p: in the ledger always", async (streamed) => {
  const marker = `lossy answer <${streamed}>`
  const scenario = { text: "No.", stop: "filtered" } as const
  const frames = streamedAnswer("messages", scenario).map((frame) => frame.replace('"refusal"', '"pause_turn"'))
  const whole = wholeAnswer("messages", scenario).replace('"refusal"', '"pause_turn"')
  upstream.plan(marker, streamed ? stream(frames) : reply(whole))
  const answer = await gateway.call(
    "chat",
    SAMPLES.chat.request({ model: "warn-messages", stream: streamed, text: marker }),
  )
  expect(answer.status).toBe(200)
  expect(answer.headers.get("x-router-losses")).toBe(streamed ? null : "reply-stop")
  expect(gateway.records.losses(answer.requestId).map(({ code }) => code)).toEqual(["reply-stop"])
})

test("names that a client made up reach neither ledger nor header", async () => {
  const extra = { "my secret plan: do it": 1 }
  const body = SAMPLES.chat.request({ model: "warn-messages", text: "made up", extra })
  const answer = await gateway.call("chat", body)
  expect(answer.headers.get("x-router-losses")).toBe("field")
  expect(gateway.records.losses(answer.requestId)).toMatchObject([{ code: "field", path: "other" }])
  expect(gateway.records.leaks(["my secret plan"])).toEqual([])
})
