/** Content of calls is stored as clients sent and got it, in all dialects, unary and streamed, translated, after failover. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { ALL_PARTS, capturing, CONTENT_ENV, partsOf } from "../../helpers/content.ts"
import { conversation } from "../../helpers/conversation.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { type LedgerState, onDrawnDriver } from "../../helpers/ledger-drivers.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { ALL_PAIRS, allowAll, groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

setDefaultTimeout(300_000)

onDrawnDriver((driver) => {
  let upstream: FakeUpstream
  let spare: FakeUpstream
  let state: LedgerState
  let gateway: LocalGateway
  const unseen = newToken("unseen")
  const eager = newToken("eager")

  beforeAll(async () => {
    upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("Hi there you"))
    spare = (await FakeUpstream.start()).otherwise(vendorAnswer("from the spare"))
    state = await driver.state()
    gateway = await startGateway({
      upstreams: { upstream, spare },
      env: CONTENT_ENV,
      configure: (config) => {
        capturing(config, { ...ALL_PARTS, capture_headers_allowlist: ["X-Team", "user-agent"] })
        config.server["usage_db"] = state.usageDb
        translating(config, ["upstream"], { translation: "warn" })
        const off = { enabled: false, capture_request: true }
        config.models["off"] = { strategy: "static", targets: targetsOf(["upstream"]), content_capture: off }
        config.models["answers"] = {
          strategy: "static",
          targets: targetsOf(["upstream"]),
          content_capture: { capture_request: false, max_capture_bytes: 20 },
        }
        allowAll(config)
        const groups = Object.keys(config.models)
        config.callers.push(
          callerEntry("unseen", unseen, groups, { content_capture: { enabled: false } }),
          callerEntry("eager", eager, groups, { content_capture: { enabled: true, capture_response: false } }),
        )
      },
    })
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await state[Symbol.asyncDispose]()
    await upstream.stop()
    await spare.stop()
  })

  const stored = async (id: string): Promise<readonly { readonly part: string }[]> =>
    state.rows(`SELECT part FROM request_content_captures WHERE request_id = '${id}'`)

  for (const streamed of [false, true])
    test.each(drawn(ALL_PAIRS, 3))(
      `what was sent and got, %s to %s, ${streamed ? "streamed" : "unary"}`,
      async (client, target) => {
        const body = SAMPLES[client].request({ model: groupOf("upstream", target), stream: streamed, text: "tell me" })
        const answer = await gateway.call(client, body, { headers: { "x-team": "search" } })
        expect(answer.status).toBe(200)
        const { request, answer: got, headers } = await partsOf(gateway, answer.requestId)
        expect(request).toMatchObject({ content: body, form: "json", truncated: false, redactions: 0, left_out: 0 })
        expect(got).toMatchObject({ content: answer.text, form: streamed ? "events" : "json", truncated: false })
        expect(got?.original_bytes).toBe(answer.bytes.length)
        expect(JSON.parse(headers?.content ?? "")).toMatchObject({ "x-team": "search" })
      },
    )

  test.each(drawn(DIALECTS))("whole conversations with tools and images, as they were sent: %s", async (dialect) => {
    const body = JSON.stringify({ model: "default", ...conversation(dialect, "look at this") })
    const answer = await gateway.call(dialect, body)
    expect((await partsOf(gateway, answer.requestId))["request"]?.content).toBe(body)
  })

  test.each(drawn(DIALECTS))("after failover the answer that came, and the errors before it: %s", async (dialect) => {
    const marker = `failover ${dialect} ${driver.name}`
    const key = "sk-secret-of-upstream-5f1c9a"
    const words = `overloaded, key ${key} at ${new URL(upstream.url).host}`
    upstream.plan(marker, reply(SAMPLES[dialect].errorBody(words), { status: 503 }))
    const body = SAMPLES[dialect].request({ text: marker })
    const answer = await gateway.call(dialect, body)
    expect(answer.text).toContain("from the spare")
    const parts = await partsOf(gateway, answer.requestId)
    expect(parts["answer"]?.content).toBe(answer.text)
    const told = parts["upstream_error_0"]?.content ?? ""
    expect(told).toContain("overloaded")
    expect(told).not.toContain(key)
    expect(told).not.toContain(new URL(upstream.url).host)
  })

  test.each(drawn(DIALECTS))(
    "of a call that fails, the request and the error that its client got: %s",
    async (dialect) => {
      const marker = `refused ${dialect} ${driver.name}`
      upstream.plan(marker, reply(SAMPLES[dialect].errorBody("no such thing"), { status: 400 }))
      const body = SAMPLES[dialect].request({ text: marker })
      const answer = await gateway.call(dialect, body)
      expect(answer.status).toBe(400)
      const parts = await partsOf(gateway, answer.requestId)
      expect([parts["request"]?.content, parts["answer"]?.content]).toEqual([body, answer.text])
    },
  )

  test.each(drawn(DIALECTS))("of a stream that breaks off, as much as its client got: %s", async (dialect) => {
    const marker = `broken ${dialect} ${driver.name}`
    const frames = SAMPLES[dialect].frames(["Hi", " there"])
    const begun = frames.slice(0, SAMPLES[dialect].framesBeforeContent + 1)
    upstream.plan(marker, stream([...begun, { end: "reset" }]))
    const answer = await gateway.call(dialect, SAMPLES[dialect].request({ text: marker, stream: true }))
    expect((await partsOf(gateway, answer.requestId))["answer"]?.content).toBe(answer.text)
  })

  test("groups and callers have their own parts and bounds, and a no wins", async () => {
    const call = async (model: string, token = gateway.token): Promise<string> =>
      (await gateway.call("chat", SAMPLES.chat.request({ model }), { token })).requestId
    const silent = [await call("off"), await call("default", unseen), await call("off", eager)]
    const cut = await partsOf(gateway, await call("answers"))
    expect([cut["request"], cut["answer"]?.kept_bytes, cut["answer"]?.truncated]).toEqual([undefined, 20, true])
    expect(cut["answer"]?.original_bytes).toBeGreaterThan(20)
    const asked = await partsOf(gateway, await call("default", eager))
    expect([asked["request"] === undefined, asked["answer"]]).toEqual([false, undefined])
    for (const id of silent) expect(await stored(id)).toEqual([])
  })

  test("what goes upstream and comes back is the same, byte for byte, with capture and without", async () => {
    for (const model of ["default", "off"]) {
      const marker = `bytes of ${model} ${driver.name}`
      const body = SAMPLES.chat.request({ model, text: marker })
      const answer = await gateway.call("chat", body)
      expect(answer.text).toBe(SAMPLES.chat.unary("Hi there you"))
      const { request } = await upstream.arrival(marker)
      expect(bodyText(request)).toBe(body.replace(`"model":"${model}"`, '"model":"vendor/model-1"'))
    }
  })

  describe("in the database", () => {
    test("nothing of it can be read", async () => {
      const text = "very private words"
      const { requestId } = await gateway.call("chat", SAMPLES.chat.request({ text }))
      await partsOf(gateway, requestId)
      const rows = await state.rows<{ sealed: Uint8Array; part: string }>(
        `SELECT part, sealed FROM request_content_captures WHERE request_id = '${requestId}'`,
      )
      expect(rows.map(({ part }) => part).toSorted()).toEqual(["answer", "headers", "request"])
      for (const { sealed } of rows) expect(Buffer.from(sealed).includes("private")).toBe(false)
      expect(new Set(rows.map(({ sealed }) => Buffer.from(sealed.slice(0, 12)).toString("hex"))).size).toBe(3)
    })
  })
})
