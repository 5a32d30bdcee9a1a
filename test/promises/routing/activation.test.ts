/** `activation` of a group: a target serves a call only with what is proven of it, in all dialects, unary and streamed. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { rmSync } from "node:fs"
import type { Capability } from "../../../src/activation/capabilities.ts"
import { eventually, type Answer } from "../../helpers/client.ts"
import { prepare, type Prepared } from "../../helpers/config.ts"
import { rowsOf } from "../../helpers/decided.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { prove, type Proof } from "../../helpers/proofs.ts"
import { ALL_SAMPLES, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const DAY_MS = 86_400_000
/** Records of other processes are seen by then. */
const SEEN_MS = 6000
const clock = new HeldClock()
const said: string[] = []
const note = (message: string, facts?: object): void => void said.push(`${message} ${JSON.stringify(facts ?? {})}`)
const log = { debug: note, info: note, warn: note, error: note }

let upstream: FakeUpstream
let prepared: Prepared
let gate: LocalGateway

const start = (): Promise<LocalGateway> => startGateway(prepared, { clock, log })

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  prepared = prepare({
    upstreams: { upstream },
    configure: (config) => {
      config.server["decision_telemetry"] = { enabled: true }
      for (const { dialect } of ALL_SAMPLES) {
        const targets = [{ provider: `upstream-${dialect}`, model_ref: "m1" }]
        config.models[dialect] = { strategy: "static", activation: "required", targets }
        config.models[`observed-${dialect}`] = { strategy: "static", activation: { mode: "observe" }, targets }
      }
      config.models["two"] = {
        strategy: "failover",
        translation: "off",
        activation: "required",
        targets: [
          { provider: "upstream-chat", model_ref: "m1", input_modalities: ["text"] },
          { provider: "upstream-chat", model: "other" },
        ],
      }
      for (const entry of Object.values(config.providers)) entry["key_id"] = "main"
      config.callers = config.callers.map((caller) => ({
        ...caller,
        allow: Object.keys(config.models),
        metrics_admin: true,
      }))
    },
  })
  gate = await start()
})
afterAll(async () => {
  await gate.stop()
  prepared.remove()
  await upstream.stop()
})

async function proven(dialect: Dialect, proofs: readonly Omit<Proof, "provider">[]): Promise<void> {
  const provider = `upstream-${dialect}`
  await prove(
    prepared,
    dialect,
    proofs.map((proof) => ({ ...proof, provider })),
    clock,
  )
  await clock.advance(SEEN_MS)
}

function send(dialect: Dialect, model: string, extra: object = {}, stream = false): Promise<Answer> {
  return gate.call(dialect, SAMPLES[dialect].request({ model, stream, extra: { ...extra } }))
}

/** The reason against the group's one target; null: it served. */
async function refusal(
  dialect: Dialect,
  extra: object = {},
  stream = false,
  model: string = dialect,
): Promise<unknown> {
  const answer = await send(dialect, model, extra, stream)
  if (answer.status === 200) return null
  expectError(answer, dialect, 400, "no-eligible-target")
  const reason = at(parsed(answer), "error", "details", "rejected", 0, "reason")
  expect(at(parsed(answer), "error", "details", "requirements")).toContain(reason)
  return reason
}

const TOOL: Readonly<Record<Dialect, object>> = {
  chat: { type: "function", function: { name: "f", parameters: { type: "object" } } },
  responses: { type: "function", name: "f", parameters: { type: "object" } },
  messages: { name: "f", input_schema: { type: "object" } },
}
const ALL: readonly Capability[] = ["entitlement", "text", "budget", "caps"]

test("a group without any proven target says so at the start, and to operators", async () => {
  expect(said.filter((line) => line.includes("ALL CALLS OF THE GROUP ARE REFUSED"))).toHaveLength(4)
  const answer = await fetch(`${gate.url}/readyz`, { headers: { authorization: `Bearer ${prepared.token}` } })
  expect(answer.status).toBe(200)
  const told: unknown = await answer.json()
  expect(at(told, "activation", "unproven_groups")).toEqual([
    "chat",
    "observed-chat",
    "responses",
    "observed-responses",
    "messages",
    "observed-messages",
    "two",
  ])
  const anyone: unknown = await (await fetch(`${gate.url}/readyz`)).json()
  expect(anyone).toEqual({ status: "ready" })
})

