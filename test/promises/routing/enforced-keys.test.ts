/** Keys that promise protection hold: nothing is stored, bridges stay closed, groups without their validation serve nobody. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { BRIDGE_FEATURES } from "../../../src/config/compile/target-limits.ts"
import { targetsOf } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

let upstream: FakeUpstream
let gate: LocalGateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gate = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const [chat, responses, messages] = ["chat", "responses", "messages"].map((dialect) => ({
        provider: `upstream-${dialect}`,
        model_ref: "m1",
      }))
      const only = (target: object, more: object = {}) => ({ strategy: "static", targets: [target], ...more })
      config.models["chat"] = only({ ...chat, force_store_false: true })
      config.models["responses"] = only({ ...responses, force_store_false: true })
      config.models["messages"] = only({ ...messages, force_store_false: true })
      config.models["no-chat"] = only({ ...responses, bridges: { chat_to_responses: { enabled: false } } })
      config.models["no-responses"] = only({ ...chat, bridges: { responses_to_chat: { enabled: false } } })
      config.models["no-responses-either"] = only({ ...chat, responses_to_chat: { enabled: false } })
      config.models["open"] = only({ ...responses, bridges: { chat_to_responses: { enabled: true } } })
      for (const feature of BRIDGE_FEATURES) {
        const bridge = { enabled: true, [feature]: false }
        const able = {
          input_modalities: ["text", "image"],
          reasoning: { supported: true },
          tool_support: {
            openai_chat: ["tools", "tool_choice", "structured_outputs"],
            openai_responses: ["function", "structured_outputs"],
          },
        }
        config.models[`onto-responses-${feature}`] = only({
          ...responses,
          ...able,
          bridges: { chat_to_responses: bridge },
        })
        config.models[`onto-chat-${feature}`] = only({ ...chat, ...able, bridges: { responses_to_chat: bridge } })
      }
      config.models["unproven"] = only(targetsOf(["upstream"])[0]!, { activation: "required" })
      config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
    },
  })
})
afterAll(async () => {
  await gate[Symbol.asyncDispose]()
  await upstream.stop()
})

let count = 0
async function sent(dialect: Dialect, model: string, extra: object, stream: boolean): Promise<unknown> {
  const text = `stored <${++count}>`
  const answer = await gate.call(dialect, SAMPLES[dialect].request({ model, text, stream, extra: { ...extra } }))
  expect([model, dialect, answer.status]).toEqual([model, dialect, 200])
  return JSON.parse(bodyText(upstream.received(text)[0]!.request))
}

test("force_store_false: nothing asks an upstream to store, whatever the client says, in its dialect and in others", async () => {
  for (const model of ["chat", "responses"] as const) {
    for (const stream of [false, true]) {
      for (const extra of [{}, { store: true }, { store: false }, { store: null }])
        expect(at(await sent(model, model, extra, stream), "store")).toBe(false)
    }
    for (const dialect of ["chat", "responses", "messages"] as const) {
      if (dialect !== model) expect(at(await sent(dialect, model, {}, false), "store")).toBe(false)
    }
  }
  expect(at(await sent("responses", "chat", { store: true }, false), "store")).toBe(false)
  // the Messages API stores no answers and does not know the key
  expect(await sent("messages", "messages", {}, false)).not.toHaveProperty("store")
})

test("force_store_false: nothing is made in the background, where the provider keeps it until it is read", async () => {
  const before = upstream.exchanges.length
  for (const extra of [{ background: true }, { background: true, store: true }, { background: true, stream: true }]) {
    const answer = await gate.call("responses", SAMPLES.responses.request({ model: "responses", extra }))
    expectError(answer, "responses", 400, "stateful-unsupported")
    expect(at(parsed(answer), "error", "param")).toBe("background")
  }
  expect(upstream.exchanges.length).toBe(before)
  expect(at(await sent("responses", "responses", { background: false }, false), "store")).toBe(false)
  expect(at(await sent("responses", "open", { background: true }, false), "background")).toBe(true)
})

test("a bridge that is switched off carries nothing, on the model or on the target", async () => {
  const reasons = async (dialect: Dialect, model: string): Promise<unknown> => {
    const answer = await gate.call(dialect, SAMPLES[dialect].request({ model }))
    return answer.status === 200 ? [] : at(parsed(answer), "error", "details", "rejected")
  }
  const closed = [{ target: 0, reason: "bridge-disabled" }]
  expect(await reasons("chat", "no-chat")).toEqual(closed)
  expect(await reasons("responses", "no-responses")).toEqual(closed)
  expect(await reasons("responses", "no-responses-either")).toEqual(closed)
  expect(await reasons("responses", "no-chat")).toEqual([])
  expect(await reasons("chat", "no-responses")).toEqual([])
  expect(await reasons("messages", "no-responses")).toEqual([])
  expect(await reasons("chat", "open")).toEqual([])
})

const SCHEMA = { type: "object", properties: {}, additionalProperties: false }
const CHAT_TOOL = { type: "function", function: { name: "f", parameters: SCHEMA } }
const PICTURE = "data:image/png;base64,iVBORw0KGgo="

/** A call of each dialect that uses the feature. */
const FEATURES: Readonly<Record<string, readonly [chat: object, responses: object]>> = {
  text: [{}, {}],
  tools: [{ tools: [CHAT_TOOL] }, { tools: [{ type: "function", name: "f", parameters: SCHEMA }] }],
  function_tools: [{ tools: [CHAT_TOOL] }, { tools: [{ type: "function", name: "f", parameters: SCHEMA }] }],
  tool_choice: [
    { tools: [CHAT_TOOL], tool_choice: "required" },
    { tools: [{ type: "function", name: "f", parameters: SCHEMA }], tool_choice: "required" },
  ],
  parallel_tool_calls: [{ parallel_tool_calls: false }, { parallel_tool_calls: false }],
  structured_outputs: [
    { response_format: { type: "json_schema", json_schema: { name: "s", schema: SCHEMA } } },
    { text: { format: { type: "json_schema", name: "s", schema: SCHEMA } } },
  ],
  images: [
    { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: PICTURE } }] }] },
    { input: [{ role: "user", content: [{ type: "input_image", image_url: PICTURE }] }] },
  ],
  reasoning: [{ reasoning_effort: "high" }, { reasoning: { effort: "high" } }],
  streaming: [{ stream: true }, { stream: true }],
}

