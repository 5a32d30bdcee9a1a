/** Every reason for which the configuration leaves a target out is reached by a real call, and nothing goes upstream. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { FilterReason } from "../../../src/routing/eligibility/reasons.ts"
import type { Config } from "../../helpers/config.ts"
import { targetsOf } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { ALL_SAMPLES, DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { allowAll, EVERYTHING } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn, sampled } from "../../helpers/sample.ts"

type Extra = Readonly<Record<string, unknown>>
type ByDialect = Readonly<Record<Dialect, Extra>>

const SCHEMA = { type: "object", properties: {} }
const TOOLS: ByDialect = {
  chat: { tools: [{ type: "function", function: { name: "look", parameters: SCHEMA } }] },
  responses: { tools: [{ type: "function", name: "look", parameters: SCHEMA }] },
  messages: { tools: [{ name: "look", input_schema: SCHEMA }] },
}
const both = (one: ByDialect, two: ByDialect): ByDialect => ({
  chat: { ...one.chat, ...two.chat },
  responses: { ...one.responses, ...two.responses },
  messages: { ...one.messages, ...two.messages },
})
const FORCED = both(TOOLS, {
  chat: { tool_choice: "required" },
  responses: { tool_choice: "required" },
  messages: { tool_choice: { type: "any" } },
})
const STRUCTURED: ByDialect = {
  chat: { response_format: { type: "json_schema", json_schema: { name: "a", schema: SCHEMA } } },
  responses: { text: { format: { type: "json_schema", name: "a", schema: SCHEMA } } },
  messages: { output_config: { format: { type: "json_schema", schema: SCHEMA } } },
}
const URL_OF_IMAGE = "data:image/png;base64,iVBORw0KGgo="
const SOURCE = { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" }
/** Where an image stands deepest: in what a tool gave back. */
const IMAGE: ByDialect = {
  chat: {
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: URL_OF_IMAGE } }] }],
  },
  responses: {
    input: [
      { type: "function_call", call_id: "c", name: "look", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: [{ type: "input_image", image_url: URL_OF_IMAGE }] },
    ],
  },
  messages: {
    messages: [
      { role: "user", content: "look" },
      { role: "assistant", content: [{ type: "tool_use", id: "c", name: "look", input: {} }] },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "c", content: [{ type: "image", source: SOURCE }] }],
      },
    ],
  },
}
const cap = (tokens: number): ByDialect => ({
  chat: { max_completion_tokens: tokens },
  responses: { max_output_tokens: tokens },
  messages: { max_tokens: tokens },
})
const REASONS: ByDialect = {
  chat: { reasoning_effort: "high" },
  responses: { reasoning: { effort: "high" } },
  messages: { max_tokens: 9000, thinking: { type: "enabled", budget_tokens: 8000 } },
}
const UNREASONED: ByDialect = {
  chat: { reasoning_effort: "none" },
  responses: { reasoning: { effort: "none" } },
  messages: { thinking: { type: "disabled" } },
}
const long = "x".repeat(50_000)
const LONG: ByDialect = {
  chat: { messages: [{ role: "user", content: long }] },
  responses: { input: long },
  messages: { messages: [{ role: "user", content: long }] },
}
const NOTHING: ByDialect = { chat: {}, responses: {}, messages: {} }
const VALIDATED = { status: "passed", validated_at: "2020-01-01" }

interface Case {
  readonly reason: FilterReason
  /** What is said about the target, over a model that can do everything. */
  readonly target: Extra
  readonly contract?: Extra
  /** Calls that are refused for it, and the nearest that are not. */
  readonly refused: ByDialect
  readonly served: ByDialect | null
  readonly requirement?: string
}

const shaped = (limits: Extra): Extra => ({ request_shape_support: limits })
const noSupport = { openai_chat: [], openai_responses: [], anthropic_messages: [] }

