/** Reading governed top-level keys of a request body: at most once each, of the right type. */
import { RouterError } from "../errors.ts"
import { OPEN_BRACE, QUOTE } from "../json/bytes.ts"
import { utf8 } from "../text.ts"
import type { Member, ScannedObject } from "../json/scan.ts"
import type { OutputCap } from "./output-cap.ts"

export type GovernedType = "string" | "nullable-string" | "boolean" | "object" | "count"

/** Finds the governed keys. @throws RouterError `duplicate-key` */
export function governedMembers(body: ScannedObject, governed: ReadonlyMap<string, GovernedType>): Map<string, Member> {
  const found = new Map<string, Member>()
  for (const member of body.members) {
    const type = governed.get(member.key)
    if (type === undefined) continue
    if (found.has(member.key)) throw new RouterError("duplicate-key", { param: member.key })
    found.set(member.key, member)
    checkType(body.bytes, member, type)
  }
  return found
}

function checkType(bytes: Uint8Array, member: Member, type: GovernedType): void {
  if (FITS[type](bytes, member)) return
  throw new RouterError("invalid-request", {
    param: member.key,
    message: `\`${member.key}\` must be ${EXPECTED[type]}.`,
  })
}

/** A value's first byte tells its type. */
const NULL = 110
const TRUE = 116
const FALSE = 102

const FITS: Readonly<Record<GovernedType, (bytes: Uint8Array, member: Member) => boolean>> = {
  string: (bytes, member) => bytes[member.start] === QUOTE,
  "nullable-string": (bytes, member) => bytes[member.start] === QUOTE || bytes[member.start] === NULL,
  boolean: (bytes, member) => [TRUE, FALSE, NULL].includes(bytes[member.start] ?? 0),
  object: (bytes, member) => bytes[member.start] === OPEN_BRACE || bytes[member.start] === NULL,
  count: (bytes, member) => bytes[member.start] === NULL || isCount(bytes, member),
}

const EXPECTED: Readonly<Record<GovernedType, string>> = {
  string: "a string",
  "nullable-string": "a string",
  boolean: "a boolean",
  object: "an object",
  count: "a whole number of at least 0",
}

function isCount(bytes: Uint8Array, member: Member): boolean {
  const value = Number(textOf(bytes, member))
  return Number.isSafeInteger(value) && value >= 0
}

/** The bytes of a member's value as text. */
export function textOf(bytes: Uint8Array, member: Member): string {
  return utf8(bytes, member.start, member.end)
}

/** A member's string value with its escapes resolved. */
export function stringOf(bytes: Uint8Array, member: Member): string {
  const text = textOf(bytes, member)
  return text.includes("\\") ? String(JSON.parse(text)) : text.slice(1, -1)
}

/** `model` as routing needs it. @throws RouterError `invalid-request` when it is empty */
export function modelOf(bytes: Uint8Array, member: Member | undefined): string | null {
  if (member === undefined) return null
  const model = stringOf(bytes, member)
  if (model === "") throw new RouterError("invalid-request", { param: "model", message: "`model` must not be empty." })
  return model
}

export function isTrue(bytes: Uint8Array, member: Member | undefined): boolean {
  return member !== undefined && bytes[member.start] === 116
}

/** The largest of `fields`: Chat clients may send two, and which of them an upstream reads is not known here. */
export function outputCapOf(
  bytes: Uint8Array,
  found: ReadonlyMap<string, Member>,
  fields: readonly string[],
): OutputCap | null {
  let largest: { readonly field: string; readonly tokens: number } | null = null
  const said: string[] = []
  for (const field of fields) {
    const tokens = countOf(bytes, found.get(field))
    if (tokens === null) continue
    if (tokens > 0) said.push(field)
    if (largest === null || tokens > largest.tokens) largest = { field, tokens }
  }
  return largest === null ? null : { ...largest, fields: said }
}

/** Null where the member is absent or null. */
export function countOf(bytes: Uint8Array, member: Member | undefined): number | null {
  return member === undefined || bytes[member.start] === NULL ? null : Number(textOf(bytes, member))
}
