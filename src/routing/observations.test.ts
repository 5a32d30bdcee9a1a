import { expect, test } from "bun:test"
import type { Group, ObservationRule, Target } from "../config/snapshot.ts"
import { NO_FIGURES } from "./live-view.ts"
import { Observations } from "./observations.ts"

const RULE: ObservationRule = { key: "a", windowMs: 600_000, enough: 40 }
const targetOf = (observed: ObservationRule | null, provider = "p"): Target =>
  ({ observed, provider: { name: provider } }) as Partial<Target> as Target
const groupOf = (name: string, ...targets: readonly Target[]): Group => ({ name, targets }) as Partial<Group> as Group

test("nothing is kept of a target that nobody observes", () => {
  const live = new Observations()
  const target = targetOf(null)
  live.begin(target)
  live.failed(target, 0, 5, false, true)
  expect([live.figures(target, 0), live.inFlight(target), live.attemptsBegun(target)]).toEqual([NO_FIGURES, 0, 0])
})

test("what is on its way is counted until it ends in any way", () => {
  const live = new Observations()
  const target = targetOf(RULE)
  for (let count = 0; count < 3; count++) live.begin(target)
  expect(live.inFlight(target)).toBe(3)
  live.answered(target, 0, 10, null, null)
  live.failed(target, 0, 10, false, true)
  live.dropped(target)
  expect(live.inFlight(target)).toBe(0)
  expect(live.figures(target, 0)).toMatchObject({ observations: 2, errorRate: 0.5 })
})

test("a reload keeps what is known of a target that stays, and forgets the others", () => {
  const live = new Observations()
  const gone = { ...RULE, key: "gone" }
  for (const observed of [RULE, gone]) {
    live.begin(targetOf(observed))
    live.failed(targetOf(observed), 0, 5, false, true)
  }
  live.follow(groupOf("g"), 1, targetOf(RULE))
  live.follow(groupOf("old"), 0, targetOf(gone))
  live.engineRead("p", { running: 1, waiting: 0, cacheUsage: null }, 100)
  live.engineRead("q", { running: 1, waiting: 0, cacheUsage: null }, 100)
  live.keep([groupOf("g", targetOf(RULE))])
  expect(live.attemptsBegun(targetOf(RULE))).toBe(1)
  expect(live.attemptsBegun(targetOf(gone))).toBe(0)
  expect([live.leader(groupOf("g"), 1), live.leader(groupOf("g"), 0), live.leader(groupOf("old"), 0)]).toEqual([
    "a",
    null,
    null,
  ])
  expect([live.engineLoad(targetOf(RULE), 50)?.running, live.engineLoad(targetOf(RULE, "q"), 50)]).toEqual([1, null])
})

test("a call that began before a reload ends in the same window", () => {
  const live = new Observations()
  const before = targetOf(RULE)
  live.begin(before)
  const after = targetOf({ ...RULE })
  live.keep([groupOf("g", after)])
  live.answered(before, 0, 10, null, null)
  expect([live.inFlight(after), live.attemptsBegun(after)]).toEqual([0, 1])
})

test("what an engine said is forgotten when it is too old, or it says nothing any more", () => {
  const live = new Observations()
  const target = targetOf(RULE)
  const load = { running: 3, waiting: 1, cacheUsage: 0.5 }
  live.engineRead("p", load, 100)
  expect([live.engineLoad(target, 100), live.engineLoad(target, 101)]).toEqual([load, null])
  live.engineRead("p", load, 1000)
  live.engineRead("p", null, 1000)
  expect(live.engineLoad(target, 500)).toBeNull()
})
