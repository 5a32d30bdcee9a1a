/**
 * Kept answers that several processes share, in a Redis or Valkey. What stands there is believed only with the signature of this
 * installation over its name and itself: else whoever writes to the store could put words into a model's mouth.
 */
import { createHmac, timingSafeEqual } from "node:crypto"
import type { CacheRule } from "../config/compile/cache-rule.ts"
import type { AnswerFacts } from "../dialects/dialect.ts"
import { script, type Script } from "../governance/redis/scripts.ts"
import type { Entry } from "./entry.ts"
import keep from "./keep.lua" with { type: "text" }
import type { AnswerStore } from "./response-cache.ts"

/** The connection to the store. Rejects when the answer takes too long, and at once while the store is known to be away. */
export interface AnswerLink {
  readonly isUp: boolean
  ask(command: "GETRANGE", words: readonly string[]): Promise<unknown>
  run(script: Script, words: readonly string[]): Promise<unknown>
  close(): void
}

export const KEEP: Script = script(keep)

/** The store may be shared with limits, and be a cluster: all keys in one slot. */
const PREFIX = "{smart-router}:cache:"
const INDEX = "{smart-router}:cache-index"
const BYTES = "{smart-router}:cache-bytes"
const VERSION = 1
/** Larger ones stay in the process that got them: the store has other work. */
const LARGEST_BYTES = 1 << 20
/** No value that was written here is longer. */
const LONGEST_TEXT = 2 * LARGEST_BYTES
const MAC_CHARS = 43

export class SharedAnswers implements AnswerStore {
  /** Values that bore no signature of this installation, or none for their name. */
  refused = 0
  /** Questions and answers that the store did not take. */
  failed = 0
  readonly #link: AnswerLink
  readonly #keyOf: () => string

  /** `keyOf`: the key of the signatures. */
  constructor(link: AnswerLink, keyOf: () => string) {
    this.#link = link
    this.#keyOf = keyOf
  }

  async get(name: string): Promise<Entry | null> {
    if (!this.#link.isUp) return null
    try {
      const text = await this.#link.ask("GETRANGE", [PREFIX + name, "0", String(LONGEST_TEXT)])
      if (typeof text !== "string" || text === "") return null
      const entry = this.#read(name, text)
      if (entry === null) this.refused++
      return entry
    } catch {
      this.failed++
      return null
    }
  }

  put(name: string, entry: Entry, { ttlMs, maxBytes }: CacheRule): void {
    if (!this.#link.isUp || entry.bytes.length > LARGEST_BYTES) return
    const { storedAt, facts, id, bytes } = entry
    const payload = JSON.stringify([VERSION, storedAt, facts, id, Buffer.from(bytes).toString("base64")])
    if (payload.length > LONGEST_TEXT - MAC_CHARS) return
    const value = this.#sign(name, payload) + payload
    this.#link
      .run(KEEP, ["3", INDEX, BYTES, PREFIX + name, value, name, String(ttlMs), String(maxBytes)])
      .catch(() => this.failed++)
  }

  close(): void {
    this.#link.close()
  }

  #sign(name: string, payload: string): string {
    return createHmac("sha256", this.#keyOf()).update(`${name}\n${payload}`).digest("base64url")
  }

  /** Null: it was not written by this installation, under this name. */
  #read(name: string, text: string): Entry | null {
    const payload = text.slice(MAC_CHARS)
    const said = Buffer.from(text.slice(0, MAC_CHARS))
    const own = Buffer.from(this.#sign(name, payload))
    if (said.length !== own.length || !timingSafeEqual(said, own)) return null
    const [version, storedAt, facts, id, bytes] = JSON.parse(payload) as readonly [
      number,
      number,
      AnswerFacts,
      Entry["id"],
      string,
    ]
    if (version !== VERSION) return null
    return { storedAt, facts, id, bytes: new Uint8Array(Buffer.from(bytes, "base64")) }
  }
}
