/**
 * Text of a range of bytes, by the runtime's own slicing: a view of bytes that came from a socket costs several times
 * more than the text that is read through it.
 */
interface Slicing {
  readonly latin1Slice: (this: Uint8Array, start: number, end: number) => string
  readonly utf8Slice: (this: Uint8Array, start: number, end: number) => string
}

const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as Slicing

/** One character a byte. `end` must not lie behind the bytes. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end)
}

/** The text of valid UTF-8. `end` must not lie behind the bytes. */
export function utf8(bytes: Uint8Array, start: number, end: number): string {
  return utf8Slice.call(bytes, start, end)
}
