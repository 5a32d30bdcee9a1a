import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { ShapingRule } from "../config/snapshot.ts"
import { claim, Scope, type Demand } from "./shaping.ts"
import { TokenBucket } from "./token-bucket.ts"

const NOTHING = { starts: null, input: null, total: null, rateLimitBackoff: null, quotaBackoff: null }
const SMALL: Demand = { inputTokens: 10, outputTokens: 5 }

function scope(kind: ShapingRule["kind"], rule: Partial<ShapingRule>): Scope {
  return new Scope("a", { ...NOTHING, kind, ...rule }, 0)
}

describe("one bucket", () => {
  test("holds its burst and refills at its rate", () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, 0)
    for (let taken = 0; taken < 3; taken++) {
      expect(bucket.waitMs(1, 0)).toBe(0)
      bucket.take(1)
    }
    expect(bucket.waitMs(1, 0)).toBeCloseTo(100)
    expect(bucket.waitMs(1, 40)).toBeCloseTo(60)
    expect(bucket.waitMs(1, 100)).toBe(0)
    expect(bucket.waitMs(3, 100)).toBeCloseTo(200)
  })

  test("a call that is larger than the bucket takes all that it holds, and no more", () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 10 }, 0)
    expect(bucket.waitMs(25, 0)).toBe(0)
    bucket.take(1e12)
    expect(bucket.waitMs(1, 0)).toBeCloseTo(100)
    expect(bucket.waitMs(25, 400)).toBeCloseTo(600)
  })

  test("a clock that stands still or steps back gives nothing", () => {
    const bucket = new TokenBucket({ perSecond: 1000, burst: 1 }, 100)
    bucket.take(1)
    expect(bucket.waitMs(1, 50)).toBeCloseTo(1)
  })
})

describe("a part of a bucket", () => {
  test("is a bucket with that part of rate and burst; a larger part brings nothing along", () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 8 }, 0)
    bucket.allot(0.25, 0)
    expect(bucket.waitMs(2, 0)).toBe(0)
    bucket.take(2)
    expect(bucket.waitMs(1, 0)).toBeCloseTo(400)
    bucket.allot(1, 400)
    expect(bucket.waitMs(1, 400)).toBe(0)
    bucket.take(1)
    expect(bucket.waitMs(8, 400)).toBeCloseTo(800)
  })

  test("smaller than a call lets it pass when it is full, and takes all of it", () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 1 }, 0)
    bucket.allot(0.25, 0)
    let started = 0
    for (let now = 0; now <= 400_000; now += 100)
      if (bucket.waitMs(1, now) === 0) {
        bucket.take(1)
        started += 1
      }
    // a quarter of one per second, and the first at once
    expect(started).toBe(101)
  })

  test("of nothing lets nothing pass, and has an end to its wait", () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 1 }, 0)
    bucket.allot(0, 0)
    expect(bucket.waitMs(0, 0)).toBe(1000)
    expect(bucket.waitMs(1, 1e9)).toBe(1000)
  })
})

describe("cumulative scopes", () => {
  test("all must admit; the longest wait is told", () => {
    const provider = scope("provider", { starts: { perSecond: 1, burst: 2 } })
    const model = scope("provider_model", { input: { perSecond: 10, burst: 10 } })
    const scopes = [provider, model]
    expect(claim(scopes, SMALL, 0)).toBeNull()
    expect(claim(scopes, SMALL, 0)).toMatchObject({ bucket: "input_tokens", scope: { kind: "provider_model" } })
    expect(claim([provider], SMALL, 0)).toBeNull()
    expect(claim(scopes, SMALL, 0)?.bucket).toBe("request_start")
  })

  test("a shared scope is charged by all who share it", () => {
    const provider = scope("provider", { total: { perSecond: 1, burst: 30 } })
    expect(claim([provider, scope("target", { starts: { perSecond: 1, burst: 9 } })], SMALL, 0)).toBeNull()
    expect(claim([provider, scope("target", { starts: { perSecond: 1, burst: 9 } })], SMALL, 0)).toBeNull()
    expect(claim([provider], SMALL, 0)?.bucket).toBe("total_reserved_tokens")
  })
})

const bucketRule = fc.record({ perSecond: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 20, max: 200 }) })
const arrival = fc.record({
  afterMs: fc.nat(3000),
  inputTokens: fc.nat(10),
  outputTokens: fc.nat(10),
  /** Which of two targets of one provider. */
  target: fc.nat(1),
})

test("over any span no scope admits more than its rate times the span and its burst", () => {
  fc.assert(
    fc.property(
      bucketRule,
      bucketRule,
      bucketRule,
      fc.array(arrival, { maxLength: 80 }),
      (shared, own, starts, calls) => {
        const provider = scope("provider", { total: shared, starts })
        const targets = [0, 1].map(() => scope("target", { input: own }))
        const admitted: { at: number; input: number; total: number; target: number }[] = []
        let now = 0
        for (const { afterMs, inputTokens, outputTokens, target } of calls) {
          now += afterMs
          if (claim([provider, targets[target]!], { inputTokens, outputTokens }, now) === null)
            admitted.push({ at: now, input: inputTokens, total: inputTokens + outputTokens, target })
        }
        const within = (amounts: readonly { at: number; amount: number }[], rule: typeof shared): void => {
          for (const [first, { at: from }] of amounts.entries()) {
            let sum = 0
            for (const { at, amount } of amounts.slice(first)) {
              sum += amount
              expect(sum).toBeLessThanOrEqual((rule.perSecond * (at - from)) / 1000 + rule.burst + 1e-3)
            }
          }
        }
        within(
          admitted.map(({ at, total }) => ({ at, amount: total })),
          shared,
        )
        within(
          admitted.map(({ at }) => ({ at, amount: 1 })),
          starts,
        )
        for (const which of [0, 1])
          within(
            admitted.filter(({ target }) => target === which).map(({ at, input }) => ({ at, amount: input })),
            own,
          )
      },
    ),
  )
})

test("a refusal takes nothing, whichever scope refuses", () => {
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 60 }), bucketRule, (calls, rule) => {
      const make = (): Scope => scope("provider", { starts: rule, input: rule, total: rule })
      const full = scope("target", { starts: { perSecond: 1e-9, burst: 1 } })
      claim([full], SMALL, 0)
      const tried = make()
      const spared = make()
      let now = 0
      for (const { afterMs, inputTokens, outputTokens, target } of calls) {
        now += afterMs
        const demand = { inputTokens, outputTokens }
        if (target === 1) expect(claim([tried, full], demand, now)).not.toBeNull()
        else expect(claim([tried], demand, now)?.waitMs ?? 0).toBeCloseTo(claim([spared], demand, now)?.waitMs ?? 0, 3)
      }
    }),
  )
})

test("who waits as long as told is admitted", () => {
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 60 }), bucketRule, (calls, rule) => {
      const shared = scope("provider", { starts: rule, input: rule, total: rule })
      let now = 0
      for (const demand of calls) {
        const throttle = claim([shared], demand, now)
        if (throttle === null) continue
        now += throttle.waitMs
        expect(claim([shared], demand, now)).toBeNull()
      }
    }),
  )
})
