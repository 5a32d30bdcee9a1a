/** `request` of provider, model and target, worked out for the calls of one target. */
import type { FieldPath } from "../../json/omit.ts"
import type { RequestEdits } from "../config.ts"

/** Fields that every body of a target gets, and that none keeps. */
export interface BodyEdits {
  /** JSON, by the name of the member. */
  readonly set: ReadonlyMap<string, Uint8Array>
  readonly drop: readonly FieldPath[]
}

/** From the widest to the nearest: a nearer block undoes what a wider one says of the same field. Null: nothing changes. */
export function bodyEdits(blocks: readonly (RequestEdits | undefined)[]): BodyEdits | null {
  const set = new Map<string, Uint8Array>()
  const drop = new Set<string>()
  for (const block of blocks) {
    for (const [name, value] of Object.entries(block?.set ?? {})) {
      set.set(name, Buffer.from(JSON.stringify(value)))
      for (const path of drop) if (path === name || path.startsWith(`${name}.`)) drop.delete(path)
    }
    for (const path of block?.drop ?? []) {
      drop.add(path)
      set.delete(path)
    }
  }
  if (set.size === 0 && drop.size === 0) return null
  return { set, drop: [...drop].map(pathOf) }
}

function pathOf(path: string): FieldPath {
  const [field = "", inner] = path.split(".")
  return inner === undefined ? [field] : [field, inner]
}
