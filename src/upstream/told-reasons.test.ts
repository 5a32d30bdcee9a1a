import { expect, test } from "bun:test"
import { ToldReasons } from "./told-reasons.ts"

test("the first failure, a change of its reason and a relapse are told, none of them twice in a minute", () => {
  const told = new ToldReasons()
  expect(told.failed("refused", 0)).toBe(true)
  expect(told.failed("refused", 1000)).toBe(false)
  expect(told.failed("dns", 2000)).toBe(true)
  expect(told.failed("refused", 3000)).toBe(false)
  told.worked()
  expect(told.failed("refused", 4000)).toBe(false)
  told.worked()
  expect(told.failed("refused", 60_000)).toBe(true)
  // a target that keeps failing in the same way says nothing new, however long
  expect(told.failed("refused", 600_000)).toBe(false)
})
