/** What callers were tagged with, and when: so that the calls of the cube can be told apart by tags that it does not hold. */
import type { CubeConnection } from "../ledger/cube/connection.ts"
import type { NumberColumn, TextColumn } from "../ledger/cube/columns.ts"
import { numberAt } from "../ledger/cube/columns.ts"
import { isMissingTable } from "./problem.ts"
import { type Dimension, type Filter, isTag, type TagDimension } from "./query.ts"

interface Held {
  readonly since: number
  /** It does not hold any more; null: it still does. */
  readonly until: number | null
  readonly value: string
}

interface TagRow extends Held {
  readonly caller_id: string
}

const SQL = "SELECT caller_id, since, until, value FROM caller_tags WHERE name = ?1 ORDER BY caller_id, since"

/** Of the tags that questions name. */
export class TagBook {
  /** By dimension, then by caller, in the order of time. */
  readonly #tags: ReadonlyMap<string, ReadonlyMap<string, readonly Held[]>>

  constructor(tags: ReadonlyMap<string, ReadonlyMap<string, readonly Held[]>> = new Map()) {
    this.#tags = tags
  }

  /** Null: no question names a tag. */
  static async open(
    connection: Pick<CubeConnection, "query">,
    questions: readonly { readonly by?: readonly Dimension[]; readonly where: readonly Filter[] }[],
  ): Promise<TagBook | null> {
    const named = questions.flatMap(({ by = [], where }) => [
      ...by,
      ...where.flatMap((filter) => ("dimension" in filter ? [filter.dimension] : [])),
    ])
    const wanted = [...new Set(named.filter(isTag))]
    if (wanted.length === 0) return null
    const tags = new Map<string, ReadonlyMap<string, readonly Held[]>>()
    for (const tag of wanted) tags.set(tag, byCaller(await rowsOf(connection, tag)))
    return new TagBook(tags)
  }

  /** The tag's value for each cell, from the cells' callers; empty: the caller had none. */
  column(
    tag: TagDimension,
    callers: TextColumn,
    cells: {
      readonly firstMs: number
      readonly lastMs: number
      readonly count: number
      readonly ts: () => NumberColumn
    },
  ): TextColumn {
    const all = this.#tags.get(tag)
    const held = callers.texts.map((caller) => all?.get(caller) ?? [])
    const steady = held.map((spans) => steadyValue(spans, cells.firstMs, cells.lastMs))
    if (!steady.includes(null)) return { texts: steady.map((value) => value ?? ""), codes: callers.codes }
    const texts = steady.map((value) => value ?? "")
    const places = new Map<string, number>()
    const codes = new Int32Array(cells.count)
    const ts = cells.ts()
    for (let cell = 0; cell < cells.count; cell += 1) {
      const caller = callers.codes === null ? 0 : (callers.codes[cell] ?? 0)
      codes[cell] = caller
      if (steady[caller] !== null) continue
      const value = valueAt(held[caller] ?? [], numberAt(ts, cell))
      const place = places.get(value) ?? texts.push(value) - 1
      places.set(value, place)
      codes[cell] = place
    }
    return { texts, codes }
  }
}

async function rowsOf(connection: Pick<CubeConnection, "query">, tag: TagDimension): Promise<readonly TagRow[]> {
  try {
    return await connection.query<TagRow>(SQL, [tag.slice("tag.".length)])
  } catch (error) {
    // a ledger of an earlier version has no tags
    if (isMissingTable(error)) return []
    throw error
  }
}

function byCaller(rows: readonly TagRow[]): ReadonlyMap<string, readonly Held[]> {
  const callers = new Map<string, Held[]>()
  for (const { caller_id: caller, since, until, value } of rows) {
    const spans = callers.get(caller) ?? []
    spans.push({ since, until, value })
    callers.set(caller, spans)
  }
  return callers
}

function valueAt(spans: readonly Held[], ms: number): string {
  return spans.findLast(({ since, until }) => since <= ms && (until === null || until > ms))?.value ?? ""
}

/** Null: it changed meanwhile. */
function steadyValue(spans: readonly Held[], firstMs: number, lastMs: number): string | null {
  const changes = spans.some(
    ({ since, until }) =>
      (since > firstMs && since <= lastMs) || (until !== null && until > firstMs && until <= lastMs),
  )
  return changes ? null : valueAt(spans, firstMs)
}
