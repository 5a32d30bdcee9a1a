/** What all parts of a Messages body share: typed fields, cache marks and fields that nobody else knows. */

import type { CacheMark } from "../../canonical/block.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Dialect, Extra } from "../../canonical/origin.ts"
import { isAbsent, isList, numberOf as anyNumber } from "../values.ts"

export { isAbsent, isList } from "../values.ts"

export const DIALECT: Dialect = "messages"

/** The text under a key; null when there is none, or something else. */
export function textField(object: JsonObject, key: string): string | null {
  const value = object[key]
  return typeof value === "string" ? value : null
}

export function objectField(object: JsonObject, key: string): JsonObject | null {
  const value = object[key]
  return isObject(value) ? value : null
}

/** The list under a key, empty when there is none. */
export function listField(object: JsonObject, key: string): readonly JsonValue[] {
  const value = object[key]
  return isList(value) ? value : []
}

/** A number however it is spelled; null for anything else. */
export function numberOf(value: JsonValue | undefined): number | null {
  return anyNumber(value) ?? null
}

/** Members that say something and are not in `known`. */
export function restOf(object: JsonObject, known: ReadonlySet<string>): JsonObject {
  const rest = Object.entries(object).filter(([key, value]) => !known.has(key) && !isAbsent(value))
  return Object.fromEntries(rest)
}

export function extraOf(object: JsonObject, known: ReadonlySet<string>): { readonly extra?: Extra } {
  const fields = restOf(object, known)
  return Object.keys(fields).length === 0 ? {} : { extra: { dialect: DIALECT, fields } }
}

/** What goes back to the wire as it came. */
export function ownFields(extra: Extra | undefined): JsonObject {
  return extra?.dialect === DIALECT ? extra.fields : {}
}

export function cacheOf(object: JsonObject): { readonly cache?: CacheMark } {
  const mark = objectField(object, "cache_control")
  return mark === null ? {} : { cache: { ttl: textField(mark, "ttl") } }
}

export function cacheControl(mark: CacheMark): JsonObject {
  return mark.ttl === null ? { type: "ephemeral" } : { type: "ephemeral", ttl: mark.ttl }
}

/** Several visible parts of one reasoning block in the one text that Messages has. */
export const PART_SEPARATOR = "\n\n"
