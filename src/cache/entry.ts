/** An answer that is kept. */
import type { AnswerFacts } from "../dialects/dialect.ts"

export interface Entry {
  /** The whole answer in the dialect of its target, as it came. */
  readonly bytes: Uint8Array
  /** Where its id stands between its quotes; null: it has none. */
  readonly id: { readonly start: number; readonly end: number } | null
  /** What its target reported. */
  readonly facts: AnswerFacts
  /** Unix milliseconds. */
  readonly storedAt: number
}

/** What a map and the objects of an entry take beside its bytes (`bench/cache.ts`). */
const OBJECT_BYTES = 1024

/** Bytes of memory that an entry takes, its key included. */
export function weightOf(key: string, { bytes, facts }: Entry): number {
  const parts = facts.usage?.parts ?? null
  return OBJECT_BYTES + key.length + bytes.length + (parts === null ? 0 : 2 * JSON.stringify(parts).length)
}
