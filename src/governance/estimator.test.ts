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
  const of = (count: number, bytes = 0): { readonly count: number; readonly bytes: number } => ({ count, bytes })
  const learned = (...reports: readonly (readonly [images: number, tokens: number])[]): Estimator => {
    const estimator = new Estimator()
    for (const [images, tokens] of reports) estimator.learnImages("m", of(images), 0, tokens, null)
    return estimator
  }

  test("an underestimate is believed at once, an overestimate slowly, and each model for itself", () => {
    const estimator = learned([2, 20_000])
    expect(estimator.imageTokens("m", LEAST)).toBe(10_000)
    expect(estimator.imageTokens("n", LEAST)).toBe(LEAST)
    estimator.learnImages("m", of(1), 0, 100, null)
    expect(estimator.imageTokens("m", LEAST)).toBeGreaterThan(9900)
    for (let call = 0; call < 3000; call += 1) estimator.learnImages("m", of(1), 0, 100, null)
    expect(estimator.imageTokens("m", LEAST)).toBe(LEAST)
  })

  test("whatever is reported, an image never counts less than the catalogue says, nor more than anything thinkable", () => {
    const report = fc.record({ images: fc.nat(20), bytes: fc.nat(100_000), tokens: fc.integer({ min: -5 }) })
    fc.assert(
      fc.property(fc.array(report), fc.integer({ min: 1, max: 50_000 }), (reports, least) => {
        const estimator = new Estimator()
        for (const { images, bytes, tokens } of reports) estimator.learnImages("m", of(images), bytes, tokens, null)
        expect(estimator.imageTokens("m", least)).toBeGreaterThanOrEqual(least)
        expect(estimator.imageTokens("m", least)).toBeLessThanOrEqual(100_000)
      }),
    )
  })

  test("text beside the images is taken off; beside much of it only a report of the images themselves teaches", () => {
    const estimator = new Estimator()
    estimator.learnImages("m", of(1), 3000, 11_000, null)
    expect(estimator.imageTokens("m", LEAST)).toBe(10_000)
    estimator.learnImages("n", of(1), 300_000, 120_000, null)
    expect(estimator.imageTokens("n", LEAST)).toBe(25_600)
    estimator.learnImages("o", of(1), 300_000, 120_000, 5000)
    expect(estimator.imageTokens("o", LEAST)).toBe(5000)
  })

  test("until a report comes, images are taken to be the largest, and so are larger ones than those that were seen", () => {
    const estimator = new Estimator()
    expect(estimator.reservedImageTokens("m", LEAST, 0)).toBe(25_600)
    estimator.learnImages("m", of(2, 1000), 0, 6000, null)
    expect(estimator.reservedImageTokens("m", LEAST, 0)).toBe(3000)
    expect(estimator.reservedImageTokens("m", LEAST, 1000)).toBe(3000)
    expect(estimator.reservedImageTokens("m", LEAST, 1001)).toBe(25_600)
    expect(estimator.reservedImageTokens("n", LEAST, 0)).toBe(25_600)
    estimator.learnImages("m", of(1, 5000), 0, 30_000, null)
    expect(estimator.reservedImageTokens("m", LEAST, 1)).toBe(30_000)
    expect(estimator.reservedImageTokens("m", LEAST, 5001)).toBe(30_000)
  })

  test("beside much text the most is believed that the images can have taken, and later only of larger ones", () => {
    const estimator = new Estimator()
    estimator.learnImages("m", of(2, 1000), 300_000, 85_000, null)
    expect(estimator.reservedImageTokens("m", LEAST, 0)).toBe(5000)
    estimator.learnImages("m", of(1, 1000), 300_000, 95_000, null)
    expect(estimator.reservedImageTokens("m", LEAST, 0)).toBe(5000)
    estimator.learnImages("m", of(1, 2000), 300_000, 190_000, null)
    expect(estimator.reservedImageTokens("m", LEAST, 0)).toBe(25_600)
  })
})
