/** Leaves members out of a JSON object without touching any other byte of it. */
import { OPEN_BRACE } from "./bytes.ts"
import { scanObject, type Member, type ScannedObject } from "./scan.ts"

/** A top-level member, or a member of one. */
export type FieldPath = readonly [field: string, inner?: string]

export interface Omitted {
  readonly body: ScannedObject
  /** Those that were there, as `field` or `field.inner`. */
  readonly omitted: readonly string[]
}

const COMMA = Buffer.from(",")

/** The same object where none of the fields is there. */
export function omitFields(body: ScannedObject, paths: readonly FieldPath[]): Omitted {
  const omitted: string[] = []
  const pieces: Uint8Array[] = []
  for (const member of body.members) {
    const piece = pieceOf(body.bytes, member, paths, omitted)
    if (piece === null) continue
    if (pieces.length > 0) pieces.push(COMMA)
    pieces.push(...piece)
  }
  if (omitted.length === 0) return { body, omitted }
  const bytes = Buffer.concat([Buffer.from("{"), ...pieces, Buffer.from("}")])
  return { body: scanObject(bytes, Infinity), omitted }
}

function pieceOf(
  bytes: Uint8Array,
  member: Member,
  paths: readonly FieldPath[],
  omitted: string[],
): readonly Uint8Array[] | null {
  const concerning = paths.filter(([field]) => field === member.key)
  if (concerning.some(([, inner]) => inner === undefined)) {
    omitted.push(member.key)
    return null
  }
  if (concerning.length > 0 && bytes[member.start] === OPEN_BRACE) {
    const inside = scanObject(bytes.slice(member.start, member.end), Infinity)
    const inner = omitFields(
      inside,
      concerning.map(([, name = ""]) => [name]),
    )
    if (inner.omitted.length > 0) {
      omitted.push(...inner.omitted.map((name) => `${member.key}.${name}`))
      return [bytes.subarray(member.keyStart, member.start), inner.body.bytes]
    }
  }
  return [bytes.subarray(member.keyStart, member.end)]
}
