import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { DurationHistogram } from "./duration-histogram.ts"
import { expectProperty } from "../../test/helpers/property.ts"

describe("percentiles", () => {
  test("are unknown where nothing was added", () => {
    expect(new DurationHistogram().percentile(0.5)).toBeNull()
  })

  test("are within a tenth above the true value", () => {
    expectProperty(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 600_000 }), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.9, 0.95, 1),
        (durations, share) => {
          const histogram = new DurationHistogram()
          for (const ms of durations) histogram.add(ms)
          const sorted = durations.toSorted((a, b) => a - b)
          const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0
          const found = histogram.percentile(share) ?? 0
          expect(found).toBeGreaterThanOrEqual(exact - 1)
          expect(found).toBeLessThanOrEqual(exact * 1.1 + 1)
        },
      ),
    )
  })

  test("count a share of another with its weight only", () => {
    const [quick, slow, mixed] = [new DurationHistogram(), new DurationHistogram(), new DurationHistogram()]
    for (let count = 0; count < 1000; count++) quick.add(10)
    slow.add(1000)
    mixed.addShare(quick, 4)
    mixed.addShare(slow, 6)
    expect(mixed.total).toBe(10)
    expect(mixed.percentile(0.4)).toBe(quick.percentile(1))
    expect(mixed.percentile(0.41)).toBe(slow.percentile(1))
  })
})
