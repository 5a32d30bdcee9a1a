/** Stored content, opened. */
import type { CaptureKey } from "../config/compile/capture-rule.ts"
import type { ContentRow, ContentStore } from "../ledger/content.ts"
import { KeyUnusable, opened } from "./data-keys.ts"
import type { DataKey } from "./rows.ts"
import { purposeOf, SealBroken, unsealed } from "./seal.ts"

export interface OpenedPart {
  readonly part: string
  readonly form: ContentRow["form"]
  readonly content: string
  readonly original_bytes: number
  readonly kept_bytes: number
  readonly truncated: boolean
  readonly redactions: number
  readonly left_out: number
}

/** Why stored content cannot be read. */
export class ContentUnreadable extends Error {
  readonly reason: "key-missing" | "key-wrong" | "damaged" | "incomplete"
  readonly part: string

  constructor(reason: ContentUnreadable["reason"], part: string, message: string) {
    super(message)
    this.reason = reason
    this.part = part
  }
}

const ORDER = ["headers", "request", "answer"]

/** @throws ContentUnreadable: no part is shown where one is not as it was stored */
export async function openedParts(
  rows: readonly ContentRow[],
  keys: readonly CaptureKey[],
  store: Pick<ContentStore, "dataKey">,
): Promise<readonly OpenedPart[]> {
  const known = new Map<string, DataKey>()
  const parts: OpenedPart[] = []
  for (const [part, own] of Map.groupBy(rows, (row) => row.part))
    parts.push(await openedPart(part, own, keys, store, known))
  const placeOf = ({ part }: OpenedPart): number => (ORDER.includes(part) ? ORDER.indexOf(part) : ORDER.length)
  return parts.toSorted((one, other) => placeOf(one) - placeOf(other))
}

async function openedPart(
  part: string,
  rows: readonly ContentRow[],
  keys: readonly CaptureKey[],
  store: Pick<ContentStore, "dataKey">,
  known: Map<string, DataKey>,
): Promise<OpenedPart> {
  const [first] = rows
  if (first === undefined || rows.some(({ piece }, index) => piece !== index) || rows.length !== first.pieces)
    throw new ContentUnreadable("incomplete", part, `Pieces of the part ${part} are missing.`)
  const pieces: Uint8Array[] = []
  for (const row of rows) {
    const key = await keyOf(row, keys, store, known)
    try {
      pieces.push(unsealed(row.sealed, key.bytes, purposeOf(row)))
    } catch (cause) {
      if (!(cause instanceof SealBroken)) throw cause
      throw new ContentUnreadable("damaged", part, `The part ${part} was changed, or belongs to another call.`)
    }
  }
  const packed = Buffer.concat(pieces)
  const plain = first.coding === "zstd" ? await Bun.zstdDecompress(packed) : packed
  return {
    part,
    form: first.form,
    content: Buffer.from(plain).toString(),
    original_bytes: first.original_bytes,
    kept_bytes: first.kept_bytes,
    truncated: first.truncated === 1,
    redactions: first.redactions,
    left_out: first.left_out,
  }
}

async function keyOf(
  { part, day, local_key_id: id }: ContentRow,
  keys: readonly CaptureKey[],
  store: Pick<ContentStore, "dataKey">,
  known: Map<string, DataKey>,
): Promise<DataKey> {
  const name = `${day} ${id}`
  const found = known.get(name)
  if (found !== undefined) return found
  const row = await store.dataKey(day, id)
  if (row === null) throw new ContentUnreadable("key-missing", part, `The data key of ${day} is gone.`)
  try {
    const key = opened(row, keys)
    known.set(name, key)
    return key
  } catch (error) {
    if (error instanceof KeyUnusable) throw new ContentUnreadable(error.reason, part, error.message)
    throw error
  }
}
