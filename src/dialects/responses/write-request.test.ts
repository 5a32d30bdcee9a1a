import { describe, expect, test } from "bun:test"
import type { Block } from "../../canonical/block.ts"
import type { JsonObject } from "../../canonical/json.ts"
import type { Request } from "../../canonical/request.ts"
import { emptyRequest } from "../../../test/helpers/empty-request.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import { RouterError } from "../../errors.ts"
import type { WrittenRequest } from "../codec.ts"
import { facts, ISSUER, minter } from "../../../test/helpers/responses-codec.ts"
import { responsesCodec } from "./codec.ts"

const HI = { role: "user", blocks: [{ type: "text", text: "Hi" }] } as const

function write(over: Partial<Request>, target: Partial<TargetFacts> = {}): WrittenRequest {
  const request = { ...emptyRequest("messages", "group"), messages: [HI], ...over }
  return responsesCodec.writeRequest(request, facts(target), minter())
}

function codes({ losses }: WrittenRequest): readonly string[] {
  return losses.map(({ code }) => code)
}

function inputOf({ body }: WrittenRequest): readonly JsonObject[] {
  return body["input"] as readonly JsonObject[]
}

describe("a request of another dialect", () => {
  test("asks for nothing to be stored, and for reasoning to be handed out", () => {
    expect(write({})).toMatchObject({
      losses: [],
      body: {
        model: "gpt-native",
        input: [{ type: "message", role: "user", content: "Hi" }],
        store: false,
        include: ["reasoning.encrypted_content"],
        stream: false,
      },
    })
  })

  test("does not ask a model for reasoning that has none", () => {
    const { control: _control, ...reasoning } = facts().reasoning
    expect(write({}, { reasoning: { ...reasoning, control: null } }).body["include"]).toBeUndefined()
  })

  test("keeps instructions apart, joined by a blank line", () => {
    const instructions = [
      { type: "text", text: "One", cache: { ttl: null } },
      { type: "text", text: "Two" },
    ] as const
    const sent = write({ instructions })
    expect(sent.body["instructions"]).toBe("One\n\nTwo")
    expect(sent.losses).toEqual([{ code: "cache-mark", path: "instructions[0]" }])
  })

  test("says that tools are not strict, because silence means that they are", () => {
    const { body } = write({
      tools: [
        { type: "function", name: "a", namespace: null },
        { type: "function", name: "b", namespace: null, schema: { type: "object" }, strict: true },
      ],
    })
    expect(body["tools"]).toEqual([
      { type: "function", name: "a", parameters: { type: "object", properties: {} }, strict: false },
      { type: "function", name: "b", parameters: { type: "object" }, strict: true },
    ])
  })

  test("brings caps into the vendor's range", () => {
    const tiny = write({ cap: { tokens: 1, field: "max_tokens" } })
    expect([tiny.body["max_output_tokens"], codes(tiny)]).toEqual([16, ["output-cap"]])
    const huge = write({ cap: { tokens: 9000, field: "max_tokens" } }, { maxOutputTokens: 4096 })
    expect([huge.body["max_output_tokens"], codes(huge)]).toEqual([4096, ["output-cap"]])
  })

  test("declares what this wire cannot say", () => {
    const sent = write({
      stopSequences: ["END"],
      sampling: { topK: 5, seed: 1, frequencyPenalty: 1, presencePenalty: 0, temperature: 1.5, choices: 2 },
      identity: { user: "me" },
      cache: { ttl: "1h" },
      serviceTier: "priority",
      state: { store: true, container: "c_1" },
      extra: { speed: "fast", metadata: {} },
    })
    expect(sent.losses.map(({ code, path }) => `${code} ${path}`).toSorted()).toEqual([
      "cache-mark cache",
      "choices sampling.choices",
      "field speed",
      "identity identity.user",
      "sampling sampling.frequencyPenalty",
      "sampling sampling.seed",
      "sampling sampling.topK",
      "service-tier serviceTier",
      "stop-sequences stopSequences",
      "store state.store",
      "stored-reference state.container",
    ])
    expect(sent.body["store"]).toBe(false)
    expect(sent.body["temperature"]).toBe(1.5)
  })

  test("refuses a server-side conversation of another vendor", () => {
    let thrown: unknown
    try {
      write({ state: { thread: { type: "create" } } })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(RouterError)
    expect(thrown).toMatchObject({ code: "stateful-unsupported", detail: { param: "thread" } })
  })

  test("turns wishes for logprobs into an include", () => {
    const { body } = write({ sampling: { logprobs: true, topLogprobs: 3 } })
    expect(body).toMatchObject({
      top_logprobs: 3,
      include: ["reasoning.encrypted_content", "message.output_text.logprobs"],
    })
  })
})

describe("reasoning", () => {
  test.each([
    [{ effort: "high" }, { effort: "high" }, []],
    [{ control: "disabled" }, { effort: "none" }, []],
    [{ control: "enabled", budgetTokens: 4096 }, { effort: "high" }, ["reasoning-control"]],
    [{ control: "adaptive", effort: "max", display: "summarized" }, { effort: "max", summary: "auto" }, []],
    [{ effort: "low", display: "omitted" }, { effort: "low" }, []],
    [{ effort: "low", display: "holographic" }, { effort: "low" }, ["reasoning-display"]],
  ] as const)("is written from the wish %j", (wish, sent, losses) => {
    const made = write({ reasoning: wish })
    expect(made.body["reasoning"]).toEqual(sent)
    expect(codes(made)).toEqual([...losses])
  })

  test("goes back only to its issuer, as the item it was", () => {
    const payload = '{"id":"rs_1","encrypted_content":"gAAA"}'
    const parts = [
      { kind: "summary", text: "s" },
      { kind: "raw", text: "r" },
    ] as const
    const own = { type: "reasoning", parts, seal: { issuer: ISSUER, form: "encrypted", payload } } as const
    const foreign = { ...own, seal: { ...own.seal, issuer: { dialect: "responses", label: "other" } } } as const
    const blocks: readonly Block[] = [own, foreign, { type: "text", text: "answer" }]
    const sent = write({ messages: [HI, { role: "assistant", blocks }, HI] })
    expect(inputOf(sent).slice(1, 3)).toEqual([
      {
        type: "reasoning",
        id: "rs_1",
        summary: [{ type: "summary_text", text: "s" }],
        content: [{ type: "reasoning_text", text: "r" }],
        encrypted_content: "gAAA",
      },
      { type: "message", role: "assistant", content: "answer" },
    ])
    expect(sent.losses).toEqual([{ code: "reasoning-history", path: "messages[1].blocks[1]" }])
  })
})
