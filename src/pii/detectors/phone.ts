/**
 * Telephone numbers: in the international form (ITU-T E.164) with `+` or `00`, in the form of North America, and national ones
 * that begin with 0 and are written in groups. Numbers without any such sign are taken for other numbers.
 */
import type { Span } from "../span.ts"
import { eachMatch, whole } from "./scan.ts"

const INTERNATIONAL = /(?<![\w+])(?:\+|00(?=[1-9]\d{0,2}[ ./(-]))\(?[1-9](?:[ ./()-]{0,3}\d){6,14}(?!\w)/g
const AMERICAN =
  /(?<![\w+.-])(?:1[ .-])?(?:\([2-9]\d{2}\)[ ]?[2-9]\d{2}[ .-]|[2-9]\d{2}([.-])[2-9]\d{2}\1)\d{4}(?![\w-]|\.\d)/g
const NATIONAL = /(?<![\w+./:-]|\d[ ])\(?0[1-9]\d{0,4}\)?(?:[ /-]{1,3}\d{2,8}){1,5}(?![\w-]|[.:/ ]\d)/g
const DATE = /^\d{1,2}([/-])\d{1,2}\1\d{2,4}(?!\d)/
const LEAST_DIGITS = 9
const MOST_DIGITS = 12

export function findPhones(text: string): readonly Span[] {
  if (!/\d{2}/.test(text)) return NONE
  return [
    ...eachMatch(text, INTERNATIONAL, whole),
    ...eachMatch(text, AMERICAN, whole),
    ...eachMatch(text, NATIONAL, (match, start) => (isNational(match) ? start + match.length : -1)),
  ]
}

const NONE: readonly Span[] = []

function isNational(match: string): boolean {
  const digits = match.replaceAll(/\D/g, "").length
  return digits >= LEAST_DIGITS && digits <= MOST_DIGITS && !DATE.test(match)
}
