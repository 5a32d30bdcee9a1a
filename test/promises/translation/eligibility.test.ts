/** Across dialects only targets that say that they have what the call needs; within one, whatever they say. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { EVERYTHING, allowAll, FOREIGN_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import type { Config } from "../../helpers/config.ts"
import { targetsOf } from "../../helpers/config.ts"
import { conversation } from "../../helpers/conversation.ts"
import type { Answer } from "../../helpers/client.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { ALL_SAMPLES, DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn, sampled } from "../../helpers/sample.ts"

const SCHEMA = { type: "object", properties: {}, additionalProperties: false }
const PIXEL = "iVBORw0KGgo="

type Extra = Readonly<Record<string, unknown>>

/** The smallest call of each dialect that needs something. */
const NEEDING: Readonly<Record<string, Readonly<Record<Dialect, Extra>>>> = {
  tools: {
    chat: { tools: [{ type: "function", function: { name: "look", parameters: SCHEMA } }] },
    responses: { tools: [{ type: "function", name: "look", parameters: SCHEMA, strict: false }] },
    messages: { tools: [{ name: "look", input_schema: SCHEMA }] },
  },
  "structured-output": {
    chat: { response_format: { type: "json_schema", json_schema: { name: "a", schema: SCHEMA } } },
    responses: { text: { format: { type: "json_schema", name: "a", schema: SCHEMA } } },
    messages: { output_config: { format: { type: "json_schema", schema: SCHEMA } } },
  },
  image: {
    chat: {
      messages: [
        { role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } }] },
      ],
    },
    responses: {
      input: [{ role: "user", content: [{ type: "input_image", image_url: `data:image/png;base64,${PIXEL}` }] }],
    },
    messages: {
      messages: [
        {
          role: "user",
          content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } }],
        },
      ],
    },
  },
  reasoning: {
    chat: { reasoning_effort: "low" },
    responses: { reasoning: { effort: "low" } },
    messages: { max_tokens: 4000, thinking: { type: "enabled", budget_tokens: 1024 } },
  },
}

/** What a model must not say, to lack the need: each is taken out of what it declares. */
const DECLARED_BY: Readonly<Record<string, string>> = {
  tools: "tool_support",
  "structured-output": "tool_support",
  image: "input_modalities",
  reasoning: "reasoning",
}

/** The closed words: why a target is left out, and what the call needs. */
const WORDS: Readonly<Record<string, readonly [reason: string, requirement: string]>> = {
  tools: ["tool-support", "tools"],
  "structured-output": ["structured-output-support", "structured_outputs"],
  image: ["input-modality-image", "image"],
  reasoning: ["reasoning", "reasoning"],
}

let upstream: FakeUpstream
let able: Gateway
let silent: Gateway

function quiet(config: Config): void {
  translating(config, ["upstream"])
  for (const provider of Object.values(config.providers)) {
    const models = provider["models"] as Record<string, Record<string, unknown>>
    for (const model of Object.values(models)) for (const key of Object.keys(EVERYTHING)) delete model[key]
  }
}

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  able = await startGateway({ upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) })
  silent = await startGateway({ upstreams: { upstream }, configure: quiet })
})

afterAll(async () => {
  await able[Symbol.asyncDispose]()
  await silent[Symbol.asyncDispose]()
  await upstream.stop()
})

