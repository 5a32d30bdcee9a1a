/**
 * Content of a large body for a script. A script asks in the middle of its work, and the content is read in another thread: so the
 * first question ends the script's run, and the script is run again once the content is there.
 */
import type { LargeContent } from "../strategy.ts"

type Read = { readonly value: string | null } | { readonly error: unknown }

export class LargeReads {
  readonly #large: LargeContent
  readonly #read = new Map<keyof typeof QUESTIONS, Read>()
  /** By what was asked for: a run that comes again does not send it again. */
  readonly #fetched = new Map<string, Promise<string>>()
  #wanted: keyof typeof QUESTIONS | null = null

  constructor(large: LargeContent) {
    this.#large = large
  }

  /** Did the run ask for something that is not read? What it came to does not count. */
  get isLacking(): boolean {
    return this.#wanted !== null
  }

  /** Reads what the run asked for. Never rejects. */
  async read(): Promise<void> {
    const wanted = this.#wanted
    if (wanted === null) return
    const read: Read = await QUESTIONS[wanted](this.#large).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    this.#read.set(wanted, read)
    this.#wanted = null
  }

  /** Counts as JSON, or all text; null: it is too long for a script. @throws where it is not read yet, or cannot be read */
  of(what: keyof typeof QUESTIONS): string | null {
    const read = this.#read.get(what)
    if (read === undefined) {
      this.#wanted ??= what
      throw new Error("the content is not read yet")
    }
    if ("error" in read) throw read.error
    return read.value
  }

  fetched(url: string, init: string, fetch: (url: string, init: string) => Promise<string>): Promise<string> {
    const key = JSON.stringify([url, init])
    const known = this.#fetched.get(key)
    if (known !== undefined) return known
    const answer = fetch(url, init)
    this.#fetched.set(key, answer)
    return answer
  }
}

const QUESTIONS = {
  counts: async (large: LargeContent): Promise<string> => JSON.stringify(await large.counts()),
  text: (large: LargeContent): Promise<string | null> => large.text(),
}
