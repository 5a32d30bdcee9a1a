/** Reading the JSON of bodies: what is absent, null or of another type reads as undefined. */
import { isObject, isRawNumber, type JsonObject, type JsonValue } from "../canonical/json.ts"

export function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  return isObject(value) ? value : undefined
}

/** `Array.isArray` does not narrow read-only lists. */
export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

export function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return isList(value) ? value : []
}

export function stringOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined
}

/** As a double, also where the spelling holds more digits. */
export function numberOf(value: JsonValue | undefined): number | undefined {
  if (typeof value === "number") return value
  return isRawNumber(value) ? Number(value.rawJSON) : undefined
}

export function isAbsent(value: JsonValue | undefined): value is null | undefined {
  return value === undefined || value === null
}

const DATA_URL = /^data:([^,]*);base64,/

/** A data URL in base64 as its parts; any other text is a URL. */
export function sourceOf(
  url: string,
): { readonly kind: "url"; readonly url: string } | { readonly kind: "base64"; mediaType: string; data: string } {
  const head = DATA_URL.exec(url)
  if (head === null) return { kind: "url", url }
  return { kind: "base64", mediaType: head[1] ?? "", data: url.slice(head[0].length) }
}
