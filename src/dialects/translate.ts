/** How a call gets from its client's dialect to a target's. Decided once per attempt, before anything is sent. */
import type { DialectName } from "./dialect.ts"

/** `bytes`: they pass, watched but not changed. `canonical`: decoded, written anew for the target, and back. */
export type Way = "bytes" | "canonical"

type Row = readonly [client: DialectName, target: DialectName, way: Way]

/** The first row that fits counts; what has no row is translated. */
const ROWS: readonly Row[] = [
  ["openai-chat", "openai-chat", "bytes"],
  ["openai-responses", "openai-responses", "bytes"],
  ["anthropic", "anthropic", "bytes"],
]

/** `sealed`: the body holds reasoning in an envelope of the router. No vendor may get one, so such a body never passes. */
export function wayBetween(client: DialectName, target: DialectName, sealed: boolean): Way {
  if (sealed) return "canonical"
  for (const [from, to, way] of ROWS) if (from === client && to === target) return way
  return "canonical"
}

const ENVELOPE_START = Buffer.from('"rtr')
const ENVELOPE = /^"rtr\d{1,4}\./
const ENVELOPE_HEAD_BYTES = 9

/** Does a string of this JSON begin like an envelope of any version? A native search, so that every call can afford it. */
export function holdsEnvelope(body: Uint8Array): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  for (let at = bytes.indexOf(ENVELOPE_START); at >= 0; at = bytes.indexOf(ENVELOPE_START, at + 1))
    if (ENVELOPE.test(bytes.toString("latin1", at, at + ENVELOPE_HEAD_BYTES))) return true
  return false
}
