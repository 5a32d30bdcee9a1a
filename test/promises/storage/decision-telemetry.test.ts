/** `server.decision_telemetry`: with it, each call leaves how it was decided, with its own row; without it, nothing. */
import { afterEach, describe, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { reply } from "../../helpers/behaviours.ts"
import { callerEntry, newToken, targetsOf, type Config } from "../../helpers/config.ts"
import { DECISION_TABLES, rowsOf } from "../../helpers/decided.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
})

async function routerWith(
  telemetry: object,
  group: object = {},
  more: (config: Config) => void = () => {},
): Promise<{ gateway: Gateway; first: FakeUpstream }> {
  const first = (await FakeUpstream.start()).otherwise(vendorAnswer("first"))
  const second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
  const gateway = await startGateway({
    upstreams: { first, second },
    configure: (config, directory) => {
      writeFileSync(join(directory, "route.ts"), "export const route = () => ({ targetIndex: 0 })")
      more(config)
      config.server["decision_telemetry"] = telemetry
      config.models["default"] = { strategy: "failover", targets: targetsOf(["first", "second"]), ...group }
    },
  })
  open.push(gateway, { [Symbol.asyncDispose]: async () => void (await Promise.all([first.stop(), second.stop()])) })
  return { gateway, first }
}

for (const sample of drawn(ALL_SAMPLES)) {
  describe(sample.dialect, () => {
    test("a call leaves its shape, its candidates and the choice", async () => {
      const { gateway } = await routerWith({ enabled: true })
      const { requestId } = await gateway.call(sample.dialect, sample.request({ text: "count me" }))
      const [shape] = rowsOf(gateway.directory, "request_decision_shape_features", requestId)
      expect(shape).toMatchObject({ dialect: sample.configName, stream: 0, tool_count: 0, image_count: 0, choices: 1 })
      const candidates = rowsOf(gateway.directory, "request_target_candidates", requestId)
      expect(candidates).toHaveLength(6)
      expect(candidates.filter(({ final_rank }) => final_rank === 0)).toMatchObject([
        { provider: `first-${sample.dialect}`, eligible: 1, strategy_rank: 0 },
      ])
      // the same models in the client's own dialect stand in the group
      const reasons = rowsOf(gateway.directory, "request_target_filter_reasons", requestId)
      expect(new Set(reasons.map(({ effect, reason }) => `${effect} ${reason}`))).toEqual(
        new Set(["rejected other-skin"]),
      )
      expect(rowsOf(gateway.directory, "request_routing_decisions", requestId)).toMatchObject([
        {
          mode: "live",
          strategy: "failover",
          outcome: "decided",
          provider: `first-${sample.dialect}`,
          eligible_count: 2,
        },
      ])
    })

    test("a failover is a row that names both targets", async () => {
      const { gateway, first } = await routerWith({ enabled: true })
      first.otherwise(reply("{}", { status: 503 }))
      const { requestId } = await gateway.call(sample.dialect, sample.request({ text: "go on" }))
      expect(rowsOf(gateway.directory, "request_fallback_transitions", requestId)).toMatchObject([
        {
          from_provider: `first-${sample.dialect}`,
          to_provider: `second-${sample.dialect}`,
          from_target_index: expect.any(Number),
        },
      ])
    })

    test("while it is off only the shape is written, without what tells conversations apart", async () => {
      const { gateway } = await routerWith({ enabled: false })
      await gateway.call(sample.dialect, sample.request({ text: "hello" }))
      expect(gateway.records.usage()).toHaveLength(1)
      const [shapes, ...others] = DECISION_TABLES
      expect(rowsOf(gateway.directory, shapes)).toMatchObject([
        { conversation_kind: null, conversation_key: null, conversation_opening: null },
      ])
      for (const table of others) expect(rowsOf(gateway.directory, table)).toEqual([])
    })
  })
}

test("a call that no target can serve says what spoke against each", async () => {
  const { gateway } = await routerWith(
    { enabled: true },
    { contract: undefined, translation: "off", targets: targetsOf(["first"]).slice(2) },
  )
  const answer = await gateway.call("chat", ALL_SAMPLES[0]?.request({ text: "nobody" }) ?? "")
  expect(answer.status).toBe(400)
  expect(rowsOf(gateway.directory, "request_target_filter_reasons", answer.requestId)).toMatchObject([
    { reason: "translation-off", effect: "rejected" },
  ])
  expect(rowsOf(gateway.directory, "request_routing_decisions", answer.requestId)).toMatchObject([
    { mode: "live", outcome: "failed", error: "no-eligible-target", eligible_count: 0 },
  ])
})

test("rows are bounded", async () => {
  const { gateway } = await routerWith({ enabled: true, max_candidates: 2, max_filter_reasons: 1 })
  const { requestId } = await gateway.call("chat", ALL_SAMPLES[0]?.request({ text: "few" }) ?? "")
  expect(rowsOf(gateway.directory, "request_target_candidates", requestId)).toHaveLength(2)
  expect(rowsOf(gateway.directory, "request_target_filter_reasons", requestId)).toHaveLength(1)
})