for (const { dialect } of ALL_SAMPLES) {
  test(`${dialect}: what was never checked does not serve, what is observed does`, async () => {
    const before = upstream.exchanges.length
    expect(await refusal(dialect)).toBe("activation-missing-entitlement")
    expect(await refusal(dialect, {}, true)).toBe("activation-missing-entitlement")
    expect(upstream.exchanges.length).toBe(before)
    const observed = await send(dialect, `observed-${dialect}`)
    expect(observed.status).toBe(200)
    const events = gate.records.trace(observed.requestId).filter(({ event }) => event === "activation_observed")
    expect(events.map(({ reason }) => reason)).toEqual(["activation-missing-entitlement"])
  })

  test(`${dialect}: each call needs what it asks for, and a failure stands until a later check`, async () => {
    await proven(dialect, [{ capabilities: ALL }])
    expect(await refusal(dialect)).toBeNull()
    expect(await refusal(dialect, {}, true)).toBe("activation-missing-streaming")
    expect(await refusal(dialect, { tools: [TOOL[dialect]] })).toBe("activation-missing-tools")
    await proven(dialect, [{ capabilities: ["streaming"] }, { capabilities: ["tools"], result: "fail" }])
    expect(await refusal(dialect, {}, true)).toBeNull()
    expect(await refusal(dialect, { tools: [TOOL[dialect]] })).toBe("activation-failed-tools")
    await proven(dialect, [{ capabilities: ["tools"] }])
    expect(await refusal(dialect, { tools: [TOOL[dialect]] })).toBeNull()
  })
}

test("a record of a direct check is none of another dialect: a call that is translated needs one of its group", async () => {
  expect(await refusal("messages", {}, false, "chat")).toBe("activation-missing-text")
  await proven("chat", [{ group: "chat", dialect: "anthropic", capabilities: ["text", "budget", "caps"] }])
  expect(await refusal("messages", {}, false, "chat")).toBeNull()
  expect(await refusal("responses", {}, false, "chat")).toBe("activation-missing-text")
})

test("of two targets the one serves that is proven, and telemetry says why the other does not", async () => {
  // what was proven of the first one's model is proven in this group as well
  const answer = await send("chat", "two")
  expect([answer.status, gate.records.usage(answer.requestId)[0]?.target_model]).toEqual([200, "vendor/model-1"])
  const reasons = rowsOf(prepared.directory, "request_target_filter_reasons", answer.requestId)
  expect(reasons.map(({ target_index: index, reason }) => [index, reason])).toEqual([
    [1, "activation-missing-entitlement"],
  ])
})

test("/metrics tells standing and age, with closed labels, and what was observed", async () => {
  const answer = await fetch(`${gate.url}/metrics`, { headers: { authorization: `Bearer ${prepared.token}` } })
  const text = await answer.text()
  const labels = 'group="chat",target="0",provider="upstream-chat",model="vendor/model-1",target_dialect="openai-chat"'
  expect(
    text.includes(`smart_router_activation_capabilities{${labels},dialect="openai-chat",state="proven"} 6\n`),
  ).toBe(true)
  expect(
    text.includes(`smart_router_activation_age_seconds{${labels},dialect="openai-chat",capability="tools"} `),
  ).toBe(true)
  expect(text.includes('smart_router_activation_observed_total{group="observed-chat"} 1\n')).toBe(true)
})

async function becomes(ask: () => Promise<unknown>, wanted: unknown): Promise<void> {
  await eventually("the reload counts", async () => ((await ask()) === wanted ? true : undefined))
}

test("a restart knows what was proven, and a reload that changes the key makes it another deployment", async () => {
  await gate.stop()
  gate = await start()
  expect(await refusal("chat")).toBeNull()
  const rename = async (keyId: string): Promise<void> => {
    prepared.rewrite((config) => {
      config.providers["upstream-chat"]!["key_id"] = keyId
    })
    gate.requestReload()
  }
  await rename("other")
  await becomes(() => refusal("chat"), "activation-changed")
  expect(await refusal("responses")).toBeNull()
  await rename("main")
  await becomes(() => refusal("chat"), null)
})

test("a fact that one capability depends on takes that capability alone", async () => {
  const declare = (images: boolean): void => {
    prepared.rewrite((config) => {
      const models = config.providers["upstream-responses"]!["models"] as Record<string, Record<string, unknown>>
      models["m1"]!["tool_support"] = images ? { openai_responses: ["function"] } : undefined
    })
    gate.requestReload()
  }
  expect(await refusal("responses", { tools: [TOOL.responses] })).toBeNull()
  declare(true)
  await becomes(() => refusal("responses", { tools: [TOOL.responses] }), "activation-changed")
  expect(await refusal("responses")).toBeNull()
  declare(false)
  await becomes(() => refusal("responses", { tools: [TOOL.responses] }), null)
})

test("a record holds as long as its group says", async () => {
  await clock.leap(6.9 * DAY_MS)
  expect(await refusal("messages")).toBeNull()
  await clock.leap(0.2 * DAY_MS)
  expect(await refusal("messages")).toBe("activation-expired")
  expect(await refusal("messages", { tools: [TOOL.messages] })).toBe("activation-expired")
})

test("a ledger that is gone changes nothing of what is known", async () => {
  await proven("messages", [{ capabilities: ALL }])
  expect(await refusal("messages")).toBeNull()
  for (const end of ["", "-wal", "-shm"]) rmSync(`${prepared.directory}/state/usage.sqlite${end}`, { force: true })
  await clock.advance(SEEN_MS)
  expect(await refusal("messages")).not.toBe("activation-missing-entitlement")
})
