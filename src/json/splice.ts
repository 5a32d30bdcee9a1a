/** Replaces byte ranges without touching any other byte, and without copying what stays. */

export interface Edit {
  /** `start === end` inserts. */
  readonly start: number
  readonly end: number
  readonly bytes: Uint8Array
}

/** The edited text in pieces. `edits` must be in ascending order and must not overlap. */
export function splice(bytes: Uint8Array, edits: readonly Edit[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = []
  let from = 0
  for (const edit of edits) {
    if (edit.start > from) pieces.push(bytes.subarray(from, edit.start))
    pieces.push(edit.bytes)
    from = edit.end
  }
  if (from < bytes.length) pieces.push(bytes.subarray(from))
  return pieces
}
