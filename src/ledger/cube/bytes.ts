/** Small numbers, texts and ids as bytes, one after the other. */
import { keptText } from "./dimensions.ts"

const HEX_ID = "req_"
export const ID_BYTES = 16
const ID_LENGTH = HEX_ID.length + 2 * ID_BYTES
/** What most request ids look like. */
const BATCH_ID = /^req_[0-9a-f]{32}$/
/** Ids one after the other, 16 bytes each; zeros: none. */
export type HexIds = Uint8Array
/** By character code: the value of a hex digit; 255: it is none. */
const DIGITS: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(code))
  return digit === -1 ? 255 : digit
})

const NO_ID = "00".repeat(ID_BYTES)

/** `""`: there is none. */
export function hexIdAt(ids: HexIds, cell: number): string {
  const hex = Buffer.from(ids.buffer, ids.byteOffset + ID_BYTES * cell, ID_BYTES).toString("hex")
  return hex === NO_ID ? "" : HEX_ID + hex
}

/** False: the id is none of 16 bytes. */
export function hexIdInto(ids: HexIds, cell: number, id: string): boolean {
  const hex = id.slice(HEX_ID.length)
  if (!BATCH_ID.test(id) || hex === NO_ID) return false
  Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength).write(hex, ID_BYTES * cell, "hex")
  return true
}

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
  readonly bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  byte(): number {
    const value = this.bytes[this.#at++]
    if (value === undefined) throw new Error(EARLY)
    return value
  }

  number(): number {
    let byte = this.byte()
    if (byte < 128) return byte
    let value = byte & 127
    let factor = 128
    do {
      byte = this.byte()
      value += (byte & 127) * factor
      factor *= 128
    } while (byte > 127)
    return value
  }

  text(): string {
    const length = this.number()
    const from = this.skip(length)
    return this.bytes.toString("utf8", from, from + length)
  }

  /** Passes so many bytes over; returns where they began. */
  skip(length: number): number {
    const from = this.#at
    this.#at += length
    if (this.#at > this.bytes.length) throw new Error(EARLY)
    return from
  }

  hexIdAt(place: number): string {
    return HEX_ID + this.bytes.toString("hex", place, place + ID_BYTES)
  }
}

const EARLY = "a batch of the cube ends too early"
