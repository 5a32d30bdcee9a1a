/** What has arrived of requests that are not read yet: a head that is not complete, or requests that wait for their turn. */
import { latin1 } from "../../text.ts"
import { BARE_LINE_END } from "../../http/fields.ts"
import { BadRequest } from "./head.ts"

export const LARGEST_HEAD_BYTES = 65_536
const USUAL_HEAD_BYTES = 2048
const MOST_BLANK_BYTES = 64
const CR = 13
const LF = 10
const NOTHING = new Uint8Array(0)

export class Pending {
  private bytes: Uint8Array = NOTHING
  private used = 0
  /** Up to here stands no end of a head. */
  private searched = 0
  private blankBytes = 0

  get length(): number {
    return this.used
  }

  /** The bytes are kept, and not changed: their views may be in use. */
  add(bytes: Uint8Array): void {
    if (this.used === 0) {
      this.bytes = bytes
      this.used = bytes.length
      return
    }
    const needed = this.used + bytes.length
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(USUAL_HEAD_BYTES, 2 * needed))
      larger.set(this.bytes.subarray(0, this.used))
      this.bytes = larger
    }
    this.bytes.set(bytes, this.used)
    this.used = needed
  }

  /** The next head, without its final empty line; null while it is not complete. @throws BadRequest when it is too large */
  takeHead(): string | null {
    this.dropBlankLines()
    const { bytes, used, searched } = this
    // most heads are short, and searching text is faster than searching bytes
    const shown = latin1(bytes, searched, searched === 0 ? Math.min(used, USUAL_HEAD_BYTES) : used)
    const found = shown.indexOf("\r\n\r\n")
    if (found >= 0) {
      const end = searched + found
      const text = searched === 0 ? shown.slice(0, end) : latin1(bytes, 0, end)
      if (end <= LARGEST_HEAD_BYTES) {
        this.drop(end + 4)
        this.blankBytes = 0
        return text
      }
    } else if (searched === 0 && used > USUAL_HEAD_BYTES) {
      this.searched = USUAL_HEAD_BYTES - 3
      return this.takeHead()
    } else this.searched = Math.max(0, used - 3)
    if (BARE_LINE_END.test(shown)) throw new BadRequest("The line ends are malformed.")
    if (used > LARGEST_HEAD_BYTES) throw new BadRequest("The header fields are too large.", 431)
    return null
  }

  /** Everything that is left; null where nothing is. */
  takeRest(): Uint8Array | null {
    const rest = this.used === 0 ? null : this.bytes.subarray(0, this.used)
    this.drop(this.used)
    return rest
  }

  /** A client may send empty lines before a request (RFC 9112, 2.2): a few. */
  private dropBlankLines(): void {
    const { bytes, used } = this
    let at = 0
    while (at + 1 < used && bytes[at] === CR && bytes[at + 1] === LF) at += 2
    if (at === 0) return
    this.blankBytes += at
    if (this.blankBytes > MOST_BLANK_BYTES) throw new BadRequest("The request line is missing.")
    this.drop(at)
  }

  private drop(count: number): void {
    this.searched = 0
    this.used -= count
    this.bytes = this.used === 0 ? NOTHING : this.bytes.subarray(count, count + this.used)
  }
}
