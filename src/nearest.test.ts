import { expect, test } from "bun:test"
import { editDistance, nearest } from "./nearest.ts"

test("edits are counted, a swap as one", () => {
  expect(editDistance("weight", "weight")).toBe(0)
  expect(editDistance("weigth", "weight")).toBe(1)
  expect(editDistance("wieghted", "weighted")).toBe(1)
  expect(editDistance("kitten", "sitting")).toBe(3)
  expect(editDistance("", "abc")).toBe(3)
})

test("the nearest word is found whatever its case, a far one is not", () => {
  const words = ["provider", "model_ref", "model", "weight"]
  expect(nearest("Providr", words)).toBe("provider")
  expect(nearest("model_reff", words)).toBe("model_ref")
  expect(nearest("colour", words)).toBeUndefined()
  expect(nearest("x".repeat(10_000), words)).toBeUndefined()
})
