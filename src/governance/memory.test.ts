/** Random interleavings of admissions, extensions, settlements, crashes and clock jumps against a model that keeps every call. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { runs } from "../../test/helpers/sample.ts"
import { dayOf, monthOf } from "./counts.ts"
import { MemoryState } from "./memory.ts"
import { outputCost } from "./measure.ts"
import { CHECK_KINDS, type CheckKind } from "./check-kinds.ts"
import type { Check, CompiledLimits, Lease, Subject } from "./state.ts"

const DAY_MS = 86_400_000
const CALLERS: readonly Subject[] = [0, 1].map((id) => ({ key: `caller:${id}`, scope: "caller", id: String(id) }))
const PROJECT: Subject = { key: "project:p", scope: "project", id: "p" }
const PRICE = 2_500_000

const COUNTED = CHECK_KINDS.filter((kind) => !kind.endsWith("_tokens") || /day|month|lifetime/.test(kind)).filter(
  (kind) => kind !== "request_start",
)

type Limits = Readonly<Partial<Record<CheckKind, number>>>

function compiled(subjects: readonly Subject[], limits: readonly Limits[]): CompiledLimits {
  const checks = CHECK_KINDS.flatMap((kind) =>
    limits.flatMap((own, subject): Check[] =>
      own[kind] === undefined ? [] : [{ kind, subject, limit: own[kind], perSecond: 0, softLimit: Infinity }],
    ),
  )
  return { subjects, checks, countsTokens: true, countsMoney: true, shapes: false, queue: null }
}

/** Everything that ever happened to one call. */
interface Told {
  readonly caller: number
  readonly ts: number
  readonly admittedMs: number
  readonly lease: Lease
  settled: { requests: number; tokens: number; nanoUsd: number } | null
  /** It died with its process. */
  isGone: boolean
  /** When counts were read from the ledger afterwards: a new process knows the day and month of its start, and no other. */
  readonly reread: number[]
}

class Model {
  readonly calls: Told[] = []

  /** What a limit counts at the moment: settled, and reserved by calls in flight. */
  total(kind: CheckKind, caller: number | null, ts: number): number {
    let sum = 0
    for (const call of this.calls) {
      if (caller !== null && call.caller !== caller) continue
      if (kind === "concurrent") sum += call.settled === null ? 1 : 0
      else if (isInPeriod(kind, call, ts)) sum += amount(kind, call)
    }
    return sum
  }
}

function isInPeriod(kind: CheckKind, { ts, reread }: Told, now: number): boolean {
  if (kind.startsWith("day_")) return dayOf(ts) === dayOf(now) && reread.every((at) => dayOf(ts) === dayOf(at))
  if (kind.startsWith("month_"))
    return monthOf(ts) === monthOf(now) && reread.every((at) => monthOf(ts) === monthOf(at))
  return true
}

function amount(kind: CheckKind, { settled, lease }: Told): number {
  if (kind.endsWith("requests")) return settled?.requests ?? 1
  if (kind.endsWith("nano_usd")) return settled?.nanoUsd ?? lease.nanoUsd
  return settled?.tokens ?? lease.inputTokens + lease.outputTokens
}

const limitsArbitrary = fc.record(
  Object.fromEntries(
    COUNTED.map((kind) => [
      kind,
      kind.endsWith("requests") || kind === "rpm" || kind === "concurrent"
        ? fc.integer({ min: 1, max: 12 })
        : fc.integer({ min: 50, max: 4000 }),
    ]),
  ) as Record<CheckKind, fc.Arbitrary<number>>,
  { requiredKeys: [] },
)

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      is: fc.constant("admit" as const),
      caller: fc.nat(1),
      input: fc.nat(300),
      output: fc.nat(600),
      flexible: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ is: fc.constant("extend" as const), which: fc.nat(50), output: fc.nat(400) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      is: fc.constant("settle" as const),
      which: fc.nat(50),
      how: fc.constantFrom("exact", "less", "more", "refused", "twice"),
    }),
  },
  { weight: 4, arbitrary: fc.record({ is: fc.constant("pass" as const), ms: fc.nat(20_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ is: fc.constant("jump" as const), ms: fc.integer({ min: -DAY_MS, max: DAY_MS }) }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("crash" as const) }) },
)

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

