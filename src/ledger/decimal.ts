/** Exact fixed-point money: decimals of the configuration become whole billionths, without a float in between. */

const DECIMAL = /^([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,3}))?$/
const NANO_DIGITS = 9

/**
 * A decimal of zero or more, as a whole number of billionths: USD become nano-USD.
 * Throws RangeError for what is not such a decimal, has a tenth digit behind the point, or passes 2^53 billionths.
 */
export function billionths(decimal: number | string): number {
  const match = DECIMAL.exec(typeof decimal === "number" ? String(decimal) : decimal.trim())
  if (match === null) throw new RangeError("expected a decimal number of zero or more")
  const fraction = match[2] ?? ""
  const digits = `${match[1] ?? ""}${fraction}`.replace(/^0+(?=.)/, "")
  const scale = NANO_DIGITS - fraction.length + Number(match[3] ?? "0")
  return scale >= 0 ? enlarged(digits, scale) : reduced(digits, -scale)
}

function enlarged(digits: string, zeros: number): number {
  if (digits === "0") return 0
  return safe(digits.length + zeros > 16 ? Number.POSITIVE_INFINITY : Number(digits + "0".repeat(zeros)))
}

function reduced(digits: string, dropped: number): number {
  const kept = digits.slice(0, -dropped)
  if (!/^0*$/.test(digits.slice(-dropped))) throw new RangeError("expected at most nine digits behind the point")
  return safe(Number(kept === "" ? "0" : kept))
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError("expected a number below nine million")
  return value
}

/** `numerator / denominator`, rounded half away from zero; both zero or more. Null when the result is no safe integer. */
export function dividedRounded(numerator: bigint, denominator: bigint): number | null {
  const result = Number((numerator + denominator / 2n) / denominator)
  return Number.isSafeInteger(result) ? result : null
}
