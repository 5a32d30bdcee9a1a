/** Small numbers, texts and ids as bytes, one after the other. */
import { keptText } from "./dimensions.ts"

const HEX_ID = "req_"
const ID_BYTES = 16
const ID_LENGTH = HEX_ID.length + 2 * ID_BYTES
/** What most request ids look like. */
export const BATCH_ID: RegExp = /^req_[0-9a-f]{32}$/
/** By character code: the value of a hex digit; 255: it is none. */
const DIGITS: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(code))
  return digit === -1 ? 255 : digit
})

export class ByteWriter {
  #bytes: Buffer = Buffer.allocUnsafe(8192)
  #at = 0

  clear(): void {
    this.#at = 0
  }

  /** Valid until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#at++] = value
  }

  /** A safe integer from 0 on, seven bits in a byte. */
  number(value: number): void {
    this.#reserve(8)
    const bytes = this.#bytes
    let at = this.#at
    let rest = value
    while (rest > 0x7fffffff) {
      bytes[at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      bytes[at++] = (rest & 127) | 128
      rest >>= 7
    }
    bytes[at++] = rest
    this.#at = at
  }

  /** One bit for each value: it is not 0. */
  bits(values: readonly number[], length: number): void {
    this.#reserve(length)
    for (let from = 0; from < 8 * length; from += 8) {
      let bits = 0
      for (let bit = 0; bit < 8; bit += 1) if ((values[from + bit] ?? 0) !== 0) bits |= 1 << bit
      this.#bytes[this.#at++] = bits
    }
  }

  text(value: string): void {
    this.#text(value, 0)
  }

  /** As `text`, but told from a byte 0. */
  markedText(value: string): void {
    this.#text(value, 1)
  }

  isHexId(id: string): boolean {
    if (id.length !== ID_LENGTH || !id.startsWith(HEX_ID)) return false
    for (let at = HEX_ID.length; at < ID_LENGTH; at += 1) if ((DIGITS[id.charCodeAt(at)] ?? 255) > 15) return false
    return true
  }

  /** Of an id that `isHexId`. */
  hexId(id: string): void {
    this.#reserve(ID_BYTES)
    for (let at = HEX_ID.length; at < ID_LENGTH; at += 2) {
      this.#bytes[this.#at++] = ((DIGITS[id.charCodeAt(at)] ?? 0) << 4) | (DIGITS[id.charCodeAt(at + 1)] ?? 0)
    }
  }

  /** Its length in bytes plus `mark`, and UTF-8. Most texts are short and of ASCII. */
  #text(value: string, mark: number): void {
    const { length } = value
    this.#reserve(length + 8)
    const start = this.#at
    if (length < 100) {
      const bytes = this.#bytes
      let at = start
      bytes[at++] = length + mark
      let index = 0
      for (; index < length; index += 1) {
        const code = value.charCodeAt(index)
        if (code === 0 || code > 127) break
        bytes[at++] = code
      }
      if (index === length) {
        this.#at = at
        return
      }
    }
    const encoded = Buffer.from(keptText(value))
    this.number(encoded.length + mark)
    this.#reserve(encoded.length)
    this.#bytes.set(encoded, this.#at)
    this.#at += encoded.length
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(2 * (this.#at + length))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}

/** Reads what a `ByteWriter` wrote. @throws Error behind the end */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  byte(): number {
    const value = this.#bytes[this.#at++]
    if (value === undefined) throw new Error("a batch of the cube ends too early")
    return value
  }

  number(): number {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = this.byte()
      value += (byte & 127) * factor
      if (byte < 128) return value
      factor *= 128
    }
  }

  bits(length: number): Uint8Array {
    return this.#take(length)
  }

  text(): string {
    return this.#take(this.number()).toString("utf8")
  }

  /** Null: a byte 0 stands in its place. */
  markedText(): string | null {
    const length = this.number()
    return length === 0 ? null : this.#take(length - 1).toString("utf8")
  }

  hexId(): string {
    return HEX_ID + this.#take(ID_BYTES).toString("hex")
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new Error("a batch of the cube ends too early")
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}
