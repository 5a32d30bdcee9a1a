/** Replaces byte ranges without touching any other byte. */

export interface Edit {
  /** `start === end` inserts. */
  readonly start: number
  readonly end: number
  readonly bytes: Uint8Array
}

/** `edits` must be in ascending order and must not overlap. */
export function splice(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array<ArrayBuffer> {
  let length = bytes.length
  for (const edit of edits) length += edit.bytes.length - (edit.end - edit.start)
  const result = new Uint8Array(length)
  let from = 0
  let to = 0
  for (const edit of edits) {
    result.set(bytes.subarray(from, edit.start), to)
    to += edit.start - from
    result.set(edit.bytes, to)
    to += edit.bytes.length
    from = edit.end
  }
  result.set(bytes.subarray(from), to)
  return result
}
