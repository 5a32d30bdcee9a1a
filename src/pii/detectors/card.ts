/** Numbers of payment cards, alone or in groups: a known issuer, its number of digits, and a check digit that holds (ISO/IEC 7812-1). */
import type { Span } from "../span.ts"
import { eachMatch, isDigit, isWord } from "./scan.ts"

/** In groups of four, or of four, six and the rest. */
const CARD = /(?<![\w.+-])[2-6]\d{3}([ -]?)(?:\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{6}\1\d{4,5})(?!\d)/g

interface Issuer {
  readonly begins: RegExp
  /** Numbers of digits, the most usual first. */
  readonly lengths: readonly number[]
}

const ISSUERS: readonly Issuer[] = [
  // Visa
  { begins: /^4/, lengths: [16, 19, 13] },
  // Mastercard
  { begins: /^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] },
  // American Express
  { begins: /^3[47]/, lengths: [15] },
  // JCB
  { begins: /^35/, lengths: [16, 17, 18, 19] },
  // Diners Club
  { begins: /^3(?:0|[689])/, lengths: [14, 16, 19] },
  // Discover, UnionPay, Maestro
  { begins: /^6/, lengths: [16, 19, 18, 17] },
  { begins: /^5[06-8]/, lengths: [16, 19, 18, 17, 15, 14, 13] },
]

export function findCards(text: string): readonly Span[] {
  return eachMatch(text, CARD, (match, start) => {
    const digits = match.replaceAll(/\D/g, "")
    const lengths = ISSUERS.find(({ begins }) => begins.test(digits))?.lengths ?? []
    for (const length of lengths) {
      const end = endOf(match, length)
      if (end < 0 || isJoined(text, start + end)) continue
      const number = digits.slice(0, length)
      if (holdsLuhn(number) && !isSameDigit(number)) return start + end
    }
    return -1
  })
}

/** Behind so many digits; -1: there are fewer. */
function endOf(match: string, digits: number): number {
  let count = 0
  for (let at = 0; at < match.length; at++) {
    if (isDigit(match.charCodeAt(at))) count++
    if (count === digits) return at + 1
  }
  return -1
}

/** Does the number go on? */
function isJoined(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return isWord(code) || (text[at] === "." && isDigit(text.charCodeAt(at + 1)))
}

function holdsLuhn(digits: string): boolean {
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48
    const twice = digit * 2
    sum += index % 2 === 0 ? digit : twice > 9 ? twice - 9 : twice
  }
  return sum % 10 === 0
}

function isSameDigit(digits: string): boolean {
  return digits === digits.slice(0, 1).repeat(digits.length)
}
