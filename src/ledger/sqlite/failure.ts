import type { DatabaseFailure } from "../failure.ts"

const CONTENT_CODES = /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/

/** Thrown when a file of the database is not the one that is open. */
export class DatabaseMoved extends Error {
  constructor(what = "database file") {
    super(`the ${what} was moved or deleted`)
    this.name = "DatabaseMoved"
  }
}

/** There is no connection: the last try to get one failed. */
export class NotConnected extends Error {
  constructor(reason: Error | null) {
    super(reason?.message ?? "the usage database is not open", reason === null ? undefined : { cause: reason })
    this.name = "NotConnected"
  }
}

/** A reader holds what has to be moved before the connection may go. */
export class LogHeld extends Error {
  readonly code = "SQLITE_BUSY"

  constructor() {
    super("a reader holds the write-ahead log that was deleted")
    this.name = "LogHeld"
  }
}

const DAMAGED_CODES = /^SQLITE_(CORRUPT|NOTADB)/

/** The database cannot be used: a sentence for the operator, with the cause and what helps. */
export class Unusable extends Error {
  readonly code: string

  constructor(sentence: string, cause: Error, code: string) {
    super(sentence, { cause })
    this.name = "Unusable"
    this.code = code
  }
}

/** What a failure to open means for the operator. A refusal of the schema says so itself, and has no code. */
export function whyNotOpened(error: unknown, path: string): Error {
  const cause = error instanceof Error ? error : new Error(String(error))
  const code = codeOf(cause)
  const what = `The usage database ${path}`
  if (DAMAGED_CODES.test(code)) return damaged(cause, path)
  if (failureOf(cause) === "busy") {
    const cure = "End that process, or wait for it: the router goes on by itself"
    return new Unusable(`${what} is locked by another process: ${cause.message}. ${cure}.`, cause, code)
  }
  const denied = /^(EACCES|EPERM|EROFS|SQLITE_CANTOPEN|SQLITE_READONLY|SQLITE_PERM)/.test(code)
  const cure = denied ? " The user of the router must be able to write to the file and its folder." : ""
  return new Unusable(`${what} cannot be opened: ${cause.message}.${cure}`, cause, code)
}

/** The same error, unless it says that the file is damaged. */
export function explainFailure(error: unknown, path: string): unknown {
  return error instanceof Error && !(error instanceof Unusable) && DAMAGED_CODES.test(codeOf(error))
    ? damaged(error, path)
    : error
}

function damaged(cause: Error, path: string): Unusable {
  const cure =
    "Put a backup in its place, or move it away together with its -wal and -shm: a new one is made, without a restart"
  return new Unusable(`The usage database ${path} is damaged: ${cause.message}. ${cure}.`, cause, codeOf(cause))
}

/** Is it worth to start without the database, because it may come back? Else something must be done before. */
export function mayComeBack(error: Error): boolean {
  const code = codeOf(error)
  return (
    DAMAGED_CODES.test(code) ||
    (failureOf(error) !== "content" && !/^(SQLITE_CANTOPEN|SQLITE_READONLY|SQLITE_PERM|E[A-Z]+)/.test(code))
  )
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : ""
}

/** An error without a code comes from binding values; those of the file system and of SQLite have one. */
export function failureOf(error: unknown): DatabaseFailure {
  if (error instanceof DatabaseMoved || error instanceof NotConnected) return "broken"
  const code = error instanceof Error ? codeOf(error) : ""
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) return "busy"
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") return "unavailable"
  return code === "" || CONTENT_CODES.test(code) ? "content" : "broken"
}
