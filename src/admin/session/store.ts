/** Where sessions and sign-ins on their way are kept: by hashes of secrets that browsers hold, each until it ends. */
import type { Clock } from "../../system/clock.ts"

export interface SessionStore {
  /** Null: there is none any more. Rejects where the store cannot be reached. */
  get(key: string): Promise<string | null>
  set(key: string, text: string, ttlMs: number): Promise<void>
  /** Nothing where none stands any more: what was ended meanwhile does not come back. */
  replace(key: string, text: string, ttlMs: number): Promise<void>
  /** Whoever takes it is the only one. */
  take(key: string): Promise<string | null>
  close(): void
}

/** More would be an attack. The oldest go. */
const MOST = 20_000

/** Of this process alone. */
export class MemorySessionStore implements SessionStore {
  readonly #clock: Pick<Clock, "monotonicMs">
  readonly #kept = new Map<string, { readonly text: string; readonly until: number }>()

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock
  }

  get(key: string): Promise<string | null> {
    return Promise.resolve(this.#read(key))
  }

  set(key: string, text: string, ttlMs: number): Promise<void> {
    this.#kept.delete(key)
    this.#kept.set(key, { text, until: this.#clock.monotonicMs() + ttlMs })
    for (const [oldest] of this.#kept) {
      if (this.#kept.size <= MOST) break
      this.#kept.delete(oldest)
    }
    return Promise.resolve()
  }

  async replace(key: string, text: string, ttlMs: number): Promise<void> {
    if (this.#read(key) !== null) await this.set(key, text, ttlMs)
  }

  take(key: string): Promise<string | null> {
    const text = this.#read(key)
    this.#kept.delete(key)
    return Promise.resolve(text)
  }

  close(): void {
    this.#kept.clear()
  }

  #read(key: string): string | null {
    const kept = this.#kept.get(key)
    if (kept === undefined) return null
    if (this.#clock.monotonicMs() < kept.until) return kept.text
    this.#kept.delete(key)
    return null
  }
}

/** The connection to a Redis or Valkey. */
export interface SessionLink {
  ask(command: "GET" | "SET" | "GETDEL", words: readonly string[]): Promise<unknown>
  close(): void
}

const PREFIX = "{smart-router}:admin:"

/** Shared by processes whose state is. Nothing stands in for the store: while it is away there are no sessions. */
export class SharedSessionStore implements SessionStore {
  readonly #link: SessionLink

  constructor(link: SessionLink) {
    this.#link = link
  }

  async get(key: string): Promise<string | null> {
    return textOf(await this.#link.ask("GET", [PREFIX + key]))
  }

  async set(key: string, text: string, ttlMs: number): Promise<void> {
    await this.#link.ask("SET", [PREFIX + key, text, "PX", String(Math.ceil(ttlMs))])
  }

  async replace(key: string, text: string, ttlMs: number): Promise<void> {
    await this.#link.ask("SET", [PREFIX + key, text, "XX", "PX", String(Math.ceil(ttlMs))])
  }

  async take(key: string): Promise<string | null> {
    return textOf(await this.#link.ask("GETDEL", [PREFIX + key]))
  }

  close(): void {
    this.#link.close()
  }
}

function textOf(answer: unknown): string | null {
  return typeof answer === "string" ? answer : null
}
