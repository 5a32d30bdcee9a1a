/** Money as whole nano-USD: counts times prices, each rounded once. Null: unknown. */
import { dividedRounded } from "./decimal.ts"
import type { Factor } from "./price-factor.ts"

export const MILLION = 1_000_000

/** Null when the count or the price is unknown, or the count is no count. */
export function costOf(
  count: number | null,
  price: number | null,
  factor: Factor,
  per: number = MILLION,
): number | null {
  if (count === null || price === null || !isCount(count)) return null
  const product = count * price
  if (factor === null && product <= Number.MAX_SAFE_INTEGER) {
    const rest = product % per
    return (product - rest) / per + (rest * 2 >= per ? 1 : 0)
  }
  const [times, over] = factor === null ? [1n, 1n] : [factor.times, factor.per]
  return dividedRounded(BigInt(count) * BigInt(price) * times, BigInt(per) * over)
}

/** A price with the factor in it. */
export function applyFactor(price: number | null, factor: Factor): number | null {
  return price === null || factor === null ? price : dividedRounded(BigInt(price) * factor.times, factor.per)
}

/** What counts nothing costs nothing, whatever its price. */
export function isKnown(count: number | null, cost: number | null, mustBeReported = false): boolean {
  return cost !== null || count === 0 || (count === null && !mustBeReported)
}

export function isCount(count: number): boolean {
  return Number.isSafeInteger(count) && count >= 0
}

/** What is unknown counts as nothing; null: no number can hold the sum. */
export function safeSum(...parts: readonly (number | null)[]): number | null {
  let sum = 0
  for (const part of parts) sum += part ?? 0
  return Number.isSafeInteger(sum) ? sum : null
}
