/** What looks like personal data in a text. A starting point, not a guarantee: extend it by what your texts hold. */

const KINDS: readonly (readonly [string, RegExp])[] = [
  ["email", /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/],
  ["iban", /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b/],
  ["phone", /\+\d{1,3}[ -]?\(?\d{2,5}\)?(?:[ -]?\d{2,5}){2,4}/],
  ["social-security", /\b\d{3}-\d{2}-\d{4}\b/],
]

const CARD = /\b\d(?:[ -]?\d){12,18}\b/g

/** The first kind that is found; null: none. */
export function findPersonalData(text: string): string | null {
  const found = KINDS.find(([, pattern]) => pattern.test(text))
  if (found !== undefined) return found[0]
  return [...text.matchAll(CARD)].some(([digits]) => isCardNumber(digits.replace(/\D/g, ""))) ? "card" : null
}

/** The check digit that every card number carries (ISO/IEC 7812). */
function isCardNumber(digits: string): boolean {
  const sum = [...digits].toReversed().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 === 1 ? 2 : 1)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return sum % 10 === 0
}
