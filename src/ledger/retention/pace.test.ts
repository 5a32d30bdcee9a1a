import { expect, test } from "bun:test"
import { Pace } from "./pace.ts"

test("batches grow while they are short, and never beyond the most", () => {
  const pace = new Pace(500)
  const first = pace.rows
  for (let batch = 0; batch < 50; batch += 1) pace.pauseAfter(1, 1, false)
  expect(first).toBeLessThan(100)
  expect(pace.rows).toBe(500)
})

test("a batch that held the lock for long makes the next one smaller, at once", () => {
  const pace = new Pace(500)
  for (let batch = 0; batch < 50; batch += 1) pace.pauseAfter(1, 1, false)
  pace.pauseAfter(100, 100, false)
  expect(pace.rows).toBe(50)
  for (let batch = 0; batch < 50; batch += 1) pace.pauseAfter(100, 100, false)
  expect(pace.rows).toBeGreaterThan(0)
  expect(pace.rows).toBeLessThan(10)
})

test("a pause is at least as long as the batch took", () => {
  const pace = new Pace(500)
  expect(pace.pauseAfter(3, 40, false)).toBe(40)
  expect(pace.pauseAfter(0.1, 0.1, false)).toBeGreaterThan(0.1)
})

test("beside calls batches are shorter and rarer", () => {
  const alone = new Pace(500)
  const beside = new Pace(500)
  // 0.02 ms a row
  for (let batch = 0; batch < 50; batch += 1) {
    alone.pauseAfter(alone.rows / 50, alone.rows / 50, false)
    beside.pauseAfter(beside.rows / 50, beside.rows / 50, true)
  }
  expect(alone.rows).toBe(500)
  expect(beside.rows / 50).toBeLessThan(4)
  expect(beside.pauseAfter(2, 2, true)).toBe(16)
})
