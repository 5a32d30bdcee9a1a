/**
 * Sessions of administrators, whichever way they signed in. The browser holds a secret, the store its hash. What a session
 * may do is asked of the configuration at each request, so that whoever is taken out of it is out.
 */
import type { SessionRules } from "../../config/compile/admin-rules.ts"
import { RouterError } from "../../errors.ts"
import type { Clock } from "../../system/clock.ts"
import type { Random } from "../../system/random.ts"
import type { SessionStore } from "./store.ts"

/** The provider's claims about the person who signed in. */
export interface Identity {
  readonly subject: string
  /** Lower case, and verified by the provider; null: there is none. */
  readonly email: string | null
  readonly groups: readonly string[]
}

/** By password: the name of the user; through a provider: what it said. */
export type Signed =
  | { readonly source: "basic"; readonly username: string }
  | { readonly source: "oidc"; readonly identity: Identity }

export type Session = Signed & {
  /** Of what the sign-in rests on: the password's hash, or the provider and the client. */
  readonly print: string
  /** Of the subject: all its sessions can be ended at once. */
  readonly owner: string
  /** Unix milliseconds. */
  readonly startedAt: number
  readonly seenAt: number
}

export interface SessionTools {
  readonly clock: Pick<Clock, "now">
  readonly random: Pick<Random, "hex">
  readonly store: SessionStore
}

/** A session that is in use is written anew this often at most. */
const SEEN_EVERY = 10

export class Sessions {
  readonly #tools: SessionTools

  constructor(tools: SessionTools) {
    this.#tools = tools
  }

  /** @returns the secret for the browser @throws RouterError `shared-state-unavailable` */
  async begin(signed: Signed, subject: string, print: string, rules: SessionRules): Promise<string> {
    const { clock, random, store } = this.#tools
    const secret = random.hex(32)
    const now = clock.now()
    const session: Session = { ...signed, print, owner: hashOf(subject), startedAt: now, seenAt: now }
    await reached(store.set(keyOf(secret), JSON.stringify(session), rules.idleMs))
    return secret
  }

  /** Null: there is none, or it has ended. @throws RouterError `shared-state-unavailable` */
  async find(secret: string, rules: SessionRules): Promise<Session | null> {
    if (!/^[0-9a-f]{64}$/.test(secret)) return null
    const { clock, store } = this.#tools
    const key = keyOf(secret)
    const text = await reached(store.get(key))
    if (text === null) return null
    const session = JSON.parse(text) as Session
    const now = clock.now()
    const endsAt = endOf(session, rules)
    const revokedAt = Number((await reached(store.get(revokedKey(session.owner)))) ?? Number.NaN)
    if (now >= endsAt || now < session.startedAt - CLOCKS_DIFFER_MS || session.startedAt <= revokedAt) {
      await reached(store.take(key))
      return null
    }
    if (now - session.seenAt < rules.idleMs / SEEN_EVERY) return session
    const seen = { ...session, seenAt: now }
    await reached(
      store.replace(key, JSON.stringify(seen), Math.min(rules.idleMs, session.startedAt + rules.ttlMs - now)),
    )
    return seen
  }

  async end(secret: string): Promise<void> {
    await reached(this.#tools.store.take(keyOf(secret)))
  }

  /** Ends all sessions of the subject that have begun until now. */
  async revoke(subject: string, { ttlMs }: SessionRules): Promise<void> {
    const { clock, store } = this.#tools
    await reached(store.set(revokedKey(hashOf(subject)), String(clock.now()), ttlMs))
  }

  /** What one browser may take back, once: sign-ins on their way, links. */
  async leave(kind: "flow" | "link", value: unknown, ttlMs: number): Promise<string> {
    const secret = this.#tools.random.hex(32)
    await reached(this.#tools.store.set(`${kind}:${hashOf(secret)}`, JSON.stringify(value), ttlMs))
    return secret
  }

  /** Null: it is not there any more. */
  async takeBack(kind: "flow" | "link", secret: string): Promise<unknown> {
    if (!/^[0-9a-f]{64}$/.test(secret)) return null
    const text = await reached(this.#tools.store.take(`${kind}:${hashOf(secret)}`))
    return text === null ? null : (JSON.parse(text) as unknown)
  }

  close(): void {
    this.#tools.store.close()
  }
}

/** Processes that share sessions have clocks of their own. */
const CLOCKS_DIFFER_MS = 60_000

/** When a session ends if nothing is asked until then; Unix milliseconds. */
export function endOf({ startedAt, seenAt }: Session, { ttlMs, idleMs }: SessionRules): number {
  return Math.min(startedAt + ttlMs, seenAt + idleMs)
}

export function hashOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex")
}

function keyOf(secret: string): string {
  return `session:${hashOf(secret)}`
}

function revokedKey(owner: string): string {
  return `revoked:${owner}`
}

async function reached<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer
  } catch (cause) {
    throw new RouterError("shared-state-unavailable", { message: "Sessions cannot be read at the moment.", cause })
  }
}
