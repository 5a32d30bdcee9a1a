/** Reading Chat Completions JSON: what is absent, null or of another type reads as undefined. */

import type { CacheMark } from "../../canonical/block.ts"
import { isObject, isRawNumber, setOwn, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Extra } from "../../canonical/origin.ts"
import { RouterError } from "../../errors.ts"
import { isAbsent, isList, objectOf } from "../values.ts"

export { isAbsent, isList, listOf, numberOf, objectOf, sourceOf, stringOf } from "../values.ts"

/** A string that holds something: some servers send "" for what is absent. */
export function wordsOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined
}

/** The same value with every number as a double, for readers of plain JSON. */
export function withDoubles(value: JsonValue | undefined): JsonValue | undefined {
  if (isRawNumber(value)) return Number(value.rawJSON)
  if (isList(value)) return value.map((one) => withDoubles(one) ?? null)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withDoubles(one)]))
}

/** A fault of the client, with the path to it. */
export function invalid(param: string, expected: string): RouterError {
  return new RouterError("invalid-request", { param, message: `${param} must be ${expected}.` })
}

/** What `known` does not name and is not null; undefined where nothing is left. */
export function restOf(object: JsonObject, known: ReadonlySet<string>): JsonObject | undefined {
  let rest: Record<string, JsonValue> | undefined
  for (const key in object) {
    if (known.has(key)) continue
    const value = object[key]
    if (isAbsent(value)) continue
    rest ??= {}
    setOwn(rest, key, value)
  }
  return rest
}

export function extraOf(fields: JsonObject | undefined): { readonly extra?: Extra } {
  return fields === undefined ? {} : { extra: { dialect: "chat", fields } }
}

/** The fields that a writer of this dialect puts back. */
export function ownFields(extra: Extra | undefined): JsonObject {
  return extra?.dialect === "chat" ? extra.fields : {}
}

/** `cache_control`, which some Chat servers take in Anthropic's form; undefined where it is of another form. */
export function cacheOf(value: JsonValue | undefined): CacheMark | undefined {
  const mark = objectOf(value)
  return mark?.["type"] === "ephemeral" ? { ttl: wordsOf(mark["ttl"]) ?? null } : undefined
}

/** OpenAI's own mark, `prompt_cache_breakpoint`. */
export function breakpointOf(value: JsonValue | undefined): CacheMark | undefined {
  const mark = objectOf(value)
  return mark?.["mode"] === "explicit" ? { ttl: wordsOf(mark["ttl"]) ?? null } : undefined
}

export type MarkField = "cache_control" | "prompt_cache_breakpoint"

export function markOf({ ttl }: CacheMark, field: MarkField): JsonObject {
  const kind = field === "cache_control" ? { type: "ephemeral" } : { mode: "explicit" }
  return { [field]: ttl === null ? kind : { ...kind, ttl } }
}

export function dataUrl(mediaType: string, data: string): string {
  return `data:${mediaType};base64,${data}`
}