const CASES: readonly Case[] = [
  { reason: "tool-only-target", target: { tool_only: true }, refused: NOTHING, served: TOOLS },
  {
    reason: "tool-support",
    target: { tool_support: noSupport },
    refused: TOOLS,
    served: NOTHING,
    requirement: "tools",
  },
  {
    reason: "structured-output-support",
    target: {
      tool_support: { openai_chat: ["tools"], openai_responses: ["function"], anthropic_messages: [] },
    },
    // a list of the Messages API says no only where it is empty
    refused: { ...both(TOOLS, STRUCTURED), messages: STRUCTURED.messages },
    served: { ...TOOLS, messages: {} },
    requirement: "structured_outputs",
  },
  {
    reason: "input-modality-image",
    target: { input_modalities: [] },
    refused: IMAGE,
    served: NOTHING,
    requirement: "image",
  },
  {
    reason: "reasoning",
    target: { reasoning: { supported: false } },
    refused: REASONS,
    served: NOTHING,
    requirement: "reasoning",
  },
  {
    reason: "reasoning",
    target: { reasoning: { mode: "always_on" } },
    refused: UNREASONED,
    served: REASONS,
  },
  {
    reason: "max-tokens-honored",
    target: { honors_max_tokens: false },
    refused: cap(5),
    served: null,
    requirement: "max_tokens",
  },
  { reason: "request-shape-context-exceeded", target: { context_tokens: 10_000 }, refused: LONG, served: cap(9000) },
  {
    reason: "request-shape-context-exceeded",
    target: { context_tokens: 10_000 },
    refused: cap(9990),
    served: cap(9000),
  },
  {
    reason: "request-shape-context-exceeded",
    target: shaped({ max_estimated_input_tokens: 10_000 }),
    refused: LONG,
    served: cap(20_000),
  },
  {
    reason: "request-shape-max-request-bytes",
    target: shaped({ max_request_bytes: 9000 }),
    refused: LONG,
    served: NOTHING,
  },
  {
    reason: "request-shape-tool-schema-bytes",
    target: shaped({ max_tool_schema_bytes: 20 }),
    refused: TOOLS,
    served: NOTHING,
  },
  {
    reason: "request-shape-min-output-tokens",
    target: shaped({ min_requested_output_tokens: 100 }),
    refused: cap(99),
    served: cap(100),
  },
  {
    reason: "request-shape-max-output-tokens",
    target: shaped({ max_requested_output_tokens: 2000 }),
    refused: cap(2001),
    served: cap(2000),
  },
  {
    reason: "request-shape-required-input-modality",
    target: shaped({ required_input_modalities: ["text", "image"] }),
    refused: NOTHING,
    served: IMAGE,
  },
  {
    reason: "request-shape-unsupported-feature",
    target: shaped({ unsupported_request_features: ["forced_tool_choice", "service_tier"] }),
    refused: FORCED,
    served: TOOLS,
  },
  {
    reason: "request-shape-unsupported-feature",
    target: shaped({ unsupported_request_features: ["service_tier"] }),
    refused: {
      chat: { service_tier: "auto" },
      responses: { service_tier: "auto" },
      messages: { service_tier: "auto" },
    },
    served: { chat: { service_tier: null }, responses: {}, messages: {} },
  },
  {
    reason: "request-shape-large-agent-payload",
    target: shaped({ supports_large_coding_agent_payloads: false }),
    refused: both(TOOLS, {
      chat: { messages: [{ role: "user", content: long + long }] },
      responses: { input: long + long },
      messages: { messages: [{ role: "user", content: long + long }] },
    }),
    served: LONG,
  },
  {
    reason: "contract-validation-expired",
    target: { validation: VALIDATED },
    contract: { quality_floor: { max_eval_age_days: 30 } },
    refused: NOTHING,
    served: null,
    requirement: "contract-validation-expired",
  },
]

/** A group that holds one target, and one behind which a second stands without limits. */
const nameOf = (index: number, dialect: Dialect, more = ""): string => `case-${index}-${dialect}${more}`

