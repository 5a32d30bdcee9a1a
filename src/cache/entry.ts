/** An answer that is kept. */
import type { Loss } from "../canonical/loss.ts"
import type { AnswerFacts } from "../dialects/dialect.ts"

/** An entry as it was told to one body, for the next call with the same bytes. */
export interface Telling {
  readonly bytes: Uint8Array
  /** Where its ids stand: each gets new characters, the same where `ids` has the same number. */
  readonly ids: readonly (readonly [offset: number, length: number, number: number])[]
  readonly losses: readonly Loss[]
}

export interface Entry {
  /** The whole answer in the dialect of its target, as it came. */
  readonly bytes: Uint8Array
  /** Where its id stands between its quotes; null: it has none. */
  readonly id: { readonly start: number; readonly end: number } | null
  /** What its target reported. */
  readonly facts: AnswerFacts
  /** Unix milliseconds. */
  readonly storedAt: number
  /** By what it depends on beside the entry. */
  readonly tellings?: ReadonlyMap<string, Telling>
}

/** What a map and the objects of an entry take beside its bytes (`bench/cache.ts`). */
const OBJECT_BYTES = 1024

const ID_BYTES = 128

export function weightOfTelling(key: string, { bytes, ids, losses }: Telling): number {
  return OBJECT_BYTES + key.length + bytes.length + ID_BYTES * (ids.length + losses.length)
}

/** Bytes of memory that an entry takes, its key included, without what is remembered later. */
export function weightOf(key: string, { bytes, facts }: Entry): number {
  const parts = facts.usage?.parts ?? null
  const words = 2 * ((facts.stopReason?.length ?? 0) + (facts.serviceTier?.length ?? 0))
  return OBJECT_BYTES + key.length + bytes.length + words + (parts === null ? 0 : 2 * JSON.stringify(parts).length)
}
