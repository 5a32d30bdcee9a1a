/** `server.decision_telemetry`: with it, each call leaves how it was decided, with its own row; without it, nothing. */
import { afterEach, describe, expect, test } from "bun:test"
import { reply } from "../helpers/behaviours.ts"
import { targetsOf } from "../helpers/config.ts"
import { DECISION_TABLES, rowsOf } from "../helpers/decided.ts"
import { FakeUpstream } from "../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../helpers/gateway.ts"
import { ALL_SAMPLES } from "../helpers/samples.ts"
import { vendorAnswer } from "../helpers/vendor.ts"

const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
})

async function routerWith(telemetry: object, group: object = {}): Promise<{ gateway: Gateway; first: FakeUpstream }> {
  const first = (await FakeUpstream.start()).otherwise(vendorAnswer("first"))
  const second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
  const gateway = await startGateway({
    upstreams: { first, second },
    configure: (config) => {
      config.server["decision_telemetry"] = telemetry
      config.models["default"] = { strategy: "failover", targets: targetsOf(["first", "second"]), ...group }
    },
  })
  open.push(gateway, { [Symbol.asyncDispose]: async () => void (await Promise.all([first.stop(), second.stop()])) })
  return { gateway, first }
}

for (const sample of ALL_SAMPLES) {
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

    test("nothing is written while it is off", async () => {
      const { gateway } = await routerWith({ enabled: false })
      await gateway.call(sample.dialect, sample.request({ text: "hello" }))
      expect(gateway.records.usage()).toHaveLength(1)
      for (const table of DECISION_TABLES) expect(rowsOf(gateway.directory, table)).toEqual([])
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
