import type { Failure } from "../failure.ts"

const CONTENT_CODES = /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/

/** Thrown when the file at the database's path is not the one that is open. */
export class DatabaseMoved extends Error {
  constructor() {
    super("the database file was moved or deleted")
    this.name = "DatabaseMoved"
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
