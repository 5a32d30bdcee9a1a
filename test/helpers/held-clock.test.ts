import { expect, test } from "bun:test"
import { HeldClock } from "./held-clock.ts"

const INSTANT = Date.UTC(2027, 0, 1)

test("timers run in the order of their times, each at its time, and what is closed does not run", async () => {
  const clock = new HeldClock(INSTANT)
  const ran: [string, number][] = []
  const note = (name: string) => () => void ran.push([name, clock.now() - INSTANT])
  clock.after(30, note("late"))
  clock.after(10, () => {
    note("early")()
    clock.after(5, note("set meanwhile"))
  })
  clock.after(20, note("closed")).close()
  const again = clock.every(12, note("again"))
  await clock.advance(29)
  expect(ran).toEqual([
    ["early", 10],
    ["again", 12],
    ["set meanwhile", 15],
    ["again", 24],
  ])
  again.close()
  await clock.advance(1)
  expect(ran.at(-1)).toEqual(["late", 30])
  expect(clock.now()).toBe(INSTANT + 30)
})

test("a leap runs what is due once, and the wall is set without moving durations", async () => {
  const clock = new HeldClock(INSTANT)
  let times = 0
  clock.every(1000, () => (times += 1))
  await clock.leap(86_400_000)
  expect([times, clock.now()]).toEqual([1, INSTANT + 86_400_000])
  const before = clock.monotonicMs()
  clock.setNow(INSTANT)
  expect([clock.now(), clock.monotonicMs()]).toEqual([INSTANT, before])
})

test("during a piece of work time passes for those who sleep", async () => {
  const clock = new HeldClock(INSTANT)
  let fired = 0
  clock.after(1000, () => (fired += 1))
  const work = async (): Promise<string> => {
    await clock.sleep(100)
    await clock.sleep(100)
    return "done"
  }
  expect(await clock.during(work())).toBe("done")
  expect([clock.now() - INSTANT, fired]).toEqual([200, 0])
})
