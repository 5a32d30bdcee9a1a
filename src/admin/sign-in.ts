/**
 * Name and password of an administrator (RFC 7617). A password costs a fifth of a second of computing, and must tell nothing
 * by the time that it takes: unknown names are checked like known ones, one check runs at a time, few wait for it, and each
 * address may fail so often and no more. Those that have failed lately leave places to the others.
 */
import type { AdminRules, AdminUser, BasicRules } from "../config/compile/admin-rules.ts"
import { RouterError } from "../errors.ts"
import type { Incoming } from "../pipeline/message.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { Random } from "../system/random.ts"
import { addressOf } from "./door.ts"
import { FailedSignIns } from "./failed-sign-ins.ts"
import { RememberedPasswords } from "./remembered-passwords.ts"

export interface SignInTools {
  readonly clock: Pick<Clock, "monotonicMs">
  readonly random: Pick<Random, "hex">
  readonly log: Log
  /** Whether a bcrypt hash is that of the password; computed beside the event loop. */
  readonly verify: (password: string, hash: string) => Promise<boolean>
}

export interface PasswordRules extends Pick<AdminRules, "door" | "sessions"> {
  readonly basic: BasicRules
}

/** Sign-ins that wait for those before them. */
const MOST_WAITING = 16
/** Of these, those from addresses whose sign-ins failed lately: however many guess, an address that does not finds a place. */
const MOST_SUSPECT = 8
/** bcrypt reads no more. */
const MOST_PASSWORD_BYTES = 72
/** How long the part of a bcrypt hash is that says algorithm, cost and salt. */
const SETTINGS_LENGTH = 29

export class SignIn {
  readonly #tools: SignInTools
  readonly #failed = new FailedSignIns()
  readonly #secret: string
  readonly #remembered: RememberedPasswords
  #waiting = 0
  #suspect = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(tools: SignInTools) {
    this.#tools = tools
    this.#secret = tools.random.hex(32)
    this.#remembered = new RememberedPasswords(tools.random.hex(32))
  }

  /**
   * Who a request with name and password is from. A right password is not computed again for the time of a session.
   * @throws RouterError `unauthorized`, `sign-in-limited`
   */
  async user(request: Incoming, rules: PasswordRules, isAddressLogged: boolean): Promise<AdminUser> {
    const { basic } = rules
    const given = credentialsOf(request.headers.get("authorization"))
    if (given === null) throw notSignedIn(request, basic)
    const user = basic.users.get(given.name)
    const now = this.#tools.clock.monotonicMs()
    this.#expectPatience(addressOf(request, rules.door))
    if (user !== undefined && this.#remembered.knows(given, user, now)) return user
    const found = await this.#found(given, request, rules, isAddressLogged)
    if (found === null) throw notSignedIn(request, basic)
    this.#remembered.add(given, found, this.#tools.clock.monotonicMs(), rules.sessions.ttlMs)
    return found
  }

  /** The user of a name and a password that were typed into a form. @throws RouterError `unauthorized`, `sign-in-limited` */
  async typed(
    given: Credentials,
    request: Incoming,
    rules: PasswordRules,
    isAddressLogged: boolean,
  ): Promise<AdminUser> {
    const found = await this.#found(given, request, rules, isAddressLogged)
    if (found === null) throw new RouterError("unauthorized", { message: "Name or password is wrong." })
    return found
  }

  async #found(
    given: Credentials,
    request: Incoming,
    { door, basic }: PasswordRules,
    isAddressLogged: boolean,
  ): Promise<AdminUser | null> {
    const address = addressOf(request, door)
    this.#expectPatience(address)
    const isSuspect = this.#failed.hasFailed(address, this.#tools.clock.monotonicMs())
    if (this.#waiting >= MOST_WAITING || (isSuspect && this.#suspect >= MOST_SUSPECT)) throw limited(1)
    const user = basic.users.get(given.name)
    const isRight = await this.#inTurn(isSuspect, () => this.#isRight(given, user, basic, address))
    if (isRight && user !== undefined) return user
    // not the name: people type passwords there
    this.#tools.log.warn("an administrator could not sign in", isAddressLogged ? { address } : {})
    return null
  }

  /** Those before may have failed meanwhile: many at once are no way round the bound. */
  async #isRight(
    { name, password }: Credentials,
    user: AdminUser | undefined,
    basic: BasicRules,
    address: string,
  ): Promise<boolean> {
    this.#expectPatience(address)
    const isPossible = user !== undefined && password !== "" && Buffer.byteLength(password) <= MOST_PASSWORD_BYTES
    const hash = isPossible ? user.passwordHash : this.#decoy(name, basic)
    const isRight = (await this.#tools.verify(isPossible ? password : "-", hash)) && isPossible
    if (!isRight) this.#failed.add(address, this.#tools.clock.monotonicMs())
    return isRight
  }

  async #inTurn<Answer>(isSuspect: boolean, work: () => Promise<Answer>): Promise<Answer> {
    this.#waiting++
    if (isSuspect) this.#suspect++
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    try {
      return await turn
    } finally {
      this.#waiting--
      if (isSuspect) this.#suspect--
    }
  }

  #expectPatience(address: string): void {
    const waitMs = this.#failed.waitMs(address, this.#tools.clock.monotonicMs())
    if (waitMs > 0) throw limited(Math.min(60, Math.ceil(waitMs / 1000)))
  }

  /** A hash that no password has, as costly as that of one of the users: of the same one whenever the name is the same. */
  #decoy(name: string, basic: BasicRules): string {
    const users = [...basic.users.values()]
    const draw = new Bun.CryptoHasher("sha256", this.#secret).update(name).digest()
    const like = users[draw.readUInt32BE(0) % Math.max(1, users.length)]?.passwordHash ?? NOBODY
    return `${like.slice(0, SETTINGS_LENGTH)}${this.#tools.random.hex(15)}.`
  }
}

/** Costs as much as what the command makes. */
const NOBODY = `$2b$12$${".".repeat(22)}`

export interface Credentials {
  readonly name: string
  readonly password: string
}

const LONGEST_HEADER = 2048

/** Null: there are none, or they cannot be read. */
function credentialsOf(header: string | null): Credentials | null {
  if (header === null || header.length > LONGEST_HEADER) return null
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1]
  if (encoded === undefined) return null
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(encoded, "base64"))
  } catch {
    return null
  }
  const colon = text.indexOf(":")
  return colon < 1 ? null : { name: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** A page's own requests get no challenge: the browser would ask for a password in front of the page. */
function notSignedIn({ headers }: Incoming, { realm }: BasicRules): RouterError {
  const isOfPage = headers.get("sec-fetch-mode") !== null && headers.get("sec-fetch-mode") !== "navigate"
  return new RouterError("unauthorized", {
    message: "Sign in with the name and password of an administrator.",
    ...(isOfPage ? {} : { headers: { "www-authenticate": `Basic realm="${realm}", charset="UTF-8"` } }),
  })
}

function limited(seconds: number): RouterError {
  return new RouterError("sign-in-limited", { retryAfterS: seconds })
}
