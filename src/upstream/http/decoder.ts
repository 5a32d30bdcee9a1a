/** Takes a response off the wire: head, then body without its transfer framing. Bytes in, views of the same bytes out; they are the decoder's from then on. */
import { ChunkedReader } from "../../http/chunked.ts"
import { HttpFault } from "../../http/fault.ts"
import { BARE_LINE_END } from "../../http/fields.ts"
import { latin1 } from "../../text.ts"
import { parseHead, type ResponseHead } from "./head.ts"

const LONGEST_HEAD_BYTES = 65_536
/** Content type and major version of a record. https://www.rfc-editor.org/rfc/rfc8446#section-5.1 */
const TLS_ALERT = "\x15\x03"

type State = "head" | "length" | "chunks" | "close" | "done"

export class ResponseDecoder {
  head: ResponseHead | null = null
  /** Pieces of the body, in order; whoever takes them empties the list. */
  body: Uint8Array[] = []
  /** Bytes that came after the end of the answer: a server that speaks out of turn. */
  surplus = false
  private state: State = "head"
  /** An incomplete head, and its last bytes. */
  private text = ""
  private seam = ""
  private left = 0
  private chunks: ChunkedReader | null = null

  get done(): boolean {
    return this.state === "done"
  }

  /** What came in place of a head is a record of TLS: an alert, as servers send it to those who do not speak it. */
  get looksLikeTls(): boolean {
    return this.head === null && this.text.startsWith(TLS_ALERT)
  }

  /** @throws HttpFault */
  push(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) {
      switch (this.state) {
        case "head":
          at = this.takeHead(bytes, at)
          break
        case "length":
          at = this.takeBody(bytes, at)
          break
        case "chunks":
          at = this.takeChunks(bytes, at)
          break
        case "close":
          this.body.push(bytes.subarray(at))
          return
        case "done":
          this.surplus = true
          return
      }
    }
  }

  /** The connection has ended. @throws HttpFault when the answer is not whole */
  finish(): void {
    if (this.state === "close") this.state = "done"
    else if (this.state !== "done") throw new HttpFault("The connection ended inside the answer.")
  }

  private takeHead(bytes: Uint8Array, from: number): number {
    const before = this.text.length
    const arrived = latin1(bytes, from, Math.min(bytes.length, from + LONGEST_HEAD_BYTES))
    // only what is new is searched: a head may come byte by byte
    const text = this.seam + arrived
    const found = text.indexOf("\r\n\r\n")
    this.text += arrived
    if (found < 0) {
      if (this.text.length >= LONGEST_HEAD_BYTES) throw new HttpFault("The header fields are too large.")
      if (BARE_LINE_END.test(text)) throw new HttpFault("The line ends are malformed.")
      this.seam = text.slice(-3)
      return bytes.length
    }
    const end = before - this.seam.length + found
    const head = parseHead(this.text.slice(0, end))
    this.text = ""
    this.seam = ""
    if (head.status >= 200) this.begin(head)
    // 100 Continue, 103 Early Hints: the answer is still to come
    else if (!head.keepAlive) throw new HttpFault("The connection ends before the answer.")
    return from + end + 4 - before
  }

  private begin(head: ResponseHead): void {
    this.head = head
    const { framing } = head
    if (framing.kind === "length") {
      this.left = framing.bytes
      this.state = framing.bytes === 0 ? "done" : "length"
    } else this.state = framing.kind === "chunked" ? "chunks" : framing.kind === "close" ? "close" : "done"
  }

  private takeBody(bytes: Uint8Array, from: number): number {
    const to = Math.min(bytes.length, from + this.left)
    this.body.push(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to))
    this.left -= to - from
    if (this.left === 0) this.state = "done"
    return to
  }

  private takeChunks(bytes: Uint8Array, from: number): number {
    const chunks = (this.chunks ??= new ChunkedReader())
    const at = chunks.push(bytes, from, (piece) => void this.body.push(piece))
    if (chunks.done) this.state = "done"
    return at
  }
}
