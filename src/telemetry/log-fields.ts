/** The router's own log as log records. Texts are bounded as in the log itself. */
import { loggableText } from "../bounded-text.ts"
import { Key, type AttributeWriter } from "./otlp.ts"

export type Level = "info" | "warn" | "error"

const SEVERITIES: Readonly<Record<Level, { readonly number: number; readonly text: string }>> = {
  info: { number: 9, text: "INFO" },
  warn: { number: 13, text: "WARN" },
  error: { number: 17, text: "ERROR" },
}
const MOST_FIELDS = 32
const LONGEST_NAME = 100

export function severityOf(level: Level): { readonly number: number; readonly text: string } {
  return SEVERITIES[level]
}

export function writeLogFields(out: AttributeWriter, fields: Readonly<Record<string, unknown>> | undefined): void {
  for (const [name, value] of Object.entries(fields ?? {}).slice(0, MOST_FIELDS)) {
    if (value === undefined || value === null || name.length > LONGEST_NAME) continue
    const key = new Key(`smart_router.log.${name}`)
    if (typeof value === "string") out.text(key, loggableText(value))
    else if (typeof value === "boolean") out.flag(key, value)
    else if (typeof value === "number" && Number.isSafeInteger(value)) out.integer(key, value)
    else if (typeof value === "number") out.double(key, value)
    else if (value instanceof Error) out.text(key, loggableText(`${value.name}: ${value.message}`))
    else out.text(key, loggableText(jsonOf(value)))
  }
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner)) ?? ""
  } catch {
    return ""
  }
}
