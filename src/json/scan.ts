/**
 * One strict pass over a JSON object's bytes: the whole grammar (RFC 8259) is checked, but only the
 * place of each top-level member is kept. No value is built, so a 160 KB body costs a fraction of a parse.
 */
/* oxlint-disable typescript/no-non-null-assertion -- the loops check their bounds; a default value would cost in the hottest loop of all */
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  ENDS_RUN,
  IS_ESCAPE,
  IS_HEX,
  IS_SPACE,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  textBetween,
} from "./bytes.ts"
import { JsonFault } from "./fault.ts"

/** Where a top-level member stands: `bytes.subarray(start, end)` is its value. */
export interface Member {
  readonly key: string
  /** First byte of the key's opening quote. */
  readonly keyStart: number
  readonly start: number
  readonly end: number
}

export interface ScannedObject {
  readonly bytes: Uint8Array
  readonly members: readonly Member[]
  /** Offset of the object's closing brace. */
  readonly close: number
}

const IN_ARRAY = 0
const IN_OBJECT = 1
/**
 * Scans `bytes`, which must hold exactly one JSON object and white space.
 * UTF-8 validity is not checked here (`isUtf8` does it natively).
 * @throws JsonFault
 */
export function scanObject(bytes: Uint8Array, maxDepth: number): ScannedObject {
  return new Scanner(bytes).object(maxDepth)
}

