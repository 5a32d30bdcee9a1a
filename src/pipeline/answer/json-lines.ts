/** A stream of some servers: each event is a line of JSON, without the words of server-sent events around it. */
import type { DialectName } from "../../dialects/dialect.ts"
import { asArray, asObject, asString, parseObject, type Loose } from "../../dialects/loose.ts"
import { utf8 } from "../../text.ts"

/** The same events as a server-sent event stream; null where the bytes are no lines of this dialect's events. */
export function eventsInLines(bytes: Uint8Array, dialect: DialectName): Uint8Array | null {
  const events: string[] = []
  for (const line of utf8(bytes, 0, bytes.length).split(/\r?\n/)) {
    if (line.trim() === "") continue
    const event = parseObject(line)
    if (event === null || (events.length === 0 && !isEvent(event, dialect))) return null
    events.push(`${nameOf(event, dialect)}data: ${line}\n\n`)
  }
  return events.length === 0 ? null : Buffer.from(events.join(""))
}

/** A whole answer is none. */
function isEvent(event: Loose, dialect: DialectName): boolean {
  const type = asString(event["type"]) ?? ""
  if (dialect === "anthropic") return type === "message_start" || type === "ping"
  if (dialect === "openai-responses") return type.startsWith("response.")
  return asArray(event["choices"]).some((choice) => asObject(asObject(choice)?.["delta"]) !== null)
}

/** Clients of the dialects with named events go by the name. */
function nameOf(event: Loose, dialect: DialectName): string {
  const type = asString(event["type"]) ?? ""
  return dialect !== "openai-chat" && /^[\w.]+$/.test(type) ? `event: ${type}\n` : ""
}
