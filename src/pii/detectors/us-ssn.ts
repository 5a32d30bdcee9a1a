/** Social security numbers of the United States, in their usual groups; numbers that are never given out are none. */
import type { Span } from "../span.ts"
import { eachMatch, whole } from "./scan.ts"

const SSN = /(?<![\w-])(?!000|666|9)\d{3}([ -])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])/g

export function findSsns(text: string): readonly Span[] {
  return eachMatch(text, SSN, whole)
}
