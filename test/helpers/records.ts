/** What the router wrote down: ledger rows, the request log, and every other byte in its directory. */
import { Database } from "bun:sqlite"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import path from "node:path"
import type { AttemptRow, ErrorRow, LossRow, TraceRow, UpstreamShapeRow, UsageRow } from "../../src/ledger/record.ts"

type Stored<Row> = Row & { readonly request_id: string }

export interface Records {
  usage(requestId?: string): UsageRow[]
  attempts(requestId: string): Stored<AttemptRow>[]
  trace(requestId: string): Stored<TraceRow>[]
  losses(requestId: string): Stored<LossRow>[]
  upstreamShapes(requestId: string): Stored<UpstreamShapeRow>[]
  errors(requestId: string): Stored<ErrorRow>[]
  /** Parsed lines of the request log. */
  logLines(): Readonly<Record<string, unknown>>[]
  /** `file: secret` for each of `secrets` that stands in any file but the configuration. */
  leaks(secrets: readonly string[]): string[]
}

export function recordsIn(directory: string): Records {
  return {
    usage: (requestId) =>
      requestId === undefined
        ? select(directory, "request_usage", "1 = 1 ORDER BY ts, request_id")
        : byId(directory, "request_usage", requestId),
    attempts: (requestId) => byId(directory, "request_attempts", requestId, "attempt_index"),
    trace: (requestId) => byId(directory, "request_trace_events", requestId, "seq"),
    losses: (requestId) => byId(directory, "request_losses", requestId, "seq"),
    upstreamShapes: (requestId) => byId(directory, "request_upstream_shape_events", requestId, "seq"),
    errors: (requestId) => byId(directory, "request_errors", requestId),
    logLines: () => logLines(path.join(directory, "logs/requests.jsonl")),
    leaks: (secrets) => leaks(directory, secrets),
  }
}

export function databasePath(directory: string): string {
  return path.join(directory, "state/usage.sqlite")
}

/** Files below `directory` with their modes, without the configuration. */
export function filesIn(directory: string): { readonly file: string; readonly mode: number }[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((file) => file !== "config.yaml" && statSync(path.join(directory, file)).isFile())
    .map((file) => ({ file, mode: statSync(path.join(directory, file)).mode & 0o777 }))
}

function byId<Row>(directory: string, table: string, requestId: string, order = "request_id"): Row[] {
  return select(directory, table, `request_id = ? ORDER BY ${order}`, requestId)
}

function select<Row>(directory: string, table: string, where: string, ...values: string[]): Row[] {
  using database = new Database(databasePath(directory), { readonly: true })
  return database.query<Row, string[]>(`SELECT * FROM ${table} WHERE ${where}`).all(...values)
}

function logLines(file: string): Readonly<Record<string, unknown>>[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, "utf8").split("\n")
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
}

function leaks(directory: string, secrets: readonly string[]): string[] {
  return filesIn(directory).flatMap(({ file }) => {
    const bytes = readFileSync(path.join(directory, file))
    return secrets.filter((secret) => bytes.includes(secret)).map((secret) => `${file}: ${secret}`)
  })
}
