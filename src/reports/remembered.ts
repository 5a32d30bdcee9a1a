/**
 * What queries have added up of full segments, which never change: a page that is asked again adds up what is new alone.
 * Bounded in bytes; what was not asked for longest is forgotten first.
 */
import { SMALL } from "../ledger/cube/merge.ts"
import type { StoredSegment } from "../ledger/cube/store.ts"
import type { Answer, AnswerSums } from "./answer.ts"

interface Entry {
  /** Segments that were added up, by id: what else is known of each. */
  readonly segments: ReadonlyMap<number, string>
  readonly sums: AnswerSums
  readonly bytes: number
}

const MOST_BYTES = 12_000_000
const MOST_BYTES_OF_ONE = 3_000_000

/** Small segments are merged soon. */
export function isLasting({ level }: StoredSegment): boolean {
  return level > SMALL
}

export class Remembered {
  /** By question; the one that was asked last stands last. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  /** An answer begins with what is known of these segments. Returns the ids of those that it holds then. */
  begin(answer: Answer, segments: readonly StoredSegment[]): ReadonlySet<number> {
    const key = keyOf(answer, segments)
    const entry = this.#entries.get(key)
    if (entry === undefined) return new Set()
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const there = new Map(segments.map((segment) => [segment.id, factsOf(segment)]))
    for (const [id, facts] of entry.segments) if (there.get(id) !== facts) return new Set()
    answer.beginWith(entry.sums)
    return new Set(entry.segments.keys())
  }

  /** An answer has added up these segments, and nothing else. */
  keep(answer: Answer, segments: readonly StoredSegment[]): void {
    if (answer.isCrowded || segments.length === 0) return
    const key = keyOf(answer, segments)
    const before = this.#entries.get(key)
    if (before?.segments.size === segments.length && segments.every(({ id }) => before.segments.has(id))) return
    this.#forget(key)
    const sums = answer.sums()
    const bytes = 2 * key.length + 200 * segments.length + sums.groups.bytes + sums.accumulator.bytes
    if (bytes > MOST_BYTES_OF_ONE) return
    this.#entries.set(key, { segments: new Map(segments.map((one) => [one.id, factsOf(one)])), sums, bytes })
    this.#bytes += bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= MOST_BYTES) break
      this.#forget(oldest)
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0
    this.#entries.delete(key)
  }
}

/** The oldest segment, because ranges that begin elsewhere are other questions. */
function keyOf({ plan: { query, slots } }: Answer, segments: readonly StoredSegment[]): string {
  const { by, where, measures, histograms } = query
  const oldest = segments.at(-1)?.id ?? 0
  return JSON.stringify([by, where, measures, histograms, query.slot === undefined ? null : slots, oldest])
}

/** Another database at the same address has other segments under the same ids. */
function factsOf({ firstMs, lastMs, cells, mostNanoUsd, mostLatencyMs }: StoredSegment): string {
  return [firstMs, lastMs, cells, mostNanoUsd, mostLatencyMs].join(" ")
}
