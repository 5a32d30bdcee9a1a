/** The primitives of protobuf: https://protobuf.dev/programming-guides/encoding/ */

const FIRST_BYTES = 8192
/** Of a field: its tag, and the longest length or number. */
const FIELD_BYTES = 16
const DEEPEST = 16
const HEX = new Uint8Array(128).fill(0)
for (let digit = 0; digit < 16; digit++) HEX[digit.toString(16).charCodeAt(0)] = digit

/** Grows as it is written. A message that is opened gets its length when it is closed. */
export class ByteWriter {
  #bytes: Buffer<ArrayBuffer> = Buffer.allocUnsafe(FIRST_BYTES)
  #view: DataView = viewOf(this.#bytes)
  #at = 0
  readonly #starts = new Int32Array(DEEPEST)
  readonly #widths = new Int32Array(DEEPEST)
  #depth = 0

  /** Room for so many more bytes. */
  reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(2 * (this.#at + more))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
    this.#view = viewOf(larger)
  }

  /** `width`: bytes that its length most likely takes. */
  open(tag: number, width: number): void {
    this.reserve(FIELD_BYTES)
    this.#varint(tag)
    this.#starts[this.#depth] = this.#at
    this.#widths[this.#depth] = width
    this.#depth++
    this.#at += width
  }

  close(): void {
    this.#depth--
    const start = this.#starts[this.#depth] ?? 0
    const width = this.#widths[this.#depth] ?? 0
    const length = this.#at - start - width
    const needed = widthOf(length)
    if (needed !== width) {
      this.reserve(FIELD_BYTES)
      this.#bytes.copyWithin(start + needed, start + width, this.#at)
    }
    this.#at = start
    this.#varint(length)
    this.#at = start + needed + length
  }

  take(): Uint8Array {
    const taken = Uint8Array.prototype.slice.call(this.#bytes, 0, this.#at)
    this.#at = 0
    return taken
  }

  raw(piece: Uint8Array): void {
    this.reserve(piece.length)
    this.#bytes.set(piece, this.#at)
    this.#at += piece.length
  }

  bytesField(tag: number, piece: Uint8Array): void {
    this.lengthField(tag, piece.length)
    this.raw(piece)
  }

  /** The bytes follow elsewhere. */
  lengthField(tag: number, length: number): void {
    this.reserve(FIELD_BYTES)
    this.#varint(tag)
    this.#varint(length)
  }

  varintField(tag: number, value: number): void {
    this.reserve(FIELD_BYTES)
    this.#varint(tag)
    if (value < 0) this.#negative(value)
    else this.#varint(value)
  }

  textField(tag: number, text: string): void {
    const most = 3 * text.length
    this.reserve(most + FIELD_BYTES)
    this.#varint(tag)
    const width = widthOf(text.length)
    const start = this.#at
    this.#at += width
    const length = this.#text(text)
    const needed = widthOf(length)
    if (needed !== width) this.#bytes.copyWithin(start + needed, start + width, this.#at)
    this.#at = start
    this.#varint(length)
    this.#at = start + needed + length
  }

  hexField(tag: number, digits: string): void {
    this.reserve(FIELD_BYTES + digits.length)
    this.#varint(tag)
    this.#varint(digits.length >> 1)
    for (let at = 0; at < digits.length; at += 2)
      this.#bytes[this.#at++] = ((HEX[digits.charCodeAt(at)] ?? 0) << 4) | (HEX[digits.charCodeAt(at + 1)] ?? 0)
  }

  /** Unix milliseconds with fractions, written as nanoseconds of whole microseconds. */
  timeField(tag: number, ms: number): void {
    this.reserve(FIELD_BYTES)
    this.#varint(tag)
    const micros = Math.round(ms * 1000)
    const high = Math.floor(micros / 2 ** 32)
    const low = (micros - high * 2 ** 32) * 1000
    const carry = Math.floor(low / 2 ** 32)
    this.#view.setUint32(this.#at, low - carry * 2 ** 32, true)
    this.#view.setUint32(this.#at + 4, high * 1000 + carry, true)
    this.#at += 8
  }

  fixed32Field(tag: number, value: number): void {
    this.reserve(FIELD_BYTES)
    this.#varint(tag)
    this.#view.setUint32(this.#at, value, true)
    this.#at += 4
  }

  /** A whole number from 0. */
  fixed64Field(tag: number, value: number): void {
    this.reserve(FIELD_BYTES)
    this.#varint(tag)
    this.fixed64(value)
  }

  fixed64(value: number): void {
    this.reserve(8)
    const high = Math.floor(value / 2 ** 32)
    this.#view.setUint32(this.#at, value - high * 2 ** 32, true)
    this.#view.setUint32(this.#at + 4, high, true)
    this.#at += 8
  }

  doubleField(tag: number, value: number): void {
    this.reserve(FIELD_BYTES)
    this.#varint(tag)
    this.double(value)
  }

  double(value: number): void {
    this.reserve(8)
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
  }

  /** The head of an attribute all of whose lengths take one byte; gives where its length stands. Room is reserved already. */
  shortAttribute(tag: number, key: Uint8Array): number {
    this.#bytes[this.#at] = tag
    const start = this.#at + 1
    this.#bytes.set(key, start + 1)
    this.#at = start + 1 + key.length
    return start
  }

  /** The rest of it: a value that is a text. */
  shortText(start: number, keyLength: number, text: string): void {
    const bytes = this.#bytes
    const at = this.#at
    this.#at = at + 4
    const length = this.#text(text)
    bytes[start] = keyLength + 4 + length
    bytes[at] = 0x12
    bytes[at + 1] = length + 2
    bytes[at + 2] = 0x0a
    bytes[at + 3] = length
  }

  /** Gives how many bytes it takes. Room is reserved already. */
  #text(text: string): number {
    const bytes = this.#bytes
    const start = this.#at
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code > 0x7f) {
        // half a surrogate pair becomes U+FFFD
        const length = bytes.write(text, start, "utf8")
        this.#at = start + length
        return length
      }
      bytes[start + index] = code
    }
    this.#at = start + text.length
    return text.length
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 0x7f_ff_ff_ff) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#at++] = rest
  }

  /** In two's complement of 64 bits: ten bytes. */
  #negative(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest > 0x7fn) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.#at++] = Number(rest)
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer<ArrayBuffer>): DataView {
  return new DataView(buffer, byteOffset, length)
}

function widthOf(length: number): number {
  let width = 1
  for (let rest = length; rest > 0x7f; rest = Math.floor(rest / 128)) width++
  return width
}
