/** Where a list goes on: opaque, signed, and good for the same question alone. */
import { timingSafeEqual } from "node:crypto"
import { invalid, type Texts } from "./parameter.ts"

/** The question that a cursor belongs to. */
export interface Bound {
  readonly path: string
  /** Everything that was asked, but for the cursor itself and the number of rows. */
  readonly texts: Texts
  /** The domain that the reader may see. */
  readonly domain: string
}

const NOT_BOUND = new Set(["cursor", "limit"])
const SIGNATURE_BYTES = 16

interface Content {
  readonly place: string
  /** Where the range ends, Unix milliseconds: later pages are of the same moment as the first. */
  readonly to: number
}

export class Cursors {
  readonly #key: string

  /** `key`: shared by all processes that serve the same reports. */
  constructor(key: string) {
    this.#key = key
  }

  write(content: Content, bound: Bound): string {
    const body = Buffer.from(JSON.stringify([content.place, content.to])).toString("base64url")
    return `${body}.${this.#sign(body, bound).toString("base64url")}`
  }

  /** @throws RouterError `invalid-report-filter` where it was changed, or comes from another question */
  read(cursor: string, bound: Bound): Content {
    const [body = "", signature = ""] = cursor.split(".")
    const given = Buffer.from(signature, "base64url")
    const right = this.#sign(body, bound)
    const isRight = cursor === `${body}.${signature}` && given.length === right.length && timingSafeEqual(given, right)
    if (!isRight)
      throw invalid(
        "cursor",
        "This cursor is not of this question: take `next_cursor` of the page before, with the same parameters.",
      )
    const [place, to] = JSON.parse(Buffer.from(body, "base64url").toString()) as [string, number]
    return { place, to }
  }

  #sign(body: string, { path, texts, domain }: Bound): Buffer {
    const asked = [...texts]
      .filter(([name]) => !NOT_BOUND.has(name))
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
    const hasher = new Bun.CryptoHasher("sha256", this.#key)
    return hasher
      .update(JSON.stringify([path, asked, domain, body]))
      .digest()
      .subarray(0, SIGNATURE_BYTES)
  }
}
