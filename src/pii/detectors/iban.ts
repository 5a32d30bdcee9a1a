/** International bank account numbers (ISO 13616): a known country, its length, and a checksum that holds. */
import type { Span } from "../span.ts"
import { eachMatch, isWord } from "./scan.ts"

const HEAD = /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?=[ -]?[A-Z0-9]{3})/gi

/** Characters of the whole number, by country. */
const LENGTHS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    AD: 24,
    AE: 23,
    AL: 28,
    AT: 20,
    AZ: 28,
    BA: 20,
    BE: 16,
    BG: 22,
    BH: 22,
    BI: 27,
    BR: 29,
    BY: 28,
    CH: 21,
    CR: 22,
    CY: 28,
    CZ: 24,
    DE: 22,
    DJ: 27,
    DK: 18,
    DO: 28,
    EE: 20,
    EG: 29,
    ES: 24,
    FI: 18,
    FK: 18,
    FO: 18,
    FR: 27,
    GB: 22,
    GE: 22,
    GI: 23,
    GL: 18,
    GR: 27,
    GT: 28,
    HN: 28,
    HR: 21,
    HU: 28,
    IE: 22,
    IL: 23,
    IQ: 23,
    IS: 26,
    IT: 27,
    JO: 30,
    KW: 30,
    KZ: 20,
    LB: 28,
    LC: 32,
    LI: 21,
    LT: 20,
    LU: 20,
    LV: 21,
    LY: 25,
    MC: 27,
    MD: 24,
    ME: 22,
    MK: 19,
    MN: 20,
    MR: 27,
    MT: 31,
    MU: 30,
    NI: 28,
    NL: 18,
    NO: 15,
    OM: 23,
    PK: 24,
    PL: 28,
    PS: 29,
    PT: 25,
    QA: 29,
    RO: 24,
    RS: 22,
    RU: 33,
    SA: 24,
    SC: 31,
    SD: 18,
    SE: 24,
    SI: 19,
    SK: 24,
    SM: 27,
    SO: 23,
    ST: 25,
    SV: 28,
    TL: 23,
    TN: 24,
    TR: 26,
    UA: 29,
    VA: 22,
    VG: 24,
    XK: 20,
    YE: 30,
  }),
)

export function findIbans(text: string): readonly Span[] {
  return eachMatch(text, HEAD, (head, start) => {
    const length = LENGTHS.get(head.slice(0, 2).toUpperCase())
    const end = length === undefined ? -1 : endOf(text, start, length)
    if (end < 0) return -1
    return holdsChecksum(text.slice(start, end).replaceAll(/[ -]/g, "").toUpperCase()) ? end : -1
  })
}

/** Behind so many letters and digits, with at most one separator between two of them; -1: there are fewer, or more. */
function endOf(text: string, start: number, length: number): number {
  let count = 0
  let at = start
  for (; count < length; at++) {
    if (isLetterOrDigit(text.charCodeAt(at))) count++
    else if (!isSeparator(text[at]) || isSeparator(text[at - 1])) return -1
  }
  return isLetterOrDigit(text.charCodeAt(at)) ? -1 : at
}

function isLetterOrDigit(code: number): boolean {
  return isWord(code) && code !== UNDERSCORE
}

const UNDERSCORE = 95

function isSeparator(character: string | undefined): boolean {
  return character === " " || character === "-"
}

/** ISO 7064, mod 97-10: letters count as 10 to 35. */
function holdsChecksum(iban: string): boolean {
  let rest = 0
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest === 1
}
