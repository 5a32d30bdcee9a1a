/** What PostgreSQL or the way to it said, without the address, the statement or its values. */
import type { DatabaseFailure } from "../failure.ts"
import { SchemaRefused } from "../migrations.ts"

export class PostgresFailure extends Error {
  readonly kind: DatabaseFailure
  /** Nobody answered, or the server is not ready: another try may find it well. Else the server has refused. */
  readonly isOutage: boolean

  constructor(message: string, kind: DatabaseFailure, isOutage: boolean) {
    super(message)
    this.name = "PostgresFailure"
    this.kind = kind
    this.isOutage = isOutage
  }
}

/** Anything that is none of the database's failures comes from the values themselves. */
export function failureOf(error: unknown): DatabaseFailure {
  return error instanceof PostgresFailure ? error.kind : "content"
}

/** Of an answer that never came. */
export function silence(what: string): PostgresFailure {
  return new PostgresFailure(`${what} took too long`, "slow", true)
}

const SQLSTATE = /^[0-9A-Z]{5}$/
const TIMEOUT = /timeout/
/** Said by the client library, without an address. */
const SPEAKABLE = /^(SASL|The server does not support|Connection terminated)/

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const KINDS: readonly (readonly [states: RegExp, kind: DatabaseFailure, isOutage: boolean])[] = [
  // serialization failure, deadlock, a lock that was not waited for
  [/^(40...|55P03)$/, "busy", false],
  // cancelled for its length
  [/^57014$/, "slow", true],
  // no disk, memory or connections, starting up
  [/^(53...|57P03)$/, "unavailable", true],
  // the connection is gone, or goes
  [/^(08...|57P0.)$/, "broken", true],
  // data, constraints, too large
  [/^(22|23|54)/, "content", false],
]

export function postgresFailure(error: unknown): PostgresFailure {
  if (error instanceof PostgresFailure) return error
  if (error instanceof SchemaRefused) return new PostgresFailure(error.message, "broken", false)
  const message = error instanceof Error ? error.message : ""
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  if (SQLSTATE.test(code) && error instanceof Error && "severity" in error) {
    const [, kind, isOutage] = KINDS.find(([states]) => states.test(code)) ?? [null, "broken" as const, false]
    return new PostgresFailure(`${message} (${code})`, kind, isOutage)
  }
  if (TIMEOUT.test(message)) return silence("an answer")
  if (code === "" && SPEAKABLE.test(message)) {
    return new PostgresFailure(message, "broken", message.startsWith("Connection terminated"))
  }
  const reason = code === "" ? "the connection failed" : `the connection failed (${code})`
  return new PostgresFailure(reason, isGone(code) ? "broken" : "unavailable", !isTls(code))
}

/** A connection that was there has ended: a new one may be had at once. */
function isGone(code: string): boolean {
  return code === "ECONNRESET" || code === "EPIPE" || isTls(code)
}

function isTls(code: string): boolean {
  return /CERT|TLS|SSL|SIGNATURE|HOSTNAME/.test(code)
}