describe("against a model that keeps every call", () => {
  test("no admission goes beyond a limit, and sums are exact at every moment", () => {
    fc.assert(
      fc.property(limitsArbitrary, limitsArbitrary, fc.array(step, { maxLength: 120 }), (own, shared, steps) => {
        new Run(own, shared).play(steps)
      }),
      runs(400),
    )
  })
})

class Run {
  readonly #limits: readonly CompiledLimits[]
  readonly #model = new Model()
  #state = new MemoryState()
  #wallMs = Date.UTC(2026, 10, 27, 23, 50)
  #nowMs = 1_000_000
  #offMs = 0
  #next = 0

  constructor(own: Limits, shared: Limits) {
    this.#limits = CALLERS.map((caller) => compiled([caller, PROJECT], [own, shared]))
  }

  play(steps: readonly Step[]): void {
    for (const one of steps) {
      if (one.is === "pass") {
        this.#wallMs += one.ms
        this.#nowMs += one.ms
      } else if (one.is === "jump") this.#jump(one.ms)
      else if (one.is === "admit") this.#admit(one.caller, one.input, one.output, one.flexible)
      else if (one.is === "extend") this.#extend(one.which, one.output)
      else if (one.is === "settle") this.#settle(one.which, one.how)
      else this.#crash()
      this.#compare()
    }
    for (const call of this.#model.calls) this.#close(call, { requests: 1, tokens: 3, nanoUsd: 5 })
    this.#compare()
    for (const [caller, limits] of this.#limits.entries())
      for (const line of this.#state.view(limits, this.#wallMs, this.#nowMs))
        expect([caller, line.check.kind, line.reserved]).toEqual([caller, line.check.kind, 0])
  }

  /** The wall clock is set wrong, and right again at the next jump. */
  #jump(ms: number): void {
    this.#wallMs += ms - this.#offMs
    this.#offMs = ms
  }

  #admit(caller: number, inputTokens: number, outputTokens: number, isFlexible: boolean): void {
    const limits = this.#limits[caller]!
    const outcome = this.#state.admit({
      id: `c${this.#next++}`,
      limits,
      ts: this.#wallMs,
      nowMs: this.#nowMs,
      inputTokens,
      outputTokens,
      leastOutputTokens: isFlexible ? Math.min(16, outputTokens) : outputTokens,
      inputNanoUsd: inputTokens * 2,
      outputNanoUsdPerMillion: PRICE,
    })
    if (outcome.kind === "refusal") {
      expect(outcome.used + outcome.reserved + outcome.requested).toBeGreaterThan(outcome.check.limit)
      return
    }
    expect(outcome.outputTokens).toBeLessThanOrEqual(outputTokens)
    expect(outcome.nanoUsd).toBe(inputTokens * 2 + outputCost(outcome.outputTokens, PRICE))
    this.#model.calls.push({
      caller,
      ts: this.#wallMs,
      admittedMs: this.#nowMs,
      lease: outcome,
      settled: null,
      isGone: false,
      reread: [],
    })
    this.#expectWithin(limits, caller, this.#wallMs)
  }

  #extend(which: number, outputTokens: number): void {
    const call = this.#pick(which, true)
    if (call === undefined) return
    const before = call.lease.outputTokens
    const refusal = this.#state.extend(call.lease, outputTokens, this.#nowMs)
    expect(call.lease.outputTokens).toBe(refusal === null && call.settled === null ? before + outputTokens : before)
    if (refusal === null && call.settled === null)
      this.#expectWithin(this.#limits[call.caller]!, call.caller, call.ts, true)
  }

  #settle(which: number, how: "exact" | "less" | "more" | "refused" | "twice"): void {
    const call = this.#pick(which)
    if (call === undefined) return
    const { inputTokens, outputTokens, nanoUsd } = call.lease
    const reserved = inputTokens + outputTokens
    if (how === "refused") this.#close(call, { requests: 0, tokens: 0, nanoUsd: 0 })
    else if (how === "less") this.#close(call, { requests: 1, tokens: reserved >> 1, nanoUsd: nanoUsd >> 1 })
    else if (how === "more") this.#close(call, { requests: 1, tokens: reserved * 2, nanoUsd: nanoUsd + 77 })
    else this.#close(call, { requests: 1, tokens: reserved, nanoUsd })
    if (how === "twice") this.#close(call, { requests: 1, tokens: 999, nanoUsd: 999 })
  }

  #close(call: Told, actual: { requests: 0 | 1; tokens: number; nanoUsd: number }): void {
    this.#state.settle(call.lease, actual, this.#nowMs)
    call.settled ??= actual
  }

  /** The process dies: calls in flight are booked at what they reserved, and the counts are read from what was booked. */
  #crash(): void {
    for (const call of this.#model.calls) {
      const { inputTokens, outputTokens, nanoUsd } = call.lease
      call.settled ??= { requests: 1, tokens: inputTokens + outputTokens, nanoUsd }
      call.isGone = true
      call.reread.push(this.#wallMs)
    }
    this.#state = new MemoryState()
    const sums = (caller: number | null, period: string): { requests: number; tokens: number; nanoUsd: number } => ({
      requests: this.#model.total(`${period}_requests` as CheckKind, caller, this.#wallMs),
      tokens: this.#model.total(`${period}_tokens` as CheckKind, caller, this.#wallMs),
      nanoUsd: this.#model.total(`${period}_nano_usd` as CheckKind, caller, this.#wallMs),
    })
    const subjects = [...CALLERS.map((subject, index) => [subject, index] as const), [PROJECT, null] as const]
    this.#state.restore(
      subjects.map(([{ key }, caller]) => ({
        key,
        ts: this.#wallMs,
        day: sums(caller, "day"),
        month: sums(caller, "month"),
        beside: [],
        lifetimeTokens: this.#model.total("lifetime_tokens", caller, this.#wallMs),
        isWholeLifetime: true,
        lastMinute: this.#model.calls
          .filter((call) => caller === null || call.caller === caller)
          .map((call) => ({ agoMs: this.#nowMs - call.admittedMs, tokens: call.settled?.tokens ?? 0 }))
          .filter(({ agoMs }) => agoMs <= 61_000),
      })),
      this.#nowMs,
    )
  }

  #pick(which: number, isOpen = false): Told | undefined {
    const known = this.#model.calls.filter(({ isGone }) => !isGone)
    const open = known.filter(({ settled }) => settled === null)
    const calls = isOpen && open.length > 0 ? open : known
    return calls.length === 0 ? undefined : calls[which % calls.length]
  }

  /** The invariant, at an admission. */
  #expectWithin(limits: CompiledLimits, caller: number, ts: number, isExtension = false): void {
    for (const { kind, subject, limit } of limits.checks) {
      if (kind === "rpm" || kind === "tpm" || (isExtension && /requests|concurrent/.test(kind))) continue
      expect([kind, this.#model.total(kind, subject === 0 ? caller : null, ts)]).toEqual([kind, expect.any(Number)])
      expect(this.#model.total(kind, subject === 0 ? caller : null, ts)).toBeLessThanOrEqual(limit)
    }
  }

  #compare(): void {
    for (const [caller, limits] of this.#limits.entries()) {
      for (const { check, used, reserved } of this.#state.view(limits, this.#wallMs, this.#nowMs)) {
        if (check.kind === "rpm" || check.kind === "tpm") continue
        const expected = this.#model.total(check.kind, check.subject === 0 ? caller : null, this.#wallMs)
        expect([check.kind, used + reserved]).toEqual([check.kind, expected])
      }
    }
  }
}

describe("rolling minutes", () => {
  test("no window of 60 s ever admits more than the limit", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 100, max: 1000 }),
        fc.array(fc.record({ passMs: fc.nat(15_000), tokens: fc.nat(300) }), { maxLength: 150 }),
        (rpm, tpm, arrivals) => {
          const state = new MemoryState()
          const limits = compiled([CALLERS[0]!], [{ rpm, tpm }])
          const admitted: { at: number; tokens: number }[] = []
          let nowMs = 12_345
          for (const [index, { passMs, tokens }] of arrivals.entries()) {
            nowMs += passMs
            const outcome = state.admit({ ...NOTHING, id: String(index), limits, ts: 0, nowMs, inputTokens: tokens })
            if (outcome.kind === "lease") {
              admitted.push({ at: nowMs, tokens })
              state.settle(outcome, { requests: 1, tokens, nanoUsd: 0 }, nowMs)
            } else if (outcome.retryAfterMs !== null && outcome.check.kind === "rpm") {
              const later = nowMs + outcome.retryAfterMs
              expect(admitted.filter(({ at }) => at > later - 60_000).length).toBeLessThan(rpm)
            }
            const window = admitted.filter(({ at }) => at > nowMs - 60_000)
            expect(window.length).toBeLessThanOrEqual(rpm)
            expect(window.reduce((sum, call) => sum + call.tokens, 0)).toBeLessThanOrEqual(tpm)
          }
        },
      ),
      runs(300),
    )
  })

  test("what was reserved and not used is free at once, and a slot comes back after at most 61 s", () => {
    const state = new MemoryState()
    const limits = compiled([CALLERS[0]!], [{ tpm: 1000, rpm: 2 }])
    const first = state.admit({
      ...NOTHING,
      id: "1",
      limits,
      ts: 0,
      nowMs: 0,
      outputTokens: 900,
      leastOutputTokens: 900,
    })
    expect(state.admit({ ...NOTHING, id: "2", limits, ts: 0, nowMs: 1, inputTokens: 200 }).kind).toBe("refusal")
    if (first.kind !== "lease") throw new Error("refused")
    state.settle(first, { requests: 1, tokens: 100, nanoUsd: 0 }, 2)
    expect(state.admit({ ...NOTHING, id: "3", limits, ts: 0, nowMs: 3, inputTokens: 200 }).kind).toBe("lease")
    expect(state.admit({ ...NOTHING, id: "4", limits, ts: 0, nowMs: 59_999 }).kind).toBe("refusal")
    expect(state.admit({ ...NOTHING, id: "5", limits, ts: 0, nowMs: 61_000 }).kind).toBe("lease")
  })

  test("what an estimate missed counts from the moment when it is known", () => {
    const state = new MemoryState()
    const limits = compiled([CALLERS[0]!], [{ tpm: 1000 }])
    const lease = state.admit({ ...NOTHING, id: "1", limits, ts: 0, nowMs: 0, inputTokens: 100 })
    if (lease.kind !== "lease") throw new Error("refused")
    state.settle(lease, { requests: 1, tokens: 1500, nanoUsd: 0 }, 90_000)
    expect(state.admit({ ...NOTHING, id: "2", limits, ts: 0, nowMs: 90_001, inputTokens: 1 }).kind).toBe("refusal")
  })
})

