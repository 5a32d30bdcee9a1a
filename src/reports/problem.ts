/** Why there is no answer, in words for those who asked. */
import type { CubeAddress } from "../ledger/cube/connection.ts"
import { ReportRefused, ReportUnavailable, type UnavailableReason } from "./query.ts"
import type { Problem } from "./thread-protocol.ts"

const SENTENCES: Readonly<Record<"locked" | "lost" | "deadline" | "old-schema", string>> = {
  locked: "The usage database is locked by another process",
  lost: "The usage database cannot be read",
  deadline: "The usage database took too long to answer",
  "old-schema": "The usage database has no cube yet: start the router once, which brings it up to date",
}

const REASONS: readonly (readonly [codes: RegExp, reason: keyof typeof SENTENCES])[] = [
  [/^(SQLITE_BUSY|SQLITE_LOCKED|55P03)/, "locked"],
  [/^57014$/, "deadline"],
  [/^42P01$/, "old-schema"],
  [/^(SQLITE_|E[A-Z]+$|08|53|57P|28|3D)/, "lost"],
]

export function problemOf(error: unknown, address: CubeAddress): Problem {
  if (error instanceof ReportRefused) return { is: "refused", path: error.path, message: error.message }
  if (error instanceof ReportUnavailable) return { is: "unavailable", reason: error.reason, message: error.message }
  const message = error instanceof Error ? error.message : String(error)
  const reason = reasonOf(error, message)
  if (reason === null) return { is: "failed", message }
  // an address may hold a password, so a server is not named
  const where = address.dsn === undefined ? ` (${address.path})` : ""
  return { is: "unavailable", reason, message: `${SENTENCES[reason]}${where}: ${message}.` }
}

function reasonOf(error: unknown, message: string): (UnavailableReason & keyof typeof SENTENCES) | null {
  if (message.includes("no such table: usage_cube")) return "old-schema"
  if (message.startsWith("Query read timeout")) return "deadline"
  if (/^(Connection terminated|timeout expired|unable to open database)/.test(message)) return "lost"
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  return REASONS.find(([codes]) => codes.test(code))?.[1] ?? null
}

/** The ledger is older than a table that is asked for. */
export function isMissingTable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return error.message.startsWith("no such table:") || ("code" in error && error.code === "42P01")
}

/** What was thrown in the thread, thrown again here. */
export function errorOf(problem: Problem): Error {
  if (problem.is === "refused") return new ReportRefused(problem.path, problem.message)
  if (problem.is === "unavailable") return new ReportUnavailable(problem.reason, problem.message)
  return new Error(problem.message)
}