function configure(config: Config): void {
  for (const provider of Object.values(config.providers)) {
    const models = provider["models"] as Record<string, Record<string, unknown>>
    for (const model of Object.values(models)) Object.assign(model, EVERYTHING)
  }
  for (const [index, { target, contract }] of CASES.entries()) {
    for (const dialect of DIALECTS) {
      const [limited, other] = ["first", "second"].map((name) =>
        targetsOf([name]).find(({ provider }) => provider === `${name}-${dialect}`),
      )
      const targets = [{ ...limited, ...target }]
      const promise = contract === undefined ? {} : { contract }
      config.models[nameOf(index, dialect)] = { strategy: "static", translation: "off", targets, ...promise }
      const validation = { status: "passed", validated_at: "2999-01-01" }
      const rescue = { ...other, ...(contract === undefined ? {} : { validation }) }
      config.models[nameOf(index, dialect, "-rescued")] = {
        strategy: "failover",
        targets: [...targets, rescue],
        ...promise,
      }
    }
  }
  allowAll(config)
}

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  first = (await FakeUpstream.start()).otherwise(vendorAnswer())
  second = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({ upstreams: { first, second }, configure })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await first.stop()
  await second.stop()
})

describe.each(
  sampled(
    CASES.map((entry, index) => [entry.reason, index] as const),
    6,
  ),
)("%s (%i)", (reason, index) => {
  const { refused, served, requirement } = CASES[index]!

  test.each(drawn(DIALECTS))("%s: it is refused, told why, and served by another target", async (dialect) => {
    const sample = SAMPLES[dialect]
    const before = first.exchanges.length
    const body = sample.request({ model: nameOf(index, dialect), extra: refused[dialect] })
    const answer = await gateway.call(dialect, body)
    expectError(answer, dialect, 400, "no-eligible-target")
    expect(answer.headers.get("x-should-retry")).toBe("false")
    expect(first.exchanges.length).toBe(before)
    const details = at(parsed(answer), "error", "details")
    expect(at(details, "rejected")).toEqual([{ target: 0, reason }])
    expect(at(details, "requirements")).toContain(requirement ?? sample.configName)
    expect(String(at(details, "hint"))).toMatch(
      /^models\.case-\d+-\w+\.targets\[0\] \(line \d+ of the configuration\): /,
    )
    for (const secret of gateway.prepared.secrets) expect(answer.text).not.toContain(secret)
    expect(gateway.records.trace(answer.requestId)).toMatchObject([{ event: "target_rejected", reason }])

    const rescued = await gateway.call(
      dialect,
      sample.request({ model: nameOf(index, dialect, "-rescued"), extra: refused[dialect] }),
    )
    expect(rescued.status).toBe(200)
    expect(gateway.records.usage(rescued.requestId)).toMatchObject([
      { attempts: 1, target_provider: `second-${dialect}` },
    ])
  })

  if (served === null) return
  test.each(drawn(DIALECTS))("%s: a request that asks for less is served", async (dialect) => {
    const before = first.exchanges.length
    const body = SAMPLES[dialect].request({ model: nameOf(index, dialect), extra: served[dialect] })
    expect((await gateway.call(dialect, body)).status).toBe(200)
    expect(first.exchanges.length).toBe(before + 1)
  })
})

test("what a target is silent about is tried in the client's own dialect, recorded, and refused where the server says so", async () => {
  for (const rule of ["allow", "refuse"]) {
    await using silent = await startGateway({
      upstreams: { first },
      configure: (config) => {
        config.server["unknown_capabilities"] = rule
      },
    })
    for (const { dialect } of ALL_SAMPLES) {
      const plain = await silent.call(dialect, SAMPLES[dialect].request())
      expect(plain.status).toBe(200)
      expect(silent.records.trace(plain.requestId).filter(({ event }) => event === "capability_unknown")).toEqual([])
      const answer = await silent.call(dialect, SAMPLES[dialect].request({ extra: both(FORCED, REASONS)[dialect] }))
      expect([rule, answer.status]).toEqual([rule, rule === "allow" ? 200 : 400])
      const unknown = silent.records.trace(answer.requestId).filter(({ event }) => event === "capability_unknown")
      expect(unknown.map(({ reason }) => reason)).toEqual(rule === "allow" ? ["tools,tool_choice,reasoning"] : [])
    }
  }
})

