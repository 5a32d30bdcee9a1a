import { expect, test } from "bun:test"
import { HeldClock } from "../../test/helpers/held-clock.ts"
import { Loop, type Hold } from "./loop.ts"

/** A loop whose thread computes as long as the test says. */
function watched(): { loop: Loop; clock: HeldClock; told: Hold[]; compute: (ms: number) => void } {
  const clock = new HeldClock()
  const told: Hold[] = []
  let cpuMs = 0
  const loop = new Loop(
    clock,
    (worst) => told.push(worst),
    () => cpuMs,
  )
  loop.start()
  return { loop, clock, told, compute: (ms) => (cpuMs += ms) }
}

test("a step on a large input that holds the loop is told by its name and its call, once a minute", async () => {
  const { loop, clock, told, compute } = watched()
  loop.timed("scan the body", "req_1", 1_000_000, () => compute(50))
  await clock.advance(200)
  expect(told).toEqual([{ ms: 50, step: "scan the body", requestId: "req_1" }])
  loop.timed("scan the body", "req_2", 1_000_000, () => compute(30))
  loop.timed("translate the request", "req_3", 1_000_000, () => compute(60))
  await clock.advance(30_000)
  expect(told).toHaveLength(1)
  await clock.advance(31_000)
  expect(told[1]).toEqual({ ms: 60, step: "translate the request", requestId: "req_3" })
})

test("what a busy machine takes away makes the loop late, and is not told", async () => {
  const { loop, clock, told, compute } = watched()
  await clock.advance(100)
  compute(5)
  await clock.leap(600)
  expect(told).toEqual([])
  expect(loop.delays).toEqual({ maxMs: 500, p99Ms: 500 })
})

test("a hold without a large step is told without a name", async () => {
  const { clock, told, compute } = watched()
  compute(80)
  await clock.leap(200)
  expect(told).toEqual([{ ms: 80, step: null, requestId: null }])
})

test("delays are those of the last minute", async () => {
  const { loop, clock } = watched()
  await clock.leap(1100)
  expect(loop.delays.maxMs).toBe(1000)
  await clock.advance(61_000)
  expect(loop.delays.maxMs).toBe(0)
})

test("of all that wait for a turn one goes on at a time, in order, and others run in between", async () => {
  const { loop } = watched()
  const seen: string[] = []
  const all = ["a", "b", "c"].map(async (name) => {
    await loop.turn()
    seen.push(name)
    setImmediate(() => seen.push(`after ${name}`))
  })
  await Promise.all(all)
  await loop.turn()
  expect(seen.filter((name) => name.length === 1)).toEqual(["a", "b", "c"])
  expect(seen.indexOf("after a")).toBeLessThan(seen.indexOf("c"))
})
