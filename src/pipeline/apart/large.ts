/** What is so large that work on it would hold the event loop. Figures: `bench/loop.ts`. */
import type { ScannedObject } from "../../json/scan.ts"

/** About 5 ms of decoding and writing where it is text. */
const LARGE_BODY_BYTES = 1 << 20
/** About 10 ms of translation. */
const MANY_VALUES = 16_384
/** Nobody has counted the values of an answer: so many bytes may hold as many. */
const LARGE_ANSWER_BYTES = 1 << 17

export function isLargeBody({ bytes, values }: ScannedObject): boolean {
  return bytes.length > LARGE_BODY_BYTES || values > MANY_VALUES
}

export function isLargeAnswer(bytes: number): boolean {
  return bytes > LARGE_ANSWER_BYTES
}
