/** What the router says about itself: one JSON line per event. Calls are in the request log, not here. */
import { loggableText } from "../bounded-text.ts"
import type { Clock } from "./clock.ts"

export type LogFields = Readonly<Record<string, unknown>>

export interface Log {
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** Writes to stderr unless told otherwise. A value that JSON cannot hold costs the fields, never the caller. */
export function jsonLog(clock: Clock, write: (line: string) => void = (line) => void process.stderr.write(line)): Log {
  const at = (level: "info" | "warn" | "error") => (message: string, fields?: LogFields) => {
    write(lineOf(new Date(clock.now()).toISOString(), level, message, fields))
  }
  return { info: at("info"), warn: at("warn"), error: at("error") }
}

/** For tests and tools that want silence. */
export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} }

function lineOf(ts: string, level: string, message: string, fields: LogFields | undefined): string {
  try {
    return `${JSON.stringify({ ts, level, message, ...fields }, bounded)}\n`
  } catch {
    return `${JSON.stringify({ ts, level, message })}\n`
  }
}

/** An `Error` has no enumerable fields: JSON would print `{}`. Its stack stays out, paths say too much. */
function bounded(_key: string, value: unknown): unknown {
  if (value instanceof Error) return loggableText(`${value.name}: ${value.message}`)
  if (typeof value === "string") return loggableText(value)
  return typeof value === "bigint" ? value.toString() : value
}
