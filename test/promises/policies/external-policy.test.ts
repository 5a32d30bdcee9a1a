/** Strategy `external`: the service's decision is the order of the call, in every dialect. */
import { expect, test } from "bun:test"
import { rowsOf } from "../../helpers/decided.ts"
import { reply } from "../../helpers/behaviours.ts"
import { expectError } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream, headerOf } from "../../helpers/fake-upstream.ts"
import { ALL_SAMPLES, DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { watchShadows } from "../../helpers/shadows.ts"
import { startWith, type Scripted } from "../../helpers/scripted.ts"
import { drawn } from "../../helpers/sample.ts"

type Block = Record<string, unknown>
type Json = Readonly<Record<string, unknown>>

interface Setup extends AsyncDisposable {
  readonly service: FakeUpstream
  readonly router: Scripted
}

async function startExternal(policy: Block = {}): Promise<Setup> {
  const service = await FakeUpstream.start()
  const router = await startWith(() => ({
    strategy: "external",
    external_policy: { url: `${service.url}/policy/decide`, allow_hosts: ["127.0.0.1"], timeout_ms: 30_000, ...policy },
  }))
  return {
    service,
    router,
    [Symbol.asyncDispose]: async () => {
      await router[Symbol.asyncDispose]()
      await service.stop()
    },
  }
}

const decision = (answer: Block) => reply(JSON.stringify(answer), { headers: { "content-type": "application/json" } })
const policyBody = (service: FakeUpstream, nth = 0): Json =>
  JSON.parse(bodyText(service.received("/decide")[nth]!.request))

for (const sample of drawn(ALL_SAMPLES)) {
  test(`${sample.dialect}: the service is asked with facts, without content, and obeyed`, async () => {
    await using setup = await startExternal({ headers: { authorization: "Bearer policy-key" } })
    const { service, router } = setup
    service.otherwise(decision({ targetIndex: 1, classLabel: "cheap.1" }))
    const answer = await router.gateway.call(sample.dialect, sample.request({ text: "do-not-tell" }))
    expect([answer.status, answer.text]).toEqual([200, sample.unary("second")])
    const [exchange] = service.received("/decide")
    expect(headerOf(exchange!.request, "authorization")).toBe("Bearer policy-key")
    const sent = bodyText(exchange!.request)
    for (const secret of [
      "do-not-tell",
      router.gateway.token,
      ...router.gateway.prepared.secrets.filter((s) => s !== "" && !service.url.includes(s)),
    ])
      expect(sent).not.toContain(secret)
    expect(JSON.parse(sent)).toMatchObject({
      group: "default",
      requestId: answer.requestId,
      context: { dialect: sample.configName, stream: false, messageCount: 1, textChars: "do-not-tell".length },
      inputModalities: ["text"],
      caller: { id: "me-lab", project: "lab", tokenId: "rtr_me_lab_dev_me-lab" },
      targets: [
        { provider: `first-${sample.dialect}` },
        { provider: `second-${sample.dialect}`, inputPricePerMillionUsd: 3 },
      ],
    })
    expect(Number.isNaN(Date.parse(JSON.parse(sent).now))).toBe(false)
    expect(router.gateway.records.trace(answer.requestId)).toContainEqual(
      expect.objectContaining({
        event: "policy_execution",
        reason: "cheap.1",
        target_provider: `second-${sample.dialect}`,
      }),
    )
  })

  test(`${sample.dialect}: fallbacks are followed whether they are omitted, present or empty`, async () => {
    await using setup = await startExternal()
    const { service, router } = setup
    router.second.otherwise(reply("", { status: 500 }))
    const call = async (answer: Block) => {
      service.otherwise(decision(answer))
      return router.gateway.call(sample.dialect, sample.request())
    }
    expect((await call({ targetIndex: 1 })).text).toBe(sample.unary("first"))
    expect(
      (await call({ targetIndex: 1, fallbacks: [{ provider: `first-${sample.dialect}`, model: "vendor/model-1" }] }))
        .text,
    ).toBe(sample.unary("first"))
    expectError(
      await call({ target: { provider: `second-${sample.dialect}`, model: "m1" }, fallbackIndexes: [] }),
      sample.dialect,
      502,
      "upstream-failed",
    )
  })
}

test("include_request sends the content", async () => {
  await using setup = await startExternal({ include_request: true })
  setup.service.otherwise(decision({ targetIndex: 0 }))
  const request = SAMPLES.chat.request({ text: "tell them" })
  await setup.router.gateway.call("chat", request)
  expect(policyBody(setup.service)).toMatchObject({ text: "tell them", request: JSON.parse(request) })
})

test.each(drawn(DIALECTS))("a content that is read in another thread is the same question: %s", async (dialect) => {
  await using setup = await startExternal({ include_request: true, conversation_key: { salt: "pepper" } })
  setup.service.otherwise(decision({ targetIndex: 0 }))
  const keys: unknown[] = []
  for (const [nth, padding] of ["", "x".repeat(1_200_000)].entries()) {
    const extra = { user: padding, ...(dialect === "messages" ? { max_tokens: 9 } : {}) }
    const request = SAMPLES[dialect].request({ text: "tell them, ü", extra })
    expect((await setup.router.gateway.call(dialect, request)).status).toBe(200)
    const { text, request: sent, context } = policyBody(setup.service, nth) as Record<string, Record<string, unknown>>
    expect([text, sent]).toEqual(["tell them, ü" as never, JSON.parse(request)])
    keys.push(context!["conversationKey"], context!["conversationKeySource"], context!["textChars"])
  }
  expect(keys.slice(3)).toEqual(keys.slice(0, 3))
  expect(keys[1]).toBe("turn0_hash")
})

test("a label that may not be stored is replaced", async () => {
  await using setup = await startExternal()
  const { service, router } = setup
  for (const label of ["two words", "x".repeat(65), "", 7, router.first.url.replace("http://", "")]) {
    service.otherwise(decision({ targetIndex: 0, classLabel: label }))
    const { requestId } = await router.gateway.call("chat", SAMPLES.chat.request())
    const event = router.gateway.records.trace(requestId).find((row) => row.event === "policy_execution")
    expect([label, event?.reason]).toEqual([label, "unsafe_class_label"])
  }
})

test("the conversation key: by id, by first turn, salted, and by caller", async () => {
  await using setup = await startExternal({ conversation_key: { salt: "pepper" } })
  const { service, router } = setup
  service.otherwise(decision({ targetIndex: 0 }))
  const keys: string[] = []
  const sources: string[] = []
  for (const [text, extra] of [
    ["first words", {}],
    ["first words", {}],
    ["other words", {}],
    ["first words", { metadata: { conversation_id: "conv-1" } }],
    ["other words", { metadata: { conversation_id: "conv-1" } }],
    ["other words", { metadata: { conversation_id: "not an id!" } }],
  ] as const) {
    await router.gateway.call("chat", SAMPLES.chat.request({ text, extra }))
    const { conversationKey, conversationKeySource } = policyBody(service, keys.length)["context"] as Record<
      string,
      string
    >
    keys.push(conversationKey ?? "")
    sources.push(conversationKeySource ?? "")
  }
  expect(keys.every((key) => /^ck_[0-9a-f]{32}$/u.test(key))).toBe(true)
  expect(sources).toEqual([
    "turn0_hash",
    "turn0_hash",
    "turn0_hash",
    "conversation_id",
    "conversation_id",
    "turn0_hash",
  ])
  expect([
    keys[0] === keys[1],
    keys[0] === keys[2],
    keys[3] === keys[4],
    keys[0] === keys[3],
    keys[2] === keys[5],
  ]).toEqual([true, false, true, false, true])
})

test("in mode shadow it is asked and recorded, never waited for, never followed", async () => {
  using shadows = watchShadows()
  await using setup = await startExternal({ mode: "shadow", timeout_ms: 60_000 })
  const { service, router } = setup
  service.otherwise(decision({ targetIndex: 1, classLabel: "would" }))
  router.first.plan("recorded", async (exchange) => {
    await shadows.done()
    await reply(SAMPLES.chat.unary("first"), { headers: { "content-type": "application/json" } })(exchange)
  })
  const answer = await router.gateway.call("chat", SAMPLES.chat.request({ text: "recorded" }))
  expect(service.received("/decide")).toHaveLength(1)
  expect(answer.text).toBe(SAMPLES.chat.unary("first"))
  const decisionsOf = (requestId: string) => rowsOf(router.gateway.directory, "request_routing_decisions", requestId)
  expect(decisionsOf(answer.requestId)).toMatchObject([
    { mode: "live", strategy: "external", rank_mode: "configured", provider: "first-chat" },
    { mode: "shadow", strategy: "external", outcome: "decided", class_label: "would", provider: "second-chat" },
  ])
  service.otherwise(async (exchange) => exchange.left)
  const unimpressed = await router.gateway.call("chat", SAMPLES.chat.request({ text: "hanging service" }))
  expect(unimpressed.text).toBe(SAMPLES.chat.unary("first"))
  expect(decisionsOf(unimpressed.requestId)[1]).toMatchObject({ mode: "shadow", outcome: "unanswered", provider: null })
})

test("the service knows by which field a call asks for reasoning, or wants none", async () => {
  await using setup = await startExternal()
  const { service, router } = setup
  service.otherwise(decision({ targetIndex: 1 }))
  const wishes: readonly (readonly ["chat" | "responses" | "messages", Block, Block])[] = [
    ["chat", {}, { requested: false, kind: "none" }],
    [
      "chat",
      { reasoning_effort: "low" },
      { requested: true, kind: "effort", effort: "low", source: "reasoning_effort" },
    ],
    [
      "chat",
      { reasoning: { max_tokens: 5 } },
      { requested: true, kind: "budget", budgetTokens: 5, source: "reasoning" },
    ],
    ["chat", { thinking: { type: "disabled" } }, { requested: false, kind: "off", source: "thinking" }],
    ["responses", { reasoning: { effort: "none" } }, { requested: false, kind: "off", source: "reasoning" }],
    ["messages", { thinking: { type: "adaptive" } }, { requested: true, kind: "adaptive", source: "thinking" }],
  ]
  for (const [nth, [dialect, extra, reasoning]] of wishes.entries()) {
    await router.gateway.call(dialect, SAMPLES[dialect].request({ extra }))
    expect((policyBody(service, nth)["context"] as Json)["reasoning"]).toEqual(reasoning)
  }
})
