/** A group's contract keeps targets away that cannot fulfil it, whatever the call needs; the call's own needs are judged first. */
import { expect, test } from "bun:test"
import { targetsOf } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { allowAll, EVERYTHING } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

type Facts = Readonly<Record<string, unknown>>

/** What the contract asks for, and how a target looks that lacks just this. */
const PROMISES: readonly (readonly [reason: string, contract: Facts, lacking: Facts])[] = [
  [
    "contract-required-tools",
    { required_capabilities: { tools: true } },
    { tool_support: { openai_chat: [], openai_responses: [], anthropic_messages: [] } },
  ],
  [
    "contract-required-structured-output",
    { required_capabilities: { structured_outputs: true } },
    { tool_support: { openai_chat: ["tools"], openai_responses: ["function"], anthropic_messages: ["client_tools"] } },
  ],
  [
    "contract-required-modality",
    { required_capabilities: { input_modalities: ["image"] } },
    { input_modalities: ["text"] },
  ],
  ["contract-required-context", { required_capabilities: { min_context_tokens: 9000 } }, { context_tokens: 8999 }],
  ["contract-required-reasoning", { required_capabilities: { reasoning: true } }, { reasoning: { supported: false } }],
  ["contract-quality-floor", { quality_floor: { require_tags: ["eu"] } }, { tags: ["us"] }],
  [
    "contract-no-validated-target",
    { quality_floor: { allowed_validation_status: ["passed"] } },
    { validation: { status: "failed" } },
  ],
]

const ABLE: Facts = { ...EVERYTHING, context_tokens: 9000, tags: ["eu"], validation: { status: "passed" } }

test("targets that lack something are passed over, in the configured order", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const rescue = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await startGateway({
    upstreams: { upstream, rescue },
    configure: (config) => {
      for (const [index, [, contract, lacking]] of PROMISES.entries()) {
        const lacks = targetsOf(["upstream"]).map((target) => ({ ...target, ...ABLE, ...lacking }))
        const keeps = targetsOf(["rescue"]).map((target) => ({ ...target, ...ABLE }))
        config.models[`promise-${index}`] = { strategy: "failover", contract, targets: [...lacks, ...keeps] }
      }
      allowAll(config)
    },
  })
  for (const [index, [reason]] of PROMISES.entries()) {
    for (const dialect of DIALECTS) {
      const answer = await gateway.call(dialect, SAMPLES[dialect].request({ model: `promise-${index}` }))
      expect([reason, answer.status]).toEqual([reason, 200])
      expect(gateway.records.usage(answer.requestId)).toMatchObject([{ target_provider: `rescue-${dialect}` }])
      const left = gateway.records.trace(answer.requestId).filter(({ event }) => event === "target_rejected")
      expect(left).toMatchObject([{ reason, target_provider: `upstream-${dialect}` }])
    }
  }
  expect(upstream.exchanges).toEqual([])
  await upstream.stop()
  await rescue.stop()
})

test("only the promised APIs are served, and what the call itself needs is named first", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const contract = { supported_api_shapes: ["anthropic_messages"] }
      const [, , messages] = targetsOf(["upstream"], { ...EVERYTHING, input_modalities: ["text"] })
      config.models["claude"] = { strategy: "static", contract, targets: [messages] }
      allowAll(config)
    },
  })
  expect((await gateway.call("messages", SAMPLES.messages.request({ model: "claude" }))).status).toBe(200)
  for (const dialect of ["chat", "responses"] as const) {
    const answer = await gateway.call(dialect, SAMPLES[dialect].request({ model: "claude" }))
    expectError(answer, dialect, 400, "no-eligible-target")
    const details = at(parsed(answer), "error", "details")
    expect(at(details, "rejected")).toEqual([{ target: 0, reason: "contract-required-api-shape" }])
    expect(at(details, "requirements")).toContain("contract-required-api-shape")
  }
  const image = {
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "https://x/y.png" } }] }],
  }
  const answer = await gateway.call("chat", SAMPLES.chat.request({ model: "claude", extra: image }))
  expect(at(parsed(answer), "error", "details", "rejected")).toEqual([
    { target: 0, reason: "input-modality-image" },
    { target: 0, reason: "contract-required-api-shape" },
  ])
  expect(gateway.records.trace(answer.requestId)).toMatchObject([{ reason: "input-modality-image" }])
  await upstream.stop()
})