test("Chat: a target that takes tools without a choice gets calls without a choice", async () => {
  await using gate = await startGateway({
    upstreams: { first },
    configure: (config) => {
      const targets = [{ provider: "first-chat", model_ref: "m1", tool_support: { openai_chat: ["tools"] } }]
      config.models["default"] = { strategy: "static", targets }
    },
  })
  const choices: readonly (readonly [unknown, number])[] = [
    [undefined, 200],
    [null, 400],
    ["auto", 200],
    ["none", 400],
    ["required", 400],
    [{ type: "function", function: { name: "look" } }, 400],
  ]
  for (const [tool_choice, status] of choices) {
    const answer = await gate.call("chat", SAMPLES.chat.request({ extra: { ...TOOLS.chat, tool_choice } }))
    expect([tool_choice, answer.status]).toEqual([tool_choice, status])
    if (status === 400)
      expect(at(parsed(answer), "error", "details", "rejected")).toEqual([{ target: 0, reason: "tool-choice-support" }])
  }
})

test("an explicit null choice does not cross dialects, and clients of other dialects can be left out", async () => {
  await using gate = await startGateway({
    upstreams: { first },
    configure: (config) => {
      const target = { provider: "first-messages", model_ref: "m1", ...EVERYTHING }
      const own = { ...target, request_shape_support: { supported_inbound_dialects: ["anthropic"] } }
      config.models["default"] = { strategy: "static", targets: [target] }
      config.models["own"] = { strategy: "static", targets: [own] }
      allowAll(config)
    },
  })
  const reasonOf = async (dialect: Dialect, model: string, extra: Extra): Promise<unknown> => {
    const answer = await gate.call(dialect, SAMPLES[dialect].request({ model, extra }))
    return answer.status === 200 ? null : at(parsed(answer), "error", "details", "rejected", 0, "reason")
  }
  expect(await reasonOf("chat", "default", { ...TOOLS.chat, tool_choice: null })).toBe("tool-choice-null")
  expect(await reasonOf("chat", "default", { tool_choice: null })).toBeNull()
  expect(await reasonOf("messages", "default", { ...TOOLS.messages, tool_choice: null })).toBeNull()
  expect(await reasonOf("responses", "own", {})).toBe("request-shape-inbound-dialect")
  expect(await reasonOf("messages", "own", {})).toBeNull()
})

test("reasoning goes to a target in the words that it knows", async () => {
  await using gate = await startGateway({
    upstreams: { first },
    configure: (config) => {
      const reasoning = {
        effort: { control: "effort_enum" },
        budget: { control: "token_budget", max_budget_tokens: 4000 },
      }
      for (const [name, facts] of Object.entries(reasoning))
        config.models[name] = {
          strategy: "static",
          targets: [{ provider: "first-messages", model_ref: "m1", reasoning: facts }],
        }
      allowAll(config)
    },
  })
  const budget = (tokens: number): Extra => ({ max_tokens: 9000, thinking: { type: "enabled", budget_tokens: tokens } })
  const adaptive = { thinking: { type: "adaptive" }, output_config: { effort: "high" } }
  const wishes: readonly (readonly [string, Extra, number])[] = [
    ["effort", budget(2000), 400],
    ["effort", adaptive, 200],
    ["budget", budget(2000), 200],
    ["budget", budget(5000), 400],
    ["budget", { output_config: { effort: "high" } }, 400],
  ]
  for (const [model, extra, status] of wishes) {
    const answer = await gate.call("messages", SAMPLES.messages.request({ model, extra }))
    expect([model, extra, answer.status]).toEqual([model, extra, status])
  }
})

