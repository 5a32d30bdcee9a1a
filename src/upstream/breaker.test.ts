import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { Breaker } from "./breaker.ts"

const RULE = { failures: 3, windowMs: 1000, cooldownMs: 500 }

/** `!`: a fault, `.`: an answer, each of a call that ended at once; `t+n`: time passes. */
function played(script: string, rule = RULE): { breaker: Breaker; now: number; opened: number[]; closed: number[] } {
  const breaker = new Breaker(rule)
  const opened: number[] = []
  const closed: number[] = []
  let now = 10_000
  for (const step of script.split(" ")) {
    if (step.startsWith("t+")) now += Number(step.slice(2))
    else
      for (const sign of step) {
        if (sign === "!" && breaker.failed(now, now)) opened.push(now - 10_000)
        if (sign === "." && breaker.succeeded(now, now)) closed.push(now - 10_000)
      }
  }
  return { breaker, now, opened, closed }
}

describe("faults in the window", () => {
  const cases: readonly (readonly [name: string, script: string, opened: readonly number[]])[] = [
    ["as many as it takes", "!!!", [0]],
    ["one too few", "!!", []],
    ["spread within the window", "! t+500 ! t+500 !", [1000]],
    ["spread beyond it", "! t+500 ! t+501 !", []],
    ["the first has aged, the fourth makes up for it", "! t+900 ! t+101 ! t+899 !", [1900]],
    ["answers between them", "!. !. !", [0]],
    ["stray ones on a busy target", `${"............! ".repeat(20)}t+0`, []],
    ["a busy target that dies", `${".".repeat(500)} !!!`, [0]],
  ]
  test.each(cases.map(([name, script, opened]) => [name, script, opened] as const))(
    "it opens as its rule says: %s",
    (_name, script, opened) => {
      expect(played(script).opened).toEqual([...opened])
    },
  )

  test("0 failures as its bound never open it", () => {
    expect(played("!!!!!!!!!!", { ...RULE, failures: 0 }).opened).toEqual([])
  })

  test("1 failure as its bound opens it at the first", () => {
    expect(played("!", { ...RULE, failures: 1 }).opened).toEqual([0])
  })
})

describe("the way back", () => {
  test("half-open after the cooldown, one probe at a time", () => {
    const { breaker, now } = played("!!!")
    expect(breaker.state(now + 499)).toBe("open")
    expect(breaker.claimProbe(now + 499)).toBe(false)
    expect(breaker.state(now + 500)).toBe("half-open")
    expect([1, 2, 3].map(() => breaker.claimProbe(now + 500))).toEqual([true, false, false])
    breaker.releaseProbe(false)
    expect(breaker.claimProbe(now + 501)).toBe(true)
  })

  test("an answer closes it, and the faults before are forgotten", () => {
    const { breaker, now, closed } = played("!!! t+500 . !!")
    expect(closed).toEqual([500])
    expect(breaker.state(now)).toBe("closed")
  })

  test("a fault opens it for another cooldown", () => {
    const { breaker, now, opened } = played("!!! t+600 !")
    expect(opened).toEqual([0])
    expect([breaker.state(now + 499), breaker.state(now + 500)]).toEqual(["open", "half-open"])
  })

  test("what was on its way before the cooldown was over tells nothing", () => {
    const { breaker, now } = played("!!! t+600")
    expect(breaker.succeeded(now - 101, now)).toBe(false)
    expect(breaker.failed(now - 101, now)).toBe(false)
    expect(breaker.state(now)).toBe("half-open")
  })

  test("a probe's patience doubles while probes time out", () => {
    const { breaker, now } = played("!!! t+500")
    expect(breaker.patienceMs).toBe(500)
    breaker.claimProbe(now)
    breaker.releaseProbe(true)
    expect(breaker.patienceMs).toBe(1000)
    breaker.succeeded(now, now)
    expect(breaker.patienceMs).toBe(500)
  })
})

test("no timer is longer than timers can be", () => {
  const breaker = new Breaker({ failures: 1, windowMs: 1000, cooldownMs: 31 * 86_400_000 })
  expect(breaker.patienceMs).toBe(600_000)
  for (let probe = 0; probe < 40; probe++) breaker.releaseProbe(true)
  expect(breaker.patienceMs).toBe(600_000)
})

test("a changed rule keeps the state and counts anew", () => {
  const { breaker, now } = played("!!!")
  breaker.adopt({ ...RULE, failures: 2 })
  expect(breaker.state(now)).toBe("open")
  breaker.adopt({ ...RULE, failures: 0 })
  expect(breaker.state(now)).toBe("closed")
})

test("whatever happens: it opens only after enough faults in the window, and at most one probe is out", () => {
  const step = fc.oneof(
    fc.record({ is: fc.constant("wait" as const), ms: fc.nat(600) }),
    fc.record({ is: fc.constantFrom("begin" as const, "answer" as const, "fault" as const, "leave" as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 4 }), (steps, failures) => {
      const breaker = new Breaker({ ...RULE, failures })
      const calls: { readonly startedAt: number; readonly isProbe: boolean }[] = []
      const faults: number[] = []
      let now = 0
      for (const next of steps) {
        if (next.is === "wait") now += "ms" in next ? next.ms : 0
        else if (next.is === "begin") calls.push({ startedAt: now, isProbe: breaker.claimProbe(now) })
        else {
          const call = calls.shift()
          if (call === undefined) continue
          if (call.isProbe) breaker.releaseProbe(false)
          if (next.is === "answer") breaker.succeeded(call.startedAt, now)
          if (next.is === "fault") {
            if (!breaker.isOpen) faults.push(now)
            const isOpened = breaker.failed(call.startedAt, now)
            if (isOpened) {
              expect(faults.filter((at) => now - at <= RULE.windowMs).length).toBeGreaterThanOrEqual(failures)
            }
          }
        }
        expect(calls.filter(({ isProbe }) => isProbe).length).toBeLessThanOrEqual(1)
      }
    }),
  )
})

describe("what another process found out", () => {
  test("opens it here, for no longer than the own cooldown; half-open then, and probed here as well", () => {
    const breaker = new Breaker(RULE)
    expect(breaker.openElsewhere(300, 100)).toBe(true)
    expect(breaker.openElsewhere(1e9, 100)).toBe(false)
    expect([breaker.openUntil, breaker.state(599), breaker.state(600)]).toEqual([600, "open", "half-open"])
    expect(breaker.claimProbe(600)).toBe(true)
    const off = new Breaker({ ...RULE, failures: 0 })
    expect([off.openElsewhere(300, 100), off.isOpen]).toEqual([false, false])
  })

  test("closes it, where the call that was answered began behind the cooldown", () => {
    const { breaker, now } = played("!!!")
    expect(breaker.closedElsewhere(now)).toBe(false)
    expect(breaker.isOpen).toBe(true)
    expect(breaker.closedElsewhere(now + RULE.cooldownMs)).toBe(true)
    expect(breaker.isOpen).toBe(false)
    expect(breaker.closedElsewhere(now + RULE.cooldownMs)).toBe(false)
  })
})
