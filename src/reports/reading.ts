/** Reads the cube, a few segments at a time, so that no question takes much memory, and each can be given up between two. */
import { CellBuffer } from "../ledger/cube/cells.ts"
import type { CubeConnection } from "../ledger/cube/connection.ts"
import type { ColumnName } from "../ledger/cube/segment.ts"
import type { Gap } from "../ledger/cube/fill.ts"
import type { Missing } from "./query.ts"
import { readBatches, readColumns, segmentsIn, type StoredSegment } from "../ledger/cube/store.ts"
import type { Remembered } from "./remembered.ts"
import type { TagBook } from "./tag-book.ts"
import { bufferView, segmentView, type View } from "./view.ts"

/** While these are gone over, PostgreSQL sends as many again. */
const SEGMENTS_AT_ONCE = 2

export interface Reading {
  readonly connection: CubeConnection
  /** Throws where the question was given up, or has taken too long. Lets others have their turn. */
  readonly pause: () => Promise<void>
  /** What earlier queries of this database added up; absent: nothing is kept. */
  readonly remembered?: Remembered
  /** Of the tags that questions name; absent: they name none. */
  readonly tags?: TagBook
}

interface Wanted {
  /** Columns that decide whether the others are needed. */
  readonly first: (segment: StoredSegment) => readonly ColumnName[]
  readonly rest: readonly ColumnName[]
  /** Does a segment of which the first columns are there matter? Also asked of the batches. */
  readonly matters: (view: View) => boolean
}

/** What a moment of the cube holds in a range of time. */
export interface Moment {
  /** Of the batches that no segment holds yet; null: there are none. */
  readonly batches: View | null
  /** The newest first. */
  readonly segments: readonly StoredSegment[]
}

/** The part of a range of which the cube lacks calls, as a member of an answer. */
export function missingIn(gap: Gap | null, from: number, to: number): { readonly missing?: Missing } {
  if (gap === null || gap.from >= to || gap.to <= from) return {}
  return { missing: { from: Math.max(gap.from, from), to: Math.min(gap.to, to) } }
}

export async function momentOf({ connection, pause, tags }: Reading, from: number, to: number): Promise<Moment> {
  const cells = new CellBuffer(4096)
  await readBatches(connection, cells, Infinity, false)
  await pause()
  return { batches: bufferView(cells, tags), segments: await segmentsIn(connection, from, to) }
}

/** The batches and each segment that matters, one after the other. */
export async function* viewsOf(
  reading: Reading,
  { batches, segments }: Moment,
  wanted: Wanted,
): AsyncGenerator<View, void> {
  if (batches !== null && wanted.matters(batches)) yield batches
  const loaded = (at: number): Promise<Loaded> => {
    const some = loadedOf(reading, segments.slice(at, at + SEGMENTS_AT_ONCE), wanted)
    // may fail while those before are gone over
    some.catch(() => {})
    return some
  }
  let next = loaded(0)
  try {
    for (let at = 0; at < segments.length; at += SEGMENTS_AT_ONCE) {
      const some = await next
      next = loaded(at + SEGMENTS_AT_ONCE)
      yield* viewsOfSome(reading, some, wanted)
      await reading.pause()
    }
  } finally {
    // nobody needs it any more, but the connection is not free before
    await next.catch(() => {})
  }
}

interface Loaded {
  readonly names: ReadonlySet<ColumnName>
  readonly segments: readonly StoredSegment[]
  readonly columns: Map<number, Map<string, Uint8Array>>
}

async function loadedOf(
  { connection }: Reading,
  segments: readonly StoredSegment[],
  { first }: Wanted,
): Promise<Loaded> {
  const names = new Set(segments.flatMap(first))
  return { names, segments, columns: await readColumns(connection, idsOf(segments), [...names]) }
}

async function* viewsOfSome(
  { connection, tags }: Reading,
  { names, segments, columns }: Loaded,
  { rest, matters }: Wanted,
): AsyncGenerator<View, void> {
  const views = segments.map((segment) => ({
    segment,
    view: segmentView(segment, columns.get(segment.id) ?? new Map<string, Uint8Array>(), tags),
  }))
  const left = views.filter(({ view }) => matters(view))
  const missing = [...new Set(rest)].filter((name) => !names.has(name))
  const ids = idsOf(left.map(({ segment }) => segment))
  const others = missing.length === 0 ? null : await readColumns(connection, ids, missing)
  for (const { segment, view } of left) {
    for (const [name, data] of others?.get(segment.id) ?? []) columns.get(segment.id)?.set(name, data)
    yield view
  }
}

function idsOf(segments: readonly StoredSegment[]): number[] {
  return segments.map(({ id }) => id)
}
