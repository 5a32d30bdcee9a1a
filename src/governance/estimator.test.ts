import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { Estimator } from "./estimator.ts"

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

describe("tokens per image", () => {
  const LEAST = 1600
  const learned = (...reports: readonly (readonly [images: number, tokens: number])[]): Estimator => {
    const estimator = new Estimator()
    for (const [images, tokens] of reports) estimator.learnImages("m", images, 0, tokens, null)
    return estimator
  }

  test("an underestimate is believed at once, an overestimate slowly, and each model for itself", () => {
    const estimator = learned([2, 20_000])
    expect(estimator.imageTokens("m", LEAST)).toBe(10_000)
    expect(estimator.imageTokens("n", LEAST)).toBe(LEAST)
    estimator.learnImages("m", 1, 0, 100, null)
    expect(estimator.imageTokens("m", LEAST)).toBeGreaterThan(9900)
    for (let call = 0; call < 3000; call += 1) estimator.learnImages("m", 1, 0, 100, null)
    expect(estimator.imageTokens("m", LEAST)).toBe(LEAST)
  })

  test("whatever is reported, an image never counts less than the catalogue says, nor more than anything thinkable", () => {
    const report = fc.record({ images: fc.nat(20), bytes: fc.nat(100_000), tokens: fc.integer({ min: -5 }) })
    fc.assert(
      fc.property(fc.array(report), fc.integer({ min: 1, max: 50_000 }), (reports, least) => {
        const estimator = new Estimator()
        for (const { images, bytes, tokens } of reports) estimator.learnImages("m", images, bytes, tokens, null)
        expect(estimator.imageTokens("m", least)).toBeGreaterThanOrEqual(least)
        expect(estimator.imageTokens("m", least)).toBeLessThanOrEqual(100_000)
      }),
    )
  })

  test("text beside the images is taken off; beside much of it only a report of the images themselves teaches", () => {
    const estimator = new Estimator()
    estimator.learnImages("m", 1, 3000, 11_000, null)
    expect(estimator.imageTokens("m", LEAST)).toBe(10_000)
    estimator.learnImages("n", 1, 300_000, 120_000, null)
    expect(estimator.imageTokens("n", LEAST)).toBe(LEAST)
    estimator.learnImages("n", 1, 300_000, 120_000, 5000)
    expect(estimator.imageTokens("n", LEAST)).toBe(5000)
  })

  test("until a report comes, all calls but the first are taken to hold the largest images", () => {
    const estimator = new Estimator()
    expect(estimator.reservedImageTokens("m", LEAST)).toBe(LEAST)
    estimator.imagesAsked(["m"])
    expect(estimator.reservedImageTokens("m", LEAST)).toBeGreaterThan(25_000)
    expect(estimator.reservedImageTokens("m", 90_000)).toBe(90_000)
    expect(estimator.reservedImageTokens("n", LEAST)).toBe(LEAST)
    estimator.imagesEnded(["m"])
    expect(estimator.reservedImageTokens("m", LEAST)).toBe(LEAST)
    estimator.imagesAsked(["m"])
    estimator.learnImages("m", 1, 0, 3000, null)
    expect(estimator.reservedImageTokens("m", LEAST)).toBe(3000)
  })
})
