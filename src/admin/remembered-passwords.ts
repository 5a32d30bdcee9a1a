/** Passwords that were found right, so that a program that sends one with each request is not kept waiting. */
import type { AdminUser } from "../config/compile/admin-rules.ts"
import type { Credentials } from "./sign-in.ts"

const MOST = 1000

/** Neither names nor passwords are kept, but a keyed hash of both and of the user's own hash: a new password ends it. */
export class RememberedPasswords {
  readonly #key: string
  /** Until when, on the monotonic clock. */
  readonly #until = new Map<string, number>()

  constructor(key: string) {
    this.#key = key
  }

  knows(given: Credentials, user: AdminUser, now: number): boolean {
    const print = this.#printOf(given, user)
    const until = this.#until.get(print)
    if (until === undefined) return false
    if (now < until) return true
    this.#until.delete(print)
    return false
  }

  add(given: Credentials, user: AdminUser, now: number, ttlMs: number): void {
    const print = this.#printOf(given, user)
    this.#until.delete(print)
    this.#until.set(print, now + ttlMs)
    for (const [oldest] of this.#until) {
      if (this.#until.size <= MOST) break
      this.#until.delete(oldest)
    }
  }

  #printOf({ name, password }: Credentials, { passwordHash }: AdminUser): string {
    return new Bun.CryptoHasher("sha256", this.#key)
      .update(JSON.stringify([name, password, passwordHash]))
      .digest("hex")
  }
}