describe("token buckets", () => {
  const bucket = (kind: CheckKind, limit: number, perSecond: number): CompiledLimits => ({
    ...compiled([CALLERS[0]!], [{}]),
    checks: [{ kind, subject: 0, limit, perSecond, softLimit: Infinity }],
    shapes: true,
  })

  test("a burst, then the rate, and the wait is exact", () => {
    const state = new MemoryState()
    const limits = bucket("request_start", 2, 4)
    const ask = (nowMs: number) => state.admit({ ...NOTHING, id: String(nowMs), limits, ts: 0, nowMs })
    expect([ask(0).kind, ask(0).kind]).toEqual(["lease", "lease"])
    expect(ask(0)).toMatchObject({ kind: "refusal", retryAfterMs: 250 })
    expect([ask(249).kind, ask(250).kind, ask(251).kind]).toEqual(["refusal", "lease", "refusal"])
  })

  test("a call above the burst passes when the bucket is full, and leaves a debt", () => {
    const state = new MemoryState()
    const limits = bucket("input_tokens", 100, 10)
    const ask = (nowMs: number, inputTokens: number) =>
      state.admit({ ...NOTHING, id: String(nowMs), limits, ts: 0, nowMs, inputTokens })
    expect(ask(0, 500).kind).toBe("lease")
    expect(ask(0, 1)).toMatchObject({ kind: "refusal", retryAfterMs: 40_100 })
    expect(ask(40_100, 1).kind).toBe("lease")
  })

  test("a call whose debt would last longer than an hour never passes, and takes nothing", () => {
    const state = new MemoryState()
    const limits = bucket("output_reservation_tokens", 100, 10)
    const ask = (outputTokens: number) =>
      state.admit({ ...NOTHING, id: "1", limits, ts: 0, nowMs: 0, outputTokens, leastOutputTokens: outputTokens })
    for (const tokens of [36_101, 9e15]) expect(ask(tokens)).toMatchObject({ kind: "refusal", retryAfterMs: null })
    expect(ask(36_100).kind).toBe("lease")
    expect(ask(1)).toMatchObject({ kind: "refusal", retryAfterMs: 3_600_100 })
  })
})