test("without candidates the shape and the choice stay", async () => {
  const { gateway } = await routerWith({ enabled: true, record_candidates: false })
  const { requestId } = await gateway.call("chat", ALL_SAMPLES[0]?.request({ text: "short" }) ?? "")
  expect(rowsOf(gateway.directory, "request_target_candidates", requestId)).toEqual([])
  expect(rowsOf(gateway.directory, "request_decision_shape_features", requestId)).toHaveLength(1)
  expect(rowsOf(gateway.directory, "request_routing_decisions", requestId)).toHaveLength(1)
})

test("the client's own words never become rows", async () => {
  const { gateway } = await routerWith({ enabled: true })
  const body = { model: "default", messages: [{ role: "user", content: "zebra" }], reasoning_effort: "zebra crossing" }
  await gateway.call("chat", JSON.stringify(body))
  for (const table of DECISION_TABLES) expect(JSON.stringify(rowsOf(gateway.directory, table))).not.toContain("zebra")
})

test("what is recorded is what was decided on, not the body as it was edited afterwards", async () => {
  const { gateway } = await routerWith({ enabled: true }, { hosted_tools: "strip" })
  const body = { model: "default", input: "look it up", tools: [{ type: "web_search" }] }
  const answer = await gateway.call("responses", JSON.stringify(body))
  expect(answer.status).toBe(200)
  expect(rowsOf(gateway.directory, "request_decision_shape_features", answer.requestId)).toMatchObject([
    { hosted_tool_count: 1, tool_count: 0, body_bytes: JSON.stringify(body).length },
  ])
})

describe("conversations", () => {
  const shapesOf = (gateway: Gateway, ids: readonly string[]) =>
    ids.map((id) => rowsOf(gateway.directory, "request_decision_shape_features", id)[0] ?? {})
  const chat = (...messages: readonly (readonly [string, string])[]): string =>
    JSON.stringify({ model: "default", messages: messages.map(([role, content]) => ({ role, content })) })
  const OPENING = ["user", "what only we know"] as const
  const ANSWER = ["assistant", "indeed"] as const

  test("are known again by a keyed hash: from the first call to the second, and on; nobody else's is the same", async () => {
    const other = newToken("k2")
    const { gateway } = await routerWith({ enabled: true }, {}, (config) =>
      config.callers.push(callerEntry("you-lab", other, ["default"])),
    )
    const begin = chat(OPENING)
    const ids: string[] = []
    for (const [body, options] of [
      [begin, {}],
      [chat(OPENING, ANSWER, ["user", "go on"]), {}],
      [chat(OPENING, ANSWER, ["user", "go on"], ["assistant", "well"], ["user", "and on"]), {}],
      [begin, { token: other }],
      [begin, { headers: { "x-session-id": "s-1" } }],
      [chat(["user", "something else"]), { headers: { "x-session-id": "s-1" } }],
    ] as const)
      ids.push((await gateway.call("chat", body, options)).requestId)
    const [first, second, third, others, session, again] = shapesOf(gateway, ids)
    expect(first).toMatchObject({ conversation_kind: "first-turns", conversation_opening: null })
    expect(first?.["conversation_key"]).toMatch(/^[\w-]{22}$/)
    expect(second?.["conversation_opening"]).toBe(first?.["conversation_key"])
    expect(second?.["conversation_key"]).not.toBe(first?.["conversation_key"])
    expect(third).toMatchObject({
      conversation_key: second?.["conversation_key"],
      conversation_opening: first?.["conversation_key"],
    })
    expect(others?.["conversation_key"]).not.toBe(first?.["conversation_key"])
    expect(session).toMatchObject({ conversation_kind: "session", conversation_opening: null })
    expect(again?.["conversation_key"]).toBe(session?.["conversation_key"])
    // the pin's own hash, which anybody could make who knows the words, is not there
    const bare = ["me-lab", "openai-chat", "opening", OPENING[1]].join("\u0000")
    const pin = new Bun.CryptoHasher("sha256").update(bare).digest("base64")
    expect(JSON.stringify([first, second, third])).not.toContain(pin.slice(0, 22))
  })

  test("texts are counted in small bodies, and in large ones where a policy decides", async () => {
    const large = chat(["user", "long ".repeat(8000)])
    const { gateway } = await routerWith({ enabled: true })
    const small = await gateway.call("chat", chat(OPENING))
    const uncounted = await gateway.call("chat", large)
    expect(shapesOf(gateway, [small.requestId, uncounted.requestId])).toMatchObject([
      { message_count: 1, text_chars: OPENING[1].length },
      { message_count: null, text_chars: null },
    ])
    const shadowed = await routerWith({ enabled: true }, { shadow: { strategy: "script", script: "route.ts" } })
    const { requestId } = await shadowed.gateway.call("chat", large)
    expect(shapesOf(shadowed.gateway, [requestId])).toMatchObject([{ message_count: 1, text_chars: 40_000 }])
  })
})
