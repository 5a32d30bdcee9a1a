/** What is worked out from the configuration alone must agree with what the filters say of each call. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import type { Group, Target } from "../../config/snapshot.ts"
import { BRIDGE_FEATURES, type RequestLimits } from "../../config/compile/target-limits.ts"
import type { DialectName } from "../../dialects/dialect.ts"
import type { RequestShape } from "../../dialects/shape-reader.ts"
import { allRefusals, eligibleTargets, unknownNeeds } from "./eligible.ts"
import { estimatedInputTokens } from "./estimate.ts"
import type { Asked } from "./filter.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

const dialect = fc.constantFrom<DialectName>("openai-chat", "openai-responses", "anthropic")
const said = fc.constantFrom(true, false, null)
const size = fc.constantFrom(0, 1, 50, 2000, Infinity)

const request = fc.record<RequestLimits>({
  requiredModalities: fc.subarray(["text", "image", "video"]),
  maxBytes: size,
  maxInputTokens: size,
  minOutputTokens: fc.nat(60),
  maxOutputTokens: size,
  maxToolSchemaBytes: size,
  largeAgentPayloads: fc.boolean(),
  inboundDialects: fc.option(fc.subarray<DialectName>(["openai-chat", "anthropic"]).map((names) => new Set(names))),
  unsupportedFeatures: fc.subarray(["store", "forced_tool_choice"]),
})
const target = fc
  .record({
    dialect,
    skin: fc.constantFrom("a", "b", "c"),
    capabilities: fc.record({ tools: said, toolChoice: said, structuredOutput: said, images: said, reasoning: said }),
    limits: fc.record({
      closedTo: fc.constant<readonly DialectName[]>([]),
      bridgeWithout: fc.subarray([...BRIDGE_FEATURES], { maxLength: 2 }),
      neverStores: fc.boolean(),
      mayDropReasoning: fc.boolean(),
      alwaysReasons: fc.boolean(),
      toolOnly: fc.boolean(),
      honorsMaxTokens: fc.boolean(),
      contextTokens: fc.option(size),
      reasoningControl: fc.constantFrom("effort_enum" as const, "token_budget" as const, null),
      minBudgetTokens: fc.constantFrom(0, 1024),
      maxBudgetTokens: fc.constantFrom(2000, Infinity),
      request: fc.option(request),
    }),
    contract: fc.record({
      lacks: fc.constantFrom(null, "contract-quality-floor" as const),
      validUntil: fc.constantFrom(5, Infinity),
    }),
  })
  .map((parts) => parts as Partial<Target>)
const group = fc
  .record({
    targets: fc.array(target, { maxLength: 5 }),
    translation: fc.constantFrom("off", "warn"),
    ceiling: fc.constant(null),
    promisedDialects: fc.option(fc.constant(new Set<DialectName>(["openai-chat"]))),
    demanded: fc.subarray(["images", "tools", "own-dialect"]).map((demands) => new Set(demands)),
  })
  .map(
    ({ targets, ...rest }) =>
      ({ ...rest, name: "g", targets: targets.map((one, index) => ({ ...one, index })) }) as unknown as Group,
  )
const shape = fc
  .record({
    imageCount: fc.nat(1),
    toolCount: fc.nat(1),
    hostedToolCount: fc.nat(1),
    toolSchemaBytes: fc.nat(100),
    hasToolHistory: fc.boolean(),
    toolChoice: fc.constantFrom("unset", "null", "auto", "none", "forced"),
    structuredOutput: fc.boolean(),
    encodedBytes: fc.nat(100),
    reasoning: fc.constantFrom(
      { requested: false, kind: "none", effort: null, budgetTokens: null },
      { requested: true, kind: "effort", effort: "low", budgetTokens: null },
      { requested: true, kind: "budget", effort: null, budgetTokens: 1500 },
    ),
    used: fc.subarray(["store", "forced_tool_choice", "video"]),
  })
  .map(({ used, ...rest }) => ({ ...rest, uses: (name: string) => used.includes(name) }) as unknown as RequestShape)
const asked: fc.Arbitrary<Asked> = fc.record({
  dialect: fc.record({ name: dialect }),
  facts: fc.record({
    model: fc.constant("g"),
    stream: fc.boolean(),
    includeUsage: fc.constant(true),
    outputCap: fc.option(fc.nat(3000).map((tokens) => ({ field: "max_tokens", fields: ["max_tokens"], tokens }))),
    choices: fc.constantFrom(1, 2),
    drafts: fc.constantFrom(1, 2),
  }),
  shape,
  bodyBytes: fc.constantFrom(100, 9000, 100_000),
  ts: fc.nat(9),
  ceiling: fc.constant(null),
  holdsState: fc.boolean(),
})

test("each target is eligible or refused, and only for reasons that stand against it", () => {
  expectProperty(
    fc.property(group, asked, (one, call) => {
      const { eligible, refused } = eligibleTargets(one, call)
      const all = [...eligible.map(({ index }) => index), ...refused.map(({ target: { index } }) => index)]
      expect(all.toSorted((a, b) => a - b)).toEqual(one.targets.map(({ index }) => index))
      expect(eligible.map(({ index }) => index)).toEqual(eligible.map(({ index }) => index).toSorted((a, b) => a - b))
      const reasons = allRefusals(one, call)
      for (const { target: out, reason } of refused)
        expect(reasons.some((entry) => entry.target === out && entry.reason === reason)).toBe(true)
      for (const entry of reasons) expect(eligible).not.toContain(entry.target)
      if (one.translation === "off") for (const { dialect: spoken } of eligible) expect(spoken).toBe(call.dialect.name)
    }),
    2000,
  )
})

test("a capability is missing where it is denied, or unknown in another dialect than the client's", () => {
  expectProperty(
    fc.property(group, asked, (one, call) => {
      const { shape: wish } = call
      const needs = [
        ["tools", "tool-support", wish.hasToolHistory || wish.toolCount > 0],
        ["structuredOutput", "structured-output-support", wish.structuredOutput],
        ["images", "input-modality-image", wish.imageCount > 0],
      ] as const
      const reasons = allRefusals(one, call)
      const gone = new Set(
        reasons
          .filter(({ reason }) => ["translation-off", "other-skin", "requested-api-skin"].includes(reason))
          .map((entry) => entry.target),
      )
      for (const entry of one.targets.filter((candidate) => !gone.has(candidate))) {
        for (const [capability, reason, isAsked] of needs) {
          const has = entry.capabilities[capability]
          const isDemanded = one.demanded.has(capability)
          const lacks = has === false || (has === null && (isDemanded || entry.dialect !== call.dialect.name))
          const isNamed = reasons.some((found) => found.target === entry && found.reason === reason)
          expect([capability, isNamed]).toEqual([capability, isAsked && lacks])
        }
      }
      const unknown = unknownNeeds(one, call)
      const isSilent = one.targets.some(
        (entry) => entry.dialect === call.dialect.name && entry.capabilities.images === null,
      )
      expect(unknown.includes("image")).toBe(isSilent && wish.imageCount > 0 && !one.demanded.has("images"))
    }),
    1000,
  )
})

const ABLE: Partial<Target> = {
  index: 0,
  dialect: "openai-chat",
  skin: "a",
  capabilities: { tools: true, toolChoice: true, structuredOutput: true, images: true, reasoning: true },
  limits: {
    closedTo: [],
    bridgeWithout: [],
    neverStores: false,
    toolOnly: false,
    honorsMaxTokens: true,
    contextTokens: null,
    mayDropReasoning: true,
    reasoningControl: null,
    alwaysReasons: false,
    request: null,
    minBudgetTokens: 0,
    maxBudgetTokens: Infinity,
  },
  contract: { lacks: null, validUntil: Infinity },
}
const UNREAD = {
  dialect: { name: "openai-chat" },
  facts: { choices: 1, drafts: 1, outputCap: null },
  bodyBytes: 1,
  ts: 0,
  ceiling: null,
  get shape(): RequestShape {
    throw new Error("the shape was read")
  },
} as unknown as Asked

function groupOf(only: Partial<Target>): Group {
  const empty = { name: "g", translation: "warn", promisedDialects: null, ceiling: null, demanded: new Set() }
  return { ...empty, targets: [only] } as unknown as Group
}

test("targets that can do everything cost a call nothing: its shape is not read", () => {
  const free = groupOf(ABLE)
  expect(eligibleTargets(free, UNREAD).eligible).toEqual([ABLE as Target])
  expect(eligibleTargets(free, UNREAD)).toBe(eligibleTargets(free, UNREAD))
  expect(unknownNeeds(free, UNREAD)).toEqual([])
})

test("evidence is too old from its last moment on, by the clock that the call came with", () => {
  const aging = groupOf({ ...ABLE, contract: { lacks: null, validUntil: 1000 } })
  const reasonsAt = (ts: number): readonly string[] =>
    eligibleTargets(aging, Object.create(UNREAD, { ts: { value: ts } }) as Asked).refused.map(({ reason }) => reason)
  const expired = ["contract-validation-expired"]
  expect([999, 1000, 1001, 998].map(reasonsAt)).toEqual([[], expired, expired, []])
})

test("files in base64 count for nothing in an estimate, images for a little", () => {
  const wish = { encodedBytes: 80_000, imageCount: 2 } as RequestShape
  expect(estimatedInputTokens({ bodyBytes: 100_000, shape: wish }, 30_000)).toBe(25_000)
  expect(estimatedInputTokens({ bodyBytes: 100_000, shape: wish }, 10_000)).toBe(5170)
})
