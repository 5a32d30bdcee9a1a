/** How a call gets from its client's dialect to a target's. Decided once per attempt, before anything is sent. */
import type { ScannedObject } from "../json/scan.ts"
import { searchable } from "../json/search.ts"
import { KEY, TYPE } from "../json/watched-names.ts"
import type { DialectName } from "./name.ts"

/** `bytes`: they pass, watched but not changed. `canonical`: decoded, written anew for the target, and back. */
export type Way = "bytes" | "canonical"

/** `sealed`: the body holds reasoning in an envelope of the router. No vendor may get one, so such a body never passes. */
export function wayBetween(client: DialectName, target: DialectName, sealed: boolean): Way {
  return client === target && !sealed ? "bytes" : "canonical"
}

const ENVELOPE_START = Buffer.from('"rtr')
const MOST_DIGITS = 4
const DOT = 46

/** Where sealed reasoning stands, in any dialect. */
const SEALS = KEY.details | KEY.encrypted | KEY.signature | TYPE.redacted

/** Could the body hold an envelope? Only bodies with sealed reasoning are searched. */
export function mayHoldEnvelope({ members }: ScannedObject): boolean {
  return members.some(({ names }) => (names & SEALS) !== 0)
}

/** Does a string of this body begin like an envelope of any version? */
export function holdsEnvelope(body: ScannedObject): boolean {
  return mayHoldEnvelope(body) && envelopeBegins(body.bytes, 0, body.bytes.length)
}

/** Does a string begin like one between these offsets? */
export function envelopeBegins(bytes: Uint8Array, from: number, to: number): boolean {
  const view = searchable(bytes)
  for (let at = view.indexOf(ENVELOPE_START, from); at >= 0 && at < to; at = view.indexOf(ENVELOPE_START, at + 1))
    if (hasVersion(bytes, at + ENVELOPE_START.length)) return true
  return false
}

/** One to four digits and a dot. */
function hasVersion(bytes: Uint8Array, start: number): boolean {
  let end = start
  while (end - start < MOST_DIGITS && isDigit(bytes[end])) end++
  return end > start && bytes[end] === DOT
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57
}
