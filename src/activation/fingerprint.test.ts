/** A changed fact invalidates exactly the records that depend on it. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { KEYS, mustLoad, SMALLEST } from "../../test/helpers/load-text.ts"
import { compile } from "../config/compile/compile.ts"
import type { Config, ModelConfig, ProviderConfig, TargetConfig } from "../config/config.ts"
import type { Target } from "../config/snapshot.ts"
import { CAPABILITIES, isCapability, type Capability } from "./capabilities.ts"
import { fingerprintsOf } from "./fingerprint.ts"
import { USUAL_LIFE_MS, type ActivationRecord } from "./record.ts"

interface Parts {
  readonly provider: Partial<ProviderConfig>
  readonly model: Partial<ModelConfig>
  readonly target: Partial<TargetConfig>
  readonly translation: "warn" | "enforce"
}

const BASE = mustLoad(SMALLEST, { env: KEYS })
const SAME: Parts = { provider: {}, model: {}, target: {}, translation: "warn" }

function targetOf({ provider, model, target, translation }: Parts): Target {
  const old = BASE.providers["openai"]!
  const group = BASE.models["default"]!
  const config: Config = {
    ...BASE,
    providers: {
      openai: { ...old, ...provider, models: { mini: { ...old.models["mini"]!, ...model } } },
    },
    models: { default: { ...group, translation, targets: [{ ...group.targets[0]!, ...target }] } },
  }
  return compile(config, { userAgent: "test" }).groups.get("default")!.targets[0]!
}

function changedBy(before: Parts, after: Parts, group: string | null): readonly Capability[] {
  const old = fingerprintsOf(targetOf(before), group)
  const now = fingerprintsOf(targetOf(after), group)
  return CAPABILITIES.filter((one) => old[one] !== now[one])
}

type Change = readonly [
  what: string,
  parts: Partial<Parts>,
  direct: readonly Capability[],
  group?: readonly Capability[],
]
/** Where one word of `tool_support` is said, all are. */
const OF_TOOLS: readonly Capability[] = ["tools", "forced-tools", "parallel-tools", "structured-output"]
const CHANGES: readonly Change[] = [
  ["the address", { provider: { base_url: "https://other.example/v1" } }, CAPABILITIES],
  ["the label of the key", { provider: { key_id: "second" } }, CAPABILITIES],
  ["the key behind the label", { provider: { api_key: "sk-other" } }, []],
  ["the upstream id", { model: { model: "gpt-6" } }, CAPABILITIES],
  ["the dialect", { target: { dialect: "openai-responses" } }, CAPABILITIES],
  ["a query parameter", { provider: { query: { "api-version": "2" } } }, CAPABILITIES],
  ["an edit of bodies", { target: { request: { set: { seed: 1 }, drop: [] } } }, CAPABILITIES],
  ["tools", { model: { tool_support: { openai_chat: ["tools"] } } }, OF_TOOLS],
  ["tools of another dialect", { model: { tool_support: { anthropic_messages: ["client_tools"] } } }, []],
  ["modalities", { target: { input_modalities: ["text", "image"] } }, ["image"]],
  ["reasoning", { model: { reasoning: { supported: true, mode: "opt_in" } } }, ["reasoning"]],
  ["names in answers", { model: { answers_as: ["gpt-6"] } }, ["entitlement"]],
  ["the window", { model: { context_tokens: 1000 } }, ["context"]],
  ["the longest answer", { target: { max_output_tokens: 1000 } }, ["budget", "caps"]],
  ["caps", { model: { honors_max_tokens: false } }, ["caps"]],
  ["documents", { provider: { accepts: { documents: true } } }, ["document"]],
  ["cache keys", { target: { accepts: { cache_key: false } } }, ["prompt-cache"]],
  ["usage of streams", { target: { accepts: { stream_usage: false } } }, ["streaming"]],
  ["a weight", { target: { weight: 7 } }, []],
  ["prices", { model: { input_price_per_million_usd: 1 } }, []],
  ["a header", { provider: { headers: { "x-title": "router" } } }, []],
  ["the group's translation", { translation: "enforce" }, [], CAPABILITIES],
]

describe("a change of", () => {
  test.each(CHANGES)("%s", (_, parts, direct, throughGroup = direct) => {
    expect(changedBy(SAME, { ...SAME, ...parts }, null)).toEqual([...direct])
    expect(changedBy(SAME, { ...SAME, ...parts }, "default")).toEqual([...throughGroup])
  })
})

/** Of blocks each key by the last that says it; lists are replaced. */
function merged<Block extends object>(left: Block, right: Partial<Block>): Block {
  const isBlock = (value: unknown): value is object =>
    typeof value === "object" && value !== null && !Array.isArray(value)
  const entries = Object.entries(right).map(([key, value]) => {
    const old: unknown = left[key as keyof Block]
    return [key, isBlock(old) && isBlock(value) ? merged(old, value) : value]
  })
  return { ...left, ...Object.fromEntries(entries) }
}

test("whatever else has changed, a change invalidates what depends on it and nothing more", () => {
  const changes = fc.subarray([...CHANGES])
  fc.assert(
    fc.property(changes, changes, (first, second) => {
      const before = first.reduce<Parts>((parts, [, change]) => merged(parts, change), SAME)
      const after = second.reduce<Parts>((parts, [, change]) => merged(parts, change), before)
      const expected = new Set(second.filter((one) => !first.includes(one)).flatMap(([, , direct]) => direct))
      // another dialect has other words for tools, which nothing is said of
      const isChat = ![...first, ...second].some(([what]) => what === "the dialect")
      fc.pre(isChat)
      expect(changedBy(before, after, null)).toEqual(CAPABILITIES.filter((one) => expected.has(one)))
    }),
    { numRuns: 60 },
  )
})

test("the order of keys in the file means nothing, and the group's name is part of what went through it", () => {
  const one = targetOf({ ...SAME, target: { accepts: { documents: true, cache_key: true } } })
  const other = targetOf({ ...SAME, target: { accepts: { cache_key: true, documents: true } } })
  expect(fingerprintsOf(one, null)).toEqual(fingerprintsOf(other, null))
  expect(fingerprintsOf(one, null).text).not.toBe(fingerprintsOf(one, "default").text)
  expect(fingerprintsOf(one, "a").text).not.toBe(fingerprintsOf(one, "b").text)
})

test("no record holds a key, and capabilities are a closed list", () => {
  const fingerprints = fingerprintsOf(targetOf(SAME), null)
  expect(JSON.stringify(fingerprints)).not.toContain(Object.values(KEYS)[0])
  expect(CAPABILITIES.every(isCapability)).toBe(true)
  expect(isCapability("constructor")).toBe(false)
  const record: Pick<ActivationRecord, "expiresAtMs"> = { expiresAtMs: USUAL_LIFE_MS }
  expect(record.expiresAtMs).toBeGreaterThan(0)
})
