/**
 * What looks like personal data in a text. A starting point, not a guarantee: extend it by what your texts hold.
 *
 * A regular expression that may begin anywhere is tried at each place of a text. So each kind is looked for only around a
 * sign that it cannot be without, and what has no such sign only in texts that hold a run of digits that is long enough.
 */

/** The first kind that is found; null: none. */
export function findPersonalData(text: string): string | null {
  if (holds(text, "@", 1, email)) return "email"
  const hasLongRun = LONG_RUN.test(text)
  if (hasLongRun && iban().test(text)) return "iban"
  if (holds(text, "+", 0, phone)) return "phone"
  if (holds(text, "-", 3, socialSecurity)) return "social-security"
  return hasLongRun && holdsCard(text) ? "card" : null
}

// made when they are needed, because the module is evaluated anew for each call; `y`: it begins where it is asked to
const email = () => /[\w.+-]@[\w-]+\.[\w-]/y
const phone = () => /\+\d{1,3}[ -]?\(?\d{2,5}\)?(?:[ -]?\d{2,5}){2,4}/y
const socialSecurity = () => /\b\d{3}-\d{2}-\d{4}\b/y
const iban = () => /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b/
const card = () => /\b\d(?:[ -]?\d){12,18}\b/g

/** An IBAN from its check digits on, or a card number: no shorter one has fewer signs. */
const LONG_RUN = /\d[\dA-Z -]{12}/

/** Is there a `pattern` that begins `before` places ahead of a `sign`? */
function holds(text: string, sign: string, before: number, pattern: () => RegExp): boolean {
  let at = text.indexOf(sign)
  if (at < 0) return false
  for (const asked = pattern(); at >= 0; at = text.indexOf(sign, at + 1)) {
    asked.lastIndex = at - before
    if (at >= before && asked.test(text)) return true
  }
  return false
}

function holdsCard(text: string): boolean {
  return [...text.matchAll(card())].some(([digits]) => isCardNumber(digits.replace(/\D/g, "")))
}

/** The check digit that every card number carries (ISO/IEC 7812). */
function isCardNumber(digits: string): boolean {
  const sum = [...digits].toReversed().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 === 1 ? 2 : 1)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return sum % 10 === 0
}
