import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { Estimator } from "./estimator.ts"
import { OutputMeter } from "./output-meter.ts"

describe("bytes per token", () => {
  test("nothing that is reported makes an estimate smaller than a quarter of the bytes, or larger than the bytes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ bytes: fc.nat(1_000_000), tokens: fc.integer({ min: -5, max: 2_000_000 }) })),
        fc.nat(1_000_000),
        (reports, bytes) => {
          const estimator = new Estimator()
          for (const { bytes: seen, tokens } of reports) estimator.learn("m", seen, tokens)
          expect(estimator.tokens("m", bytes)).toBeGreaterThanOrEqual(Math.ceil(bytes / 4))
          expect(estimator.tokens("m", bytes)).toBeLessThanOrEqual(bytes)
        },
      ),
    )
  })

  test("an underestimate is believed at once, an overestimate slowly, and each model for itself", () => {
    const estimator = new Estimator()
    expect(estimator.tokens("m", 3000)).toBe(1000)
    estimator.learn("m", 3000, 3000)
    expect(estimator.tokens("m", 3000)).toBe(1500)
    estimator.learn("m", 4000, 1000)
    expect(estimator.tokens("m", 3000)).toBeGreaterThan(1400)
    for (let call = 0; call < 300; call += 1) estimator.learn("m", 9000, 1000)
    expect(estimator.tokens("m", 4000)).toBeLessThan(1010)
    expect(estimator.tokens("other", 3000)).toBe(1000)
  })

  test("how far estimates were off is kept", () => {
    const estimator = new Estimator()
    estimator.compare(100, 150)
    estimator.compare(100, 20)
    expect(estimator.error).toEqual({ calls: 2, estimatedTokens: 200, reportedTokens: 170, missedTokens: 50 })
  })
})

describe("output by the sizes of frames", () => {
  test("small deltas are a token each, and long ones are more", () => {
    const meter = new OutputMeter()
    for (let frame = 0; frame < 100; frame += 1) meter.add(230 + (frame % 3))
    expect(meter.tokens).toBe(100)
    meter.add(230 + 4000)
    expect(meter.tokens).toBe(1101)
  })

  test("an answer in one frame is not taken for one token", () => {
    const meter = new OutputMeter()
    meter.add(8400)
    expect(meter.tokens).toBe(2001)
  })
})