class Scanner {
  private readonly bytes: Uint8Array
  private readonly words: Int32Array | null
  private at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    const aligned = (bytes.byteOffset & 3) === 0
    this.words = aligned ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2) : null
  }

  object(maxDepth: number): ScannedObject {
    const { bytes } = this
    const members: Member[] = []
    this.space()
    if (bytes[this.at] !== OPEN_BRACE) this.notAnObject(maxDepth)
    this.at++
    this.space()
    if (bytes[this.at] === CLOSE_BRACE) return this.finish(members)
    for (;;) {
      const keyStart = this.at
      const key = this.key()
      const start = this.at
      this.value(maxDepth - 1)
      members.push({ key, keyStart, start, end: this.at })
      this.space()
      const byte = bytes[this.at]
      if (byte === CLOSE_BRACE) return this.finish(members)
      if (byte !== COMMA) this.unexpected()
      this.at++
      this.space()
    }
  }

  private finish(members: readonly Member[]): ScannedObject {
    const close = this.at++
    this.space()
    if (this.at < this.bytes.length) this.unexpected()
    return { bytes: this.bytes, members, close }
  }

  private notAnObject(maxDepth: number): never {
    this.value(maxDepth)
    this.space()
    if (this.at < this.bytes.length) this.unexpected()
    throw new JsonFault("not-an-object", 0, "expected a JSON object")
  }

  /** A top-level key, its colon and the space around it; returns the key with its escapes resolved. */
  private key(): string {
    const from = this.at
    if (this.bytes[from] !== QUOTE) this.unexpected()
    this.at++
    const escaped = this.string()
    const to = this.at
    this.colon()
    const text = textBetween(this.bytes, from, to)
    return escaped ? String(JSON.parse(text)) : text.slice(1, -1)
  }

  private colon(): void {
    this.space()
    if (this.bytes[this.at] !== COLON) this.unexpected()
    this.at++
    this.space()
  }

  /** One value of any kind, without recursion: nesting is bounded by `maxDepth`, not by the stack. */
  private value(maxDepth: number): void {
    const { bytes } = this
    const stack: number[] = []
    for (;;) {
      const byte = bytes[this.at]
      if (byte === QUOTE) {
        this.at++
        this.string()
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (stack.length >= maxDepth) throw new JsonFault("depth", this.at, "nested too deeply")
        if (this.open(byte, stack)) continue
      } else this.scalar(byte)
      if (this.afterValue(stack)) return
    }
  }

  /** Enters a container; true when a value must follow, false when the container was empty and is closed. */
  private open(byte: number, stack: number[]): boolean {
    this.at++
    this.space()
    if (byte === OPEN_BRACKET) {
      if (this.bytes[this.at] !== CLOSE_BRACKET) {
        stack.push(IN_ARRAY)
        return true
      }
    } else if (this.bytes[this.at] !== CLOSE_BRACE) {
      stack.push(IN_OBJECT)
      this.innerKey()
      return true
    }
    this.at++
    return false
  }

  private innerKey(): void {
    if (this.bytes[this.at] !== QUOTE) this.unexpected()
    this.at++
    this.string()
    this.colon()
  }

  /** Closes what ends here; true when the outermost value is complete, false when another value follows. */
  private afterValue(stack: number[]): boolean {
    const { bytes } = this
    while (stack.length > 0) {
      this.space()
      const byte = bytes[this.at]
      const container = stack[stack.length - 1]
      if (byte === COMMA) {
        this.at++
        this.space()
        if (container === IN_OBJECT) this.innerKey()
        return false
      }
      if (byte !== (container === IN_OBJECT ? CLOSE_BRACE : CLOSE_BRACKET)) this.unexpected()
      this.at++
      stack.pop()
    }
    return true
  }

  /** From behind the opening quote to behind the closing one; true when the string holds an escape. */
  private string(): boolean {
    const { bytes } = this
    let at = this.at
    let escaped = false
    for (;;) {
      at = this.plainRun(at)
      const byte = bytes[at]
      if (byte === QUOTE) {
        this.at = at + 1
        return escaped
      }
      this.at = at
      if (byte !== BACKSLASH) this.unexpected()
      escaped = true
      at = this.escape(at + 1)
    }
  }

  /** The next byte that is not plain text, four bytes a step where the run is long. */
  private plainRun(from: number): number {
    const { bytes, words } = this
    let at = from
    const near = at + 8
    while (at < near) {
      if (ENDS_RUN[bytes[at]!] !== 0) return at
      at++
    }
    if (words !== null) {
      while ((at & 3) !== 0) {
        if (ENDS_RUN[bytes[at]!] !== 0) return at
        at++
      }
      let word = at >> 2
      const last = words.length
      while (word < last) {
        const x = words[word]!
        const quote = x ^ 0x22222222
        const slash = x ^ 0x5c5c5c5c
        // the classic "has a byte less than" and "has a zero byte" tests, on four bytes at once
        if (
          (((((x - 0x20202020) | 0) & ~x) |
            (((quote - 0x01010101) | 0) & ~quote) |
            (((slash - 0x01010101) | 0) & ~slash)) &
            0x80808080) !==
          0
        )
          break
        word++
      }
      at = word << 2
    }
    const end = bytes.length
    while (at < end && ENDS_RUN[bytes[at]!] === 0) at++
    return at
  }

  /** `at` stands behind the backslash; returns the offset behind the escape. */
  private escape(at: number): number {
    const { bytes } = this
    const byte = bytes[at]
    if (byte !== undefined && IS_ESCAPE[byte] === 1) return at + 1
    if (byte !== 117) this.fail(at, "bad escape in a string")
    for (let digit = at + 1; digit < at + 5; digit++)
      if (digit >= bytes.length || IS_HEX[bytes[digit]!] !== 1) this.fail(digit, "bad \\u escape in a string")
    return at + 5
  }

  private scalar(byte: number | undefined): void {
    if (byte === 116) this.literal("true")
    else if (byte === 102) this.literal("false")
    else if (byte === 110) this.literal("null")
    else this.number()
  }

  private literal(word: string): void {
    for (let index = 0; index < word.length; index++)
      if (this.bytes[this.at + index] !== word.charCodeAt(index)) this.unexpected()
    this.at += word.length
  }

  private number(): void {
    const { bytes } = this
    if (bytes[this.at] === 45) this.at++
    if (bytes[this.at] === 48) this.at++
    else this.digits()
    if (bytes[this.at] === 46) {
      this.at++
      this.digits()
    }
    const exponent = bytes[this.at]
    if (exponent === 101 || exponent === 69) {
      this.at++
      const sign = bytes[this.at]
      if (sign === 43 || sign === 45) this.at++
      this.digits()
    }
  }

  private digits(): void {
    const { bytes } = this
    const from = this.at
    let byte = bytes[this.at]
    while (byte !== undefined && byte >= 48 && byte <= 57) byte = bytes[++this.at]
    if (this.at === from) this.unexpected()
  }

  private space(): void {
    const { bytes } = this
    let byte = bytes[this.at]
    while (byte !== undefined && IS_SPACE[byte] === 1) byte = bytes[++this.at]
  }

  private unexpected(): never {
    const byte = this.bytes[this.at]
    if (byte === undefined) this.fail(this.at, "unexpected end")
    this.fail(this.at, byte > 32 && byte < 127 ? `unexpected "${String.fromCharCode(byte)}"` : "unexpected character")
  }

  private fail(offset: number, message: string): never {
    throw new JsonFault("syntax", offset, message)
  }
}