const NOTHING = {
  inputTokens: 0,
  outputTokens: 0,
  leastOutputTokens: 0,
  inputNanoUsd: 0,
  outputNanoUsdPerMillion: 0,
} as const

test("a budget for ever is read anew, whatever was counted before it came back", () => {
  const state = new MemoryState()
  const subject = CALLERS[0]!
  const used = (tokens: number) => ({ requests: 1, tokens, nanoUsd: 0 })
  const totals = (lifetimeTokens: number, isWholeLifetime: boolean) => [
    {
      key: subject.key,
      ts: 0,
      day: used(1),
      month: used(1),
      beside: [],
      lifetimeTokens,
      isWholeLifetime,
      lastMinute: [],
    },
  ]
  state.restore(totals(3000, true), 0)
  // limits went, and came back without one for ever
  state.restore(totals(10, false), 0)
  expect(state.knows(subject.key, true)).toBe(false)
  state.restore(totals(8000, true), 0)
  const [view] = state.view(compiled([subject], [{ lifetime_tokens: 10_000 }]), 0, 0)
  expect(view?.used).toBe(8000)
})

test("a subject that used nothing is known, and counts from nothing once it is used", () => {
  const state = new MemoryState()
  const nothing = { requests: 0, tokens: 0, nanoUsd: 0 }
  const subject = CALLERS[0]!
  const idle = (isWholeLifetime: boolean) => ({
    key: subject.key,
    ts: 0,
    day: nothing,
    month: nothing,
    beside: [],
    lifetimeTokens: 0,
    isWholeLifetime,
    lastMinute: [],
  })
  const limits = compiled([subject], [{ lifetime_tokens: 100, day_requests: 5 }])
  const used = () => state.view(limits, 0, 0).map((view) => view.used)
  expect(state.knows(subject.key, false)).toBe(false)
  state.withhold([subject.key], 0)
  state.restore([idle(false)], 0)
  expect([state.knows(subject.key, false), state.knows(subject.key, true)]).toEqual([true, false])
  state.restore([idle(true)], 0)
  expect(state.knows(subject.key, true)).toBe(true)
  expect(used()).toEqual([0, 0])
  state.book(limits, 0, { requests: 1, tokens: 7, nanoUsd: 0 }, 0)
  expect(state.knows(subject.key, true)).toBe(true)
  expect(used()).toEqual([1, 7])
  state.restore([idle(true)], 0)
  expect(used()).toEqual([0, 0])
})