test("from another dialect, reasoning that cannot be switched off stays on, and the client is told", async () => {
  await using gate = await startGateway({
    upstreams: { first },
    configure: (config) => {
      for (const mode of ["always_on", "opt_in"])
        config.models[mode] = {
          strategy: "static",
          targets: [{ provider: "first-messages", model_ref: "m1", reasoning: { mode } }],
        }
      allowAll(config)
    },
  })
  for (const [mode, losses, thinking] of [
    ["always_on", "reasoning-control", undefined],
    ["opt_in", undefined, { type: "disabled" }],
  ] as const) {
    const text = `unreasoned <${mode}>`
    const answer = await gate.call("chat", SAMPLES.chat.request({ model: mode, text, extra: UNREASONED.chat }))
    expect([answer.status, answer.headers.get("x-router-losses") ?? undefined]).toEqual([200, losses])
    const [exchange] = first.received(text)
    expect(at(JSON.parse(bodyText(exchange!.request)), "thinking")).toEqual(thinking)
  }
})

test("a scored group can demand that a target says what it can do, and speaks the client's dialect", async () => {
  await using gate = await startGateway({
    upstreams: { first },
    configure: (config) => {
      const filters = {
        require_requested_api_skin: true,
        require_tool_support_when_tools_present: true,
        require_input_modalities: true,
        require_reasoning_support_when_requested: true,
      }
      const score = { routing_policy: { dynamic_score: { hard_filters: filters } } }
      config.models["default"] = { strategy: "dynamic_score", targets: targetsOf(["first"]).slice(0, 1), ...score }
    },
  })
  const reasonsOf = async (dialect: Dialect, extra: Extra): Promise<unknown> => {
    const answer = await gate.call(dialect, SAMPLES[dialect].request({ extra }))
    return answer.status === 200 ? [] : at(parsed(answer), "error", "details", "rejected")
  }
  expect(await reasonsOf("chat", {})).toEqual([])
  expect(await reasonsOf("chat", TOOLS.chat)).toEqual([{ target: 0, reason: "tool-support" }])
  expect(await reasonsOf("chat", IMAGE.chat)).toEqual([{ target: 0, reason: "input-modality-image" }])
  expect(await reasonsOf("chat", REASONS.chat)).toEqual([{ target: 0, reason: "reasoning" }])
  expect(await reasonsOf("chat", STRUCTURED.chat)).toEqual([])
  expect(await reasonsOf("messages", {})).toEqual([{ target: 0, reason: "requested-api-skin" }])
})

test("what is too long is said in the words by which agents know it", async () => {
  await using gate = await startGateway({
    upstreams: { first },
    configure: (config) => {
      const targets = [8000, 10_000].flatMap((context_tokens) => targetsOf(["first"], { context_tokens }))
      config.models["default"] = { strategy: "failover", translation: "off", targets }
    },
  })
  const messageOf = async (dialect: Dialect, extra: Extra): Promise<string> => {
    const answer = await gate.call(dialect, SAMPLES[dialect].request({ extra }))
    expectError(answer, dialect, 400, "no-eligible-target")
    return String(at(parsed(answer), "error", "message"))
  }
  const claude = await messageOf("messages", { ...LONG.messages, max_tokens: 10 })
  expect(claude).toMatch(/^prompt is too long: 125\d\d tokens > 10000 maximum$/)
  expect(await messageOf("messages", { max_tokens: 9990 })).toMatch(
    /^input length and `max_tokens` exceed context limit: \d+ \+ 9990 > 10000, decrease/,
  )
  for (const dialect of ["chat", "responses"] as const)
    expect(await messageOf(dialect, LONG[dialect])).toMatch(
      /^This model's maximum context length is 10000 tokens\. However, you requested 125\d\d tokens \(125\d\d in the messages/,
    )
})
