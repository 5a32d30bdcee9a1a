import type { Failure } from "../failure.ts"

const CONTENT_CODES = /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/

/** Thrown when a file of the database is not the one that is open. */
export class DatabaseMoved extends Error {
  constructor(what = "database file") {
    super(`the ${what} was moved or deleted`)
    this.name = "DatabaseMoved"
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

/** An error without a code comes from binding values; those of the file system and of SQLite have one. */
export function failureOf(error: unknown): Failure {
  if (error instanceof DatabaseMoved) return "broken"
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) return "busy"
  if (code === "SQLITE_FULL" || code === "ENOSPC" || code === "EDQUOT") return "unavailable"
  return code === "" || CONTENT_CODES.test(code) ? "content" : "broken"
}
