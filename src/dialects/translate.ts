/** How a call gets from its client's dialect to a target's. Decided once per attempt, before anything is sent. */
import type { ScannedObject } from "../json/scan.ts"
import { searchable } from "../json/search.ts"
import { KEY, TYPE } from "../json/watched-names.ts"
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

/** Where sealed reasoning stands, in any dialect. */
const SEALS = KEY.details | KEY.encrypted | KEY.signature | TYPE.redacted

/** Does a string of this body begin like an envelope of any version? Only bodies with sealed reasoning are searched. */
export function holdsEnvelope(body: ScannedObject): boolean {
  if (!body.members.some(({ names }) => (names & SEALS) !== 0)) return false
  const bytes = searchable(body.bytes)
  for (let at = bytes.indexOf(ENVELOPE_START); at >= 0; at = bytes.indexOf(ENVELOPE_START, at + 1))
    if (ENVELOPE.test(bytes.toString("latin1", at, at + ENVELOPE_HEAD_BYTES))) return true
  return false
}
