import { expect, test } from "bun:test"
import fc from "fast-check"
import { expectProperty } from "../../../test/helpers/property.ts"
import { boundsOf, bucketOf, BUCKETS, valueOf } from "./histogram.ts"

test("a value is less than 5 % from what stands for its bucket", () => {
  const value = fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 20_000_000_000 }))
  expectProperty(
    fc.property(value, (exact) => {
      expect(Math.abs(valueOf(bucketOf(exact)) - exact) / exact).toBeLessThan(0.05)
    }),
    2000,
  )
})

test("each whole number is in the one bucket whose bounds hold it", () => {
  expectProperty(
    fc.property(fc.integer({ min: 0, max: 10_000_000_000 }), (value) => {
      const [from, to] = boundsOf(bucketOf(value))
      expect(from <= value && value < to).toBe(true)
    }),
    2000,
  )
  expect(bucketOf(0)).toBe(1)
  expect(bucketOf(Number.MAX_SAFE_INTEGER)).toBe(BUCKETS - 1)
})
