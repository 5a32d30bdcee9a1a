import { expect, test } from "bun:test"
import { Stopped } from "./engine.ts"
import { TimeLimit } from "./time-limit.ts"

function limited(budgetMs: number) {
  const at = { nowMs: 1000, cpuMs: 50 }
  const limit = new TimeLimit({ nowMs: () => at.nowMs, cpuMs: () => at.cpuMs })
  limit.begin(budgetMs)
  return {
    limit,
    pass: (wallMs: number, cpuMs: number): void => {
      at.nowMs += wallMs
      at.cpuMs += cpuMs
    },
  }
}

test("the engine is asked to end at four fifths of the budget, the meter ends at all of it", () => {
  const { limit, pass } = limited(50)
  pass(39, 39)
  expect(limit.shallEnd()).toBe(false)
  pass(2, 2)
  expect(limit.shallEnd()).toBe(true)
  expect(() => limit.tick()).not.toThrow()
  pass(10, 10)
  expect(() => limit.tick()).toThrow(Stopped)
  expect(limit.stopped).toBe(true)
})

test("waiting for the processor does not count", () => {
  const { limit, pass } = limited(50)
  pass(10_000, 20)
  expect(limit.shallEnd()).toBe(false)
  expect(() => limit.tick()).not.toThrow()
  expect(limit.leftMs()).toBe(30)
  pass(31, 31)
  expect(limit.shallEnd()).toBe(true)
  expect(() => limit.tick()).toThrow(Stopped)
})

test("the router's own work does not count", () => {
  const { limit, pass } = limited(50)
  pass(30, 30)
  limit.without(() => pass(500, 500))
  expect(limit.leftMs()).toBe(20)
  expect(limit.shallEnd()).toBe(false)
  expect(() => limit.tick()).not.toThrow()
  pass(21, 21)
  expect(() => limit.tick()).toThrow(Stopped)
})

test("a script that catches the stop is stopped again, and nothing runs between two calls", () => {
  const { limit, pass } = limited(5)
  pass(6, 6)
  expect(() => limit.tick()).toThrow(Stopped)
  expect(() => limit.tick()).toThrow(Stopped)
  const other = limited(5)
  other.limit.end()
  other.pass(1000, 1000)
  expect(() => other.limit.tick()).not.toThrow()
})