test.each(BRIDGE_FEATURES)(
  "what a bridge says %s: false to does not cross it, and everything else does",
  async (feature) => {
    const [chat, responses] = FEATURES[feature]!
    for (const [dialect, model, extra] of [
      ["chat", `onto-responses-${feature}`, chat],
      ["responses", `onto-chat-${feature}`, responses],
    ] as const) {
      const refused = await gate.call(dialect, SAMPLES[dialect].request({ model, extra: { ...extra } }))
      expectError(refused, dialect, 400, "no-eligible-target")
      expect(at(parsed(refused), "error", "details", "rejected")).toEqual([{ target: 0, reason: "bridge-feature" }])
      // clients of the target's own dialect, and of the third one, do not use the bridge
      const own = dialect === "chat" ? "responses" : "chat"
      const other = own === "chat" ? chat : responses
      expect((await gate.call(own, SAMPLES[own].request({ model, extra: { ...other } }))).status).toBe(200)
      if (feature === "text") continue
      expect((await gate.call(dialect, SAMPLES[dialect].request({ model }))).status).toBe(200)
      expect((await gate.call("messages", SAMPLES.messages.request({ model }))).status).toBe(200)
    }
  },
)

test("a group whose targets must be validated serves nobody and says why", async () => {
  const unproven = await gate.call("chat", SAMPLES.chat.request({ model: "unproven" }))
  expectError(unproven, "chat", 400, "no-eligible-target")
  expect(unproven.text).toContain("activation-missing-entitlement")
})
