import { afterAll, describe, expect, test } from "bun:test"
import { USUAL_LIFE_MS } from "../activation/record.ts"
import type { Capability } from "../activation/capabilities.ts"
import type { Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import { compile } from "../config/compile/compile.ts"
import { mustLoad } from "../../test/helpers/load-text.ts"
import { sampled } from "../../test/helpers/sample.ts"
import { LIES, withoutCap } from "../../test/helpers/lies.ts"
import { MODEL, MODEL_KEY, startModelServer, WINDOW_TOKENS } from "../../test/helpers/model-server.ts"
import { systemClock } from "../system/clock.ts"
import { systemRandom } from "../system/random.ts"
import { Upstream } from "../upstream/send.ts"
import { roomyCapOf } from "./check.ts"
import { CHECKS } from "./checks.ts"
import { Purse } from "./purse.ts"
import { type CheckResult, recordOf, runTarget } from "./run.ts"
import { SHARED_COLOURS } from "./squares.ts"
import { wordsFrom } from "./words.ts"

const DIALECTS: readonly DialectName[] = ["openai-chat", "openai-responses", "anthropic"]
const server = startModelServer()
const upstream = new Upstream(systemClock, { most: 100, canOpen: () => true })
afterAll(() => {
  upstream.close()
  server[Symbol.dispose]()
})

function targetOf(dialect: DialectName, more: object = {}): Target {
  const model = {
    model: MODEL,
    context_tokens: WINDOW_TOKENS,
    input_modalities: ["text", "image"],
    tool_support: {
      openai_chat: ["tools", "tool_choice", "structured_outputs"],
      openai_responses: ["function", "structured_outputs"],
      anthropic_messages: ["client_tools", "structured_outputs"],
    },
    reasoning: { supported: true, control: dialect === "anthropic" ? "token_budget" : "effort_enum" },
    accepts: { documents: true },
    input_price_per_million_usd: 1,
    cached_input_price_per_million_usd: 0.1,
    output_price_per_million_usd: 2,
    ...more,
  }
  const config = mustLoad(
    JSON.stringify({
      server: { listen: "127.0.0.1:0" },
      providers: { far: { base_url: `${server.url}/v1`, dialect, api_key: MODEL_KEY, models: { one: model } } },
      models: { default: { strategy: "static", targets: [{ provider: "far", model_ref: "one" }] } },
      users: [{ id: "me", type: "person", status: "active" }],
      projects: [{ id: "lab", status: "active" }],
      project_memberships: [{ user_id: "me", project: "lab", role: "owner", status: "active" }],
      callers: [
        {
          id: "me-lab",
          owner_user: "me",
          project: "lab",
          environment: "dev",
          status: "active",
          token_sha256: "0".repeat(64),
          token_id: "k1",
          allow: ["default"],
        },
      ],
    }),
  )
  return compile(config, { userAgent: "test" }).groups.get("default")!.targets[0]!
}

const GROUP = { name: "default", activation: null }

interface Given {
  readonly only?: ReadonlySet<Capability>
  readonly mostNanoUsd?: number
  /** Long requests take most of the time of a run. */
  readonly isDeep?: boolean
}

async function resultsOf(
  target: Target,
  { only, mostNanoUsd, isDeep = false }: Given = {},
): Promise<readonly CheckResult[]> {
  const image = { url: server.imageUrl, colours: SHARED_COLOURS }
  const run = {
    target,
    door: null,
    clients: [],
    isDirect: true,
    only: only ?? null,
    asksUndeclared: false,
    options: { image, isDeep },
    purse: new Purse(mostNanoUsd ?? null),
  }
  const clock = { ...systemClock, sleep: () => Promise.resolve() }
  const results: CheckResult[] = []
  for await (const result of runTarget(run, { upstream, clock, words: wordsFrom(systemRandom()) })) results.push(result)
  return results
}

function failing(results: readonly CheckResult[]): readonly string[] {
  return results.filter(({ outcome }) => outcome === "fail").map(({ capability }) => capability)
}

describe("an honest server", () => {
  test.each(DIALECTS)("passes everything that its dialect has: %s", async (dialect) => {
    server.lie = {}
    const results = await resultsOf(targetOf(dialect), { isDeep: true })
    const others = results.filter(({ outcome }) => outcome !== "pass")
    expect(others.map(({ capability, outcome, reason }) => `${capability} ${outcome}: ${reason}`)).toEqual(
      dialect === "openai-responses"
        ? ["stop-sequences skipped: its dialect or its configuration has no stop sequences"]
        : [],
    )
  })
})

const CASES = LIES.flatMap((lie) => (lie.dialects ?? DIALECTS).map((dialect) => ({ ...lie, dialect })))

test("a record holds ids, counters, times and a hash, and nothing that was said", async () => {
  server.lie = {}
  const target = targetOf("openai-chat")
  const results = await resultsOf(target, { only: new Set(["text"] as const) })
  const records = results.flatMap((result) => recordOf(result, { target, group: GROUP, nowMs: 1000 }) ?? [])
  expect(records.map(({ capability, result, group }) => [capability, result, group])).toEqual([
    ["entitlement", "pass", null],
    ["text", "pass", null],
  ])
  const [, text] = records
  expect(text).toMatchObject({
    provider: "far",
    model: MODEL,
    checkedAtMs: 1000,
    expiresAtMs: 1000 + USUAL_LIFE_MS,
    source: "validate",
  })
  expect(text!.evidence.requestIds).toHaveLength(2)
  expect(text!.evidence.counters).toMatchObject({ requests: 2 })
  expect(text!.evidence.counters["cost_nano_usd"]).toBeGreaterThan(0)
  expect(text!.evidence.askedHash).toMatch(/^[0-9a-f]{64}$/)
  expect(JSON.stringify(records)).not.toMatch(/Answer with|sk-model/)
})

test("nothing is asked that may cost more than what is left, and it is said", async () => {
  server.lie = {}
  const before = server.asked.length
  const results = await resultsOf(targetOf("openai-chat"), { mostNanoUsd: 1 })
  expect(server.asked).toHaveLength(before)
  expect(results[0]).toMatchObject({ outcome: "undecided", reason: "what is left of the money is not enough" })
  const unpriced = targetOf("openai-chat", { output_price_per_million_usd: undefined })
  expect((await resultsOf(unpriced, { mostNanoUsd: 1_000_000_000 }))[0]!.reason).toContain("prices are not configured")
})

test("checks use no more tokens than they say before", async () => {
  server.lie = {}
  const target = targetOf("anthropic")
  for (const { capability, evidence } of await resultsOf(target)) {
    const { counters } = evidence
    const bound = CHECKS.find(({ name }) => name === capability)!.most(target, roomyCapOf(target))
    const input = (counters["fresh_input_tokens"] ?? 0) + (counters["cached_input_tokens"] ?? 0)
    expect({ capability, isWithin: input <= bound.input && (counters["output_tokens"] ?? 0) <= bound.output }).toEqual({
      capability,
      isWithin: true,
    })
  }
})

test("a deployment may answer by the names that the configuration gives it, and by dated ones", async () => {
  const entitled = async (named: string, answers_as: readonly string[]): Promise<string> => {
    server.lie = { says: (reply) => ({ ...reply, model: named }) }
    const [first] = await resultsOf(targetOf("openai-chat", { answers_as }), {
      only: new Set(["entitlement"] as const),
    })
    return first!.outcome
  }
  expect(await entitled("gpt-6-2026-08-07", [])).toBe("fail")
  expect(await entitled("gpt-6-2026-08-07", ["gpt-6"])).toBe("pass")
  expect(await entitled(`${MODEL}-2026-08-07`, [])).toBe("pass")
  expect(await entitled("MODEL-1", [])).toBe("pass")
  expect(await entitled("model-12", [])).toBe("fail")
})

test("where caps are ignored by declaration, none is sent and none is judged", async () => {
  server.lie = { hears: withoutCap }
  const before = server.asked.length
  const results = await resultsOf(targetOf("openai-chat", { honors_max_tokens: false }))
  expect(results.filter(({ outcome }) => outcome !== "pass").map(({ capability }) => capability)).toEqual([
    "caps",
    "context",
  ])
  expect(server.asked.slice(before).filter(({ body }) => "max_tokens" in body)).toEqual([])
})

test("a server that is not there proves nothing", async () => {
  server.lie = { answers: () => new Response("busy", { status: 503 }) }
  const results = await resultsOf(targetOf("openai-chat"))
  expect(results.map(({ outcome }) => outcome)).toEqual([
    "undecided",
    ...results.slice(1).map(() => "skipped" as const),
  ])
  expect(
    results.flatMap((result) => recordOf(result, { target: targetOf("openai-chat"), group: GROUP, nowMs: 0 }) ?? []),
  ).toEqual([])
})

describe("a lie is caught by the check that is meant for it, and by no other:", () => {
  for (const { name, caughtBy, lie, dialect } of sampled(CASES, 12))
    test(`${name} (${dialect}): ${caughtBy}`, async () => {
      server.lie = lie
      const results = await resultsOf(targetOf(dialect), { isDeep: caughtBy === "context" })
      expect(failing(results)).toEqual([caughtBy])
    })
})

test("the document lists every lie, and what finds it out", async () => {
  const page = await Bun.file(`${import.meta.dir}/../../docs/validation.md`).text()
  const rows = [...page.slice(page.indexOf("## Lies")).matchAll(/^\| ([^|`]+) \| `([a-z-]+)` \|$/gmu)]
  expect(rows.map(([, name, capability]) => [name, capability])).toEqual(
    LIES.map(({ name, caughtBy }) => [name, caughtBy]),
  )
  for (const { name, proves } of CHECKS)
    expect([name, page.includes(`| \`${name}\` |`) && proves !== ""]).toEqual([name, true])
})
