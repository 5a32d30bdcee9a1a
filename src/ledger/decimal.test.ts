import { expect, test } from "bun:test"
import fc from "fast-check"
import { billionths } from "./decimal.ts"

test.each([
  [3, 3_000_000_000],
  [0, 0],
  ["0.000", 0],
  [0.1, 100_000_000],
  [3.75, 3_750_000_000],
  ["0.0375", 37_500_000],
  [1e-7, 100],
  ["2.5E-1", 250_000_000],
  ["1e3", 1_000_000_000_000],
  ["0.1000000000000", 100_000_000],
  ["  15 ", 15_000_000_000],
])("%p is %p billionths", (decimal, expected) => {
  expect(billionths(decimal)).toBe(expected)
})

test.each(["-1", "", "abc", "1,5", ".5", "1e9999", "0x10", Number.NaN, Number.POSITIVE_INFINITY, -0.5])(
  "%p is no amount",
  (decimal) => {
    expect(() => billionths(decimal)).toThrow(RangeError)
  },
)

test("what does not fit exactly is refused", () => {
  expect(() => billionths("0.0000000001")).toThrow("nine digits")
  expect(() => billionths("1e-300")).toThrow("nine digits")
  expect(() => billionths("9007199.254740992")).toThrow("nine million")
  expect(billionths("9007199.254740991")).toBe(Number.MAX_SAFE_INTEGER)
})

test("law: every amount survives the way through its decimal text", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (amount) => {
      const digits = String(amount).padStart(10, "0")
      const text = `${digits.slice(0, -9)}.${digits.slice(-9)}`
      expect(billionths(text)).toBe(amount)
    }),
  )
})
