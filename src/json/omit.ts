/** Leaves members out of a JSON object without touching any other byte of it. */
import { OPEN_BRACE } from "./bytes.ts"
import { scanObject, type Member, type ScannedObject } from "./scan.ts"

/** A top-level member, or a member of one. */
export type FieldPath = readonly [field: string, inner?: string]

export interface Omitted {
  /** Those of `body` where none of the fields is there. */
  readonly bytes: Uint8Array
  /** Those that were there, as `field` or `field.inner`. */
  readonly omitted: readonly string[]
}

/** By the names of members: which members of theirs go; null: they themselves. */
type Rules = ReadonlyMap<string, ReadonlySet<string> | null>

const COMMA = Buffer.from(",")

export function omitFields(body: ScannedObject, paths: readonly FieldPath[]): Omitted {
  return omit(body, rulesOf(paths))
}

function rulesOf(paths: readonly FieldPath[]): Rules {
  const rules = new Map<string, Set<string> | null>()
  for (const [field, inner] of paths) {
    if (inner === undefined) rules.set(field, null)
    else if (rules.get(field) !== null) rules.set(field, (rules.get(field) ?? new Set<string>()).add(inner))
  }
  return rules
}

function omit(body: ScannedObject, rules: Rules): Omitted {
  if (!body.members.some(({ key }) => rules.has(key))) return { bytes: body.bytes, omitted: [] }
  const omitted: string[] = []
  const pieces: Uint8Array[] = []
  for (const member of body.members) {
    const piece = pieceOf(body.bytes, member, rules.get(member.key), omitted)
    if (piece === null) continue
    if (pieces.length > 0) pieces.push(COMMA)
    pieces.push(...piece)
  }
  if (omitted.length === 0) return { bytes: body.bytes, omitted }
  return { bytes: Buffer.concat([Buffer.from("{"), ...pieces, Buffer.from("}")]), omitted }
}

function pieceOf(
  bytes: Uint8Array,
  member: Member,
  rule: ReadonlySet<string> | null | undefined,
  omitted: string[],
): readonly Uint8Array[] | null {
  if (rule === null) {
    omitted.push(member.key)
    return null
  }
  if (rule !== undefined && bytes[member.start] === OPEN_BRACE) {
    const value = scanObject(bytes.slice(member.start, member.end), Infinity)
    const inner = omit(value, new Map(Array.from(rule, (name) => [name, null])))
    if (inner.omitted.length > 0) {
      omitted.push(...inner.omitted.map((name) => `${member.key}.${name}`))
      return [bytes.subarray(member.keyStart, member.start), inner.bytes]
    }
  }
  return [bytes.subarray(member.keyStart, member.end)]
}
