/** `smart-router explain`: a request that is not sent, and a call that was made. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Explanation } from "../../../src/explain/explanation.ts"
import { reply } from "../../helpers/behaviours.ts"
import { runHere, smartRouter } from "../../helpers/command-line.ts"
import { targetsOf } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const made: { dialect: Dialect; id: string }[] = []
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("only"))
  gateway = await startGateway({
    upstreams: { only: upstream },
    configure: (config) => {
      config.server["decision_telemetry"] = { enabled: true }
      const targets = [...targetsOf(["only"]), ...targetsOf(["only"], { tool_only: true, weight: 7 })]
      config.models["default"] = { strategy: "weighted", targets }
      config.models["scored"] = { strategy: "dynamic_score", targets }
      config.models["tools"] = { strategy: "failover", targets: targetsOf(["only"], { tool_only: true }) }
      for (const caller of config.callers) caller["allow"] = ["default", "scored", "tools"]
    },
  })
  for (const sample of ALL_SAMPLES) {
    const { requestId } = await gateway.call(sample.dialect, sample.request({ text: "remember me" }))
    made.push({ dialect: sample.dialect, id: requestId })
  }
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

async function explain(...args: readonly string[]): ReturnType<typeof runHere> {
  return runHere(["explain", "--config", gateway.prepared.configPath, ...args], { env: gateway.prepared.env })
}

function bodyFile(text: string): string {
  const file = join(gateway.directory, "body.json")
  writeFileSync(file, text)
  return file
}

function request(model: string, more: object = {}): string {
  return bodyFile(JSON.stringify({ model, messages: [{ role: "user", content: "hello" }], max_tokens: 1000, ...more }))
}

describe("a request", () => {
  test("each target is told with what speaks against it, and what it would cost; nothing is sent or recorded", async () => {
    const before = gateway.records.usage().length
    const { code, out } = await explain("--request", request("default"), "--caller", "me-lab", "--json")
    expect(code).toBe(0)
    const told = JSON.parse(out) as Explanation
    expect(told).toMatchObject({ source: "dry-run", group: "default", strategy: "weighted", error: null })
    expect(told.targets).toHaveLength(6)
    const [first, ...others] = told.targets
    expect(first).toMatchObject({ provider: "only-chat", final_rank: 0, reasons: [], dialect: "openai-chat" })
    // 1,000 output tokens at 15 USD for a million, and a little input
    expect(first?.expected_cost_nano_usd).toBeGreaterThan(15_000_000)
    expect(first?.expected_cost_nano_usd).toBeLessThan(16_000_000)
    expect(others.find(({ weight, dialect }) => weight === 7 && dialect === "openai-chat")?.reasons).toEqual([
      "tool-only-target",
    ])
    expect(gateway.records.usage()).toHaveLength(before)
  })

  test("what nobody says that a target has is named", async () => {
    const tools = [{ type: "function", function: { name: "f", parameters: {} } }]
    const { out } = await explain("--request", request("default", { tools }), "--caller", "me-lab", "--json")
    const told = JSON.parse(out) as Explanation
    expect(told.targets.find(({ provider }) => provider === "only-chat")?.capability_unknown).toContain("tools")
  })

  test("score terms come with value and weight", async () => {
    const { code, out } = await explain("--request", request("scored"), "--caller", "me-lab", "--json")
    expect(code).toBe(0)
    const [first] = (JSON.parse(out) as Explanation).targets
    expect(first?.terms).toContainEqual({ term: "cost_score", role: "adds", value: 1, weight: 0.5 })
    expect((await explain("--request", request("scored"), "--caller", "me-lab")).out).toContain("cost_score")
  })

  test("without a target the exit code is 1, with the code and the hint", async () => {
    const { code, out } = await explain("--request", request("tools"), "--caller", "me-lab")
    expect(code).toBe(1)
    expect(out).toContain("no-eligible-target")
    expect(out).toContain("filtered: tool-only-target")
    expect(out).toContain("Hint: models.tools.targets[0]")
  })

  test.each([
    ["a body that is no JSON", "{", "invalid-json"],
    ["a group that the caller may not name", '{"model":"other","messages":[]}', "model-not-allowed"],
  ])("%s is told as a client would be told", async (_, text, expected) => {
    const { code, out } = await explain("--request", bodyFile(text), "--caller", "me-lab")
    expect(code).toBe(1)
    expect(out).toContain(expected)
  })
})

describe("a script in place of the strategy", () => {
  const named = (text: string): string => {
    const file = join(gateway.directory, "try.ts")
    writeFileSync(file, text)
    return file
  }

  test("decides: its order, its label, how it ran", async () => {
    const script = named('export const route = () => ({ targetIndex: 1, fallbackIndexes: [], classLabel: "tried" })')
    const tools = [{ type: "function", function: { name: "f", parameters: {} } }]
    const args = ["--request", request("default", { tools }), "--caller", "me-lab", "--script", script]
    const { code, out } = await explain(...args, "--json")
    expect(code).toBe(0)
    const told = JSON.parse(out) as Explanation
    expect(told.strategy).toBe("script")
    expect(told.policies).toMatchObject([
      { kind: "script", outcome: "decided", class_label: "tried", fallback_count: 0 },
    ])
    expect(told.targets.filter(({ final_rank }) => final_rank !== null)).toMatchObject([{ weight: 7 }])
  })

  test("fails: exit code 1, and of the failure its name", async () => {
    const script = named('export function route() { throw new RangeError("no") }')
    const { code, out } = await explain("--request", request("default"), "--caller", "me-lab", "--script", script)
    expect(code).toBe(1)
    expect(out).toContain("routing-policy-error")
    expect(out).toMatch(/script +live +failed/)
  })

  test("is bundled with what it imports, and stands beside nothing of the configuration", async () => {
    writeFileSync(join(gateway.directory, "limit.ts"), "export const LIMIT = 3")
    const script = named(
      'import { LIMIT } from "./limit.ts"\nexport const route = (ctx) => ({ targetIndex: 0, classLabel: ctx.text.length > LIMIT ? "long" : "short" })',
    )
    const { code, out } = await explain("--request", request("scored"), "--caller", "me-lab", "--script", script)
    expect(code).toBe(0)
    expect(out).toContain("Choice of script: only-chat/vendor/model-1 (policy, label long)")
  })

  test("is not there: exit code 1, and its name", async () => {
    const missing = join(gateway.directory, "nowhere.ts")
    const { code, err } = await explain("--request", request("default"), "--caller", "me-lab", "--script", missing)
    expect(code).toBe(1)
    expect(err).toContain("nowhere.ts")
  })

  test("goes with a request only", async () => {
    const { code, err } = await explain("--id", `req_${"0".repeat(32)}`, "--script", "x.ts")
    expect(code).toBe(2)
    expect(err).toContain("goes with --request")
  })

  test("cannot be read as a script: exit code 1, and where", async () => {
    const script = named("export function route( {")
    const { code, err } = await explain("--request", request("default"), "--caller", "me-lab", "--script", script)
    expect(code).toBe(1)
    expect(err).toContain("try.ts")
  })
})

describe("a call that was made", () => {
  test("in every dialect: the order that it had", async () => {
    for (const { dialect, id } of made) {
      const { code, out } = await explain("--id", id, "--json")
      expect(code).toBe(0)
      const told = JSON.parse(out) as Explanation
      expect(told).toMatchObject({ source: "ledger", request_id: id, group: "default", caller: "me-lab" })
      expect(told.targets[0]).toMatchObject({ provider: `only-${dialect}`, final_rank: 0 })
      expect(told.outcome).toMatchObject({ status: 200, target_provider: `only-${dialect}`, usage_source: "provider" })
      expect(told.attempts).toMatchObject([{ provider: `only-${dialect}`, status_code: 200, selected: 1 }])
    }
  })

  test("a process of its own prints it as a table, with the choice", async () => {
    const { configPath, env } = gateway.prepared
    const { code, out } = await smartRouter(["explain", "--config", configPath, "--id", made[0]?.id ?? ""], { env })
    expect(code).toBe(0)
    expect(out).toMatch(/^order +target +dialect +weight +expected cost +standing$/m)
    expect(out).toContain("Choice of weighted: only-chat/vendor/model-1 (drawn)")
    expect(out).toMatch(/^Ended with 200 by only-chat\/vendor\/model-1 after \d+ ms, cost \$[\d.e-]+$/m)
    expect(out).toMatch(
      /^Attempts:\n +target +dialect +status +took +outcome\n +only-chat\S+ +openai-chat +200 +\d+ ms +served$/m,
    )
  })

  test("why an attempt failed is told with its class", async () => {
    const refusal = { message: "no", type: "invalid_request_error", code: "invalid_api_key" }
    upstream.plan("with a wrong key", reply(JSON.stringify({ error: refusal }), { status: 401 }))
    const { requestId } = await gateway.call("chat", SAMPLES.chat.request({ text: "with a wrong key" }))
    const { out } = await explain("--id", requestId)
    expect(out).toContain("access_denied: key-refused; code=invalid_api_key; type=invalid_request_error")
    const told = JSON.parse((await explain("--id", requestId, "--json")).out) as Explanation
    expect(told.attempts[0]?.error_message).toStartWith("key-refused; code=invalid_api_key")
  })

  test("an id that nobody knows ends with exit code 1", async () => {
    const { code, err } = await explain("--id", `req_${"0".repeat(32)}`)
    expect(code).toBe(1)
    expect(err).toContain("There is no such call")
  })
})

test.each([
  [["--request", "x.json"], "Whose call is it?"],
  [["--request", "x.json", "--caller", "me-lap"], "Did you mean me-lab?"],
  [["--request", "x.json", "--caller", "me-lab", "--dialect", "openai-chatt"], "Did you mean openai-chat?"],
  [["--id", "req_1"], "32 hex digits"],
  [[], "either --request FILE or --id"],
  [["--id", "a", "--request", "b"], "either --request FILE or --id"],
])("arguments that make no sense are refused: %p", async (args, expected) => {
  const { code, err } = await explain(...args)
  expect(code).toBe(2)
  expect(err).toContain(expected)
})
