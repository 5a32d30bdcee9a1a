import { expect, test } from "bun:test"
import fc from "fast-check"
import type { Target } from "../../config/snapshot.ts"
import { decisionOf, isDecision, UNSAFE_LABEL } from "./decision.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

const target = (index: number): Target =>
  ({
    index,
    model: `model-${index % 3}`,
    provider: { name: `provider-${index % 2}`, secrets: /api\.example\.com|(?<!\w)sk-1(?!\w)/gi },
    modelRef: `ref-${index}`,
  }) as unknown as Target

const targets = (count: number): readonly Target[] => Array.from({ length: count }, (_, index) => target(index))
const eligible = targets(4)
const order = (answer: unknown): unknown => {
  const verdict = decisionOf(JSON.stringify(answer), eligible)
  return isDecision(verdict) ? verdict.order.map(({ index }) => index) : verdict
}

test("whatever a policy answers, the order holds eligible targets only, each once, the chosen one first", () => {
  const plausible = fc.record(
    {
      targetIndex: fc.oneof(fc.integer({ min: -1, max: 6 }), fc.double(), fc.string(), fc.constant(null)),
      target: fc.oneof(fc.record({ provider: fc.string(), model: fc.string() }), fc.anything()),
      provider: fc.constantFrom("provider-0", "provider-1", "other"),
      model: fc.constantFrom("model-0", "ref-1", "other"),
      fallbackIndexes: fc.oneof(fc.array(fc.integer({ min: -1, max: 6 })), fc.anything()),
      fallbacks: fc.oneof(
        fc.array(fc.record({ provider: fc.constant("provider-0"), model: fc.constant("model-0") })),
        fc.anything(),
      ),
      classLabel: fc.oneof(fc.string(), fc.anything()),
    },
    { requiredKeys: [] },
  )
  const answers = fc.oneof(
    plausible.map((answer) => JSON.stringify(answer)),
    fc.json(),
    fc.string(),
  )
  expectProperty(
    fc.property(answers, fc.integer({ min: 1, max: 5 }), (json, count) => {
      const among = targets(count)
      const verdict = decisionOf(json, among)
      if (!isDecision(verdict)) return expect(["not-json", "bad-decision", "unknown-target"]).toContain(verdict)
      expect(verdict.order.length).toBeGreaterThan(0)
      expect(new Set(verdict.order).size).toBe(verdict.order.length)
      expect(verdict.order.every((chosen) => among.includes(chosen))).toBe(true)
      if (verdict.classLabel !== null) expect(verdict.classLabel).toMatch(/^[A-Za-z0-9_.:-]{1,64}$/)
      const { targetIndex, fallbackIndexes } = JSON.parse(json) as { targetIndex?: unknown; fallbackIndexes?: unknown }
      if (typeof targetIndex === "number") expect(verdict.order[0]).toBe(among[targetIndex])
      if (Array.isArray(fallbackIndexes) && fallbackIndexes.length === 0) expect(verdict.order).toHaveLength(1)
      return undefined
    }),
    2000,
  )
})

test("fallbacks are the rest in order when omitted, exactly these when present, and none when empty", () => {
  expect(order({ targetIndex: 2 })).toEqual([2, 0, 1, 3])
  expect(order({ targetIndex: 2, fallbackIndexes: [3, 0] })).toEqual([2, 3, 0])
  expect(order({ targetIndex: 2, fallbackIndexes: [] })).toEqual([2])
  expect(order({ targetIndex: 2, fallbackIndexes: null })).toEqual([2, 0, 1, 3])
  expect(order({ targetIndex: 2, fallbackIndexes: [2, 3, 3] })).toEqual([2, 3])
  expect(order({ targetIndex: 2, fallbacks: [0, { provider: "provider-1", model: "ref-3" }] })).toEqual([2, 0, 3])
  expect(order({ targetIndex: 2, fallbackIndexes: [1], fallbacks: [] })).toBe("bad-decision")
  expect(order({ targetIndex: 2, fallbackIndexes: [4] })).toBe("unknown-target")
})

test("a selector names the provider, and the upstream's model or the catalogue's name of it", () => {
  expect(order({ provider: "provider-1", model: "model-1", fallbacks: [] })).toEqual([1])
  expect(order({ target: { provider: "provider-1", model: "ref-3" }, fallbacks: [] })).toEqual([3])
  expect(order({ provider: "provider-0", model: "ref-3" })).toBe("unknown-target")
  expect(order({ provider: "provider-0" })).toBe("bad-decision")
  expect(order({ targetIndex: 0, provider: "provider-0", model: "model-0" })).toBe("bad-decision")
})

test("labels have a short alphabet, and never hold a provider's host or key", () => {
  const label = (classLabel: unknown): unknown => {
    const verdict = decisionOf(JSON.stringify({ targetIndex: 0, classLabel }), eligible)
    return isDecision(verdict) ? verdict.classLabel : verdict
  }
  expect([label("a.b:c_d-1"), label(undefined), label(null)]).toEqual(["a.b:c_d-1", null, null])
  expect(["", "a b", "ä", "x".repeat(65), 1, {}, "at.api.example.com", "sk-1"].map(label)).toEqual(
    Array.from({ length: 8 }, () => UNSAFE_LABEL),
  )
})
