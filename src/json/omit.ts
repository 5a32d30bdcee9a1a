/** Puts members into a JSON object and leaves others out, without touching any byte of the rest. */
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

const OPEN = Buffer.from("{")
const COMMA = Buffer.from(",")
const CLOSE = Buffer.from("}")

export function omitFields(body: ScannedObject, paths: readonly FieldPath[]): Omitted {
  return edited(body, [], rulesOf(paths))
}

/** Puts members in first, as JSON by name: each stands once, at the end, in place of all that the body has of that name. */
export function editFields(
  body: ScannedObject,
  set: ReadonlyMap<string, Uint8Array>,
  paths: readonly FieldPath[],
): Omitted {
  const added = [...set].map(([name, json]) => {
    const object = Buffer.concat([Buffer.from(`{${JSON.stringify(name)}:`), json, CLOSE])
    return scanObject(object, Infinity)
  })
  const kept = set.size === 0 ? body : { ...body, members: body.members.filter(({ key }) => !set.has(key)) }
  return edited(kept, added, rulesOf(paths))
}

function rulesOf(paths: readonly FieldPath[]): Rules {
  const rules = new Map<string, Set<string> | null>()
  for (const [field, inner] of paths) {
    if (inner === undefined) rules.set(field, null)
    else if (rules.get(field) !== null) rules.set(field, (rules.get(field) ?? new Set<string>()).add(inner))
  }
  return rules
}

function edited(body: ScannedObject, added: readonly ScannedObject[], rules: Rules): Omitted {
  const omitted: string[] = []
  const pieces: Uint8Array[] = []
  if (added.length === 0 && !body.members.some(({ key }) => rules.has(key))) return { bytes: body.bytes, omitted }
  for (const { bytes, members } of [body, ...added]) {
    for (const member of members) {
      const piece = pieceOf(bytes, member, rules.get(member.key), omitted)
      if (piece === null) continue
      if (pieces.length > 0) pieces.push(COMMA)
      pieces.push(...piece)
    }
  }
  if (added.length === 0 && omitted.length === 0) return { bytes: body.bytes, omitted }
  return { bytes: Buffer.concat([OPEN, ...pieces, CLOSE]), omitted }
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
    const inner = edited(value, [], new Map(Array.from(rule, (name) => [name, null])))
    if (inner.omitted.length > 0) {
      omitted.push(...inner.omitted.map((name) => `${member.key}.${name}`))
      return [bytes.subarray(member.keyStart, member.start), inner.bytes]
    }
  }
  return [bytes.subarray(member.keyStart, member.end)]
}
