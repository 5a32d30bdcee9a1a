import { expect, test } from "bun:test"
import { Stopped } from "./engine.ts"
import { TimeLimit } from "./time-limit.ts"

/** Ticks of a warm engine on an idle machine. */
const TICKS_PER_MS = 120

function limited(budgetMs: number) {
  const at = { nowMs: 1000, cpuMs: 50 }
  const limit = new TimeLimit({ nowMs: () => at.nowMs, cpuMs: () => at.cpuMs })
  limit.begin(budgetMs)
  return {
    limit,
    /** Computes with so many ticks of the meter before the clocks go on. */
    pass: (wallMs: number, cpuMs: number, ticks = cpuMs * TICKS_PER_MS): void => {
      for (let tick = 0; tick < ticks; tick++) limit.tick()
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

test("the same work counts no more where the engine is not compiled yet or the machine is slow", () => {
  const { limit, pass } = limited(50)
  // 20 ms of work take 180 ms
  pass(180, 180, 2000)
  expect(limit.leftMs()).toBe(30)
  expect(limit.shallEnd()).toBe(false)
  expect(() => limit.tick()).not.toThrow()
  pass(300, 300, 3200)
  expect(limit.shallEnd()).toBe(true)
  expect(() => limit.tick()).toThrow(Stopped)
})

test("work that hardly ticks ends at ten times the budget", () => {
  const { limit, pass } = limited(50)
  pass(490, 490, 1)
  expect(() => limit.tick()).not.toThrow()
  pass(11, 11, 0)
  expect(() => limit.tick()).toThrow(Stopped)
})

test("the router's own work does not count, also where the engine does it", () => {
  const { limit, pass } = limited(50)
  pass(30, 30)
  limit.without(() => {
    pass(500, 500)
    expect(() => limit.tick()).not.toThrow()
  })
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