describe.each(sampled(Object.keys(NEEDING), 3))("%s", (need) => {
  test.each(drawn(FOREIGN_PAIRS, 2).map((pair) => [...pair] as const))(
    "%s client, %s upstream",
    async (client, target) => {
      const body = SAMPLES[client].request({ model: groupOf("upstream", target), extra: NEEDING[need]![client] })
      expect((await able.call(client, body)).status).toBe(200)
      const before = upstream.exchanges.length
      const answer = await silent.call(client, body)
      if (need === "reasoning") return expectDropped(answer)
      expectError(answer, client, 400, "no-eligible-target")
      expect(upstream.exchanges.length).toBe(before)
      const details = at(parsed(answer), "error", "details")
      const [reason, requirement] = WORDS[need]!
      expect(at(details, "rejected")).toEqual([{ target: 0, reason }])
      const needed = at(details, "requirements") as readonly string[]
      expect(needed.slice(0, 3)).toEqual([SAMPLES[client].configName, "text", requirement])
      expect(String(at(details, "hint"))).toStartWith(`models.${groupOf("upstream", target)}.targets[0] (line `)
    },
  )

  test.each(drawn(DIALECTS))("%s: in the client's own dialect silence is no obstacle", async (dialect) => {
    const body = SAMPLES[dialect].request({ model: groupOf("upstream", dialect), extra: NEEDING[need]![dialect] })
    expect((await silent.call(dialect, body)).status).toBe(200)
  })

  test("what the target says counts alone", async () => {
    await using gateway = await startGateway({
      upstreams: { upstream },
      configure: (config) => {
        translating(config, ["upstream"])
        for (const provider of Object.values(config.providers)) {
          const models = provider["models"] as Record<string, Record<string, unknown>>
          for (const model of Object.values(models)) delete model[DECLARED_BY[need]!]
        }
      },
    })
    for (const other of Object.keys(NEEDING)) {
      const lacks = DECLARED_BY[other] === DECLARED_BY[need]
      const extra = NEEDING[other]!.messages
      const answer = await gateway.call(
        "messages",
        SAMPLES.messages.request({ model: groupOf("upstream", "chat"), extra }),
      )
      expect([other, answer.status]).toEqual([other, lacks && other !== "reasoning" ? 400 : 200])
    }
  })
})

/** Reasoning is a wish, not a need: it is left out where nothing is known of the target. */
function expectDropped(answer: Answer): void {
  expect(answer.status).toBe(200)
  expect(answer.headers.get("x-router-losses")?.split(",")).toContain("reasoning-control")
}

test("a wish to reason makes a target ineligible where the group or the server demands that all is said", async () => {
  await using gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      quiet(config)
      config.server["unknown_capabilities"] = "refuse"
    },
  })
  await using enforcing = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      quiet(config)
      for (const group of Object.values(config.models)) group["translation"] = "enforce"
    },
  })
  for (const router of [gateway, enforcing]) {
    const extra = NEEDING["reasoning"]!.messages
    const body = SAMPLES.messages.request({ model: groupOf("upstream", "chat"), extra })
    expectError(await router.call("messages", body), "messages", 400, "no-eligible-target")
  }
})

test("plain text needs nothing", async () => {
  for (const [client, target] of FOREIGN_PAIRS)
    expect((await silent.call(client, SAMPLES[client].request({ model: groupOf("upstream", target) }))).status).toBe(
      200,
    )
})

test("earlier calls and results in the conversation need tools, even where none is declared any more", async () => {
  const { tools: _tools, tool_choice: _choice, ...body } = conversation("chat", "tools of the past")
  const text = JSON.stringify({ ...body, model: groupOf("upstream", "messages") })
  const answer = await silent.call("chat", text)
  expectError(answer, "chat", 400, "no-eligible-target")
  expect(at(parsed(answer), "error", "details", "requirements")).toContain("tools")
  expect((await able.call("chat", text)).status).toBe(200)
})

test("several choices never cross dialects", async () => {
  for (const target of ["responses", "messages"] as const) {
    const body = SAMPLES.chat.request({ model: groupOf("upstream", target), extra: { n: 2 } })
    const answer = await able.call("chat", body)
    expectError(answer, "chat", 400, "no-eligible-target")
    expect(at(parsed(answer), "error", "details", "rejected")).toEqual([{ target: 0, reason: "choices" }])
  }
})

test("a body that cannot be understood is the caller's fault, with the place", async () => {
  const body = SAMPLES.chat.request({
    model: groupOf("upstream", "messages"),
    extra: { messages: [{ role: "user", content: 7 }] },
  })
  const answer = await able.call("chat", body)
  expectError(answer, "chat", 400, "invalid-request")
  expect(String(at(parsed(answer), "error", "param"))).toStartWith("messages[0].content")
})

test("one model of one upstream in several dialects is used in the client's own", async () => {
  await using gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.models["skins"] = { strategy: "static", targets: targetsOf(["upstream"]) }
      allowAll(config)
    },
  })
  for (const sample of ALL_SAMPLES) {
    const marker = `skin <${sample.dialect}>`
    const answer = await gateway.call(sample.dialect, sample.request({ model: "skins", text: marker }))
    expect(answer.status).toBe(200)
    expect(upstream.received(marker).map(({ request }) => request.target)).toEqual([sample.path])
    expect(gateway.records.usage(answer.requestId)).toMatchObject([{ attempts: 1, target_dialect: sample.configName }])
  }
})
