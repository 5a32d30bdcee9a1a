/** A stream of some servers: each event is a line of JSON, without the words of server-sent events around it. */
import type { DialectName } from "../../dialects/name.ts"
import { asString, parseObject, type Loose } from "../../dialects/loose.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import { WIRES } from "../../dialects/wires.ts"
import { utf8 } from "../../text.ts"

/** The same events as a server-sent event stream; null where the bytes are no lines of this dialect's events. */
export function eventsInLines(bytes: Uint8Array, dialect: DialectName): Uint8Array | null {
  const events: string[] = []
  for (const line of utf8(bytes, 0, bytes.length).split(/\r?\n/)) {
    if (line.trim() === "") continue
    const event = parseObject(line)
    if (event === null || (events.length === 0 && !DIALECTS[dialect].beginsStream(event))) return null
    events.push(`${nameOf(event, dialect)}data: ${line}\n\n`)
  }
  return events.length === 0 ? null : Buffer.from(events.join(""))
}

/** Clients of the dialects with named events go by the name. */
function nameOf(event: Loose, dialect: DialectName): string {
  const type = asString(event["type"]) ?? ""
  return WIRES[dialect].namesEvents && /^[\w.]+$/.test(type) ? `event: ${type}\n` : ""
}
