/** JSON as the canonical form holds it: plain values, and numbers that survive although a double cannot hold them. */

export type JsonValue = string | number | boolean | null | RawNumber | readonly JsonValue[] | JsonObject

export interface JsonObject {
  readonly [key: string]: JsonValue | undefined
}

/**
 * A number in its own spelling, made by `JSON.rawJSON` and printed unchanged by `JSON.stringify`.
 * Only `parseExact` makes it. A writer copies it like any other value; arithmetic on it is a mistake.
 */
export interface RawNumber {
  readonly rawJSON: string
}

interface ExactJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown
  rawJSON(text: string): RawNumber
}

const exactJson = JSON as unknown as ExactJson

/** A run of digits, or an exponent, that may not fit a double. */
const SUSPECT = /\d{16}|\d[eE][+-]?\d{3}/

/**
 * `JSON.parse`, but numbers whose spelling a double would change stay as they are written (`RawNumber`), whenever the
 * text holds at least one that could lose value. Every body and every argument text that a codec reads comes from here.
 * Throws `SyntaxError`.
 */
export function parseExact(text: string): JsonValue {
  if (!SUSPECT.test(text)) return JSON.parse(text) as JsonValue
  return exactJson.parse(text, (_key, value, context) => {
    if (typeof value !== "number" || context.source === undefined || String(value) === context.source) return value
    return exactJson.rawJSON(context.source)
  }) as JsonValue
}

/** Plain assignment, but for `__proto__`, which is an ordinary key in JSON. */
export function setOwn<Value>(target: Record<string, Value>, key: string, value: Value): void {
  if (key !== "__proto__") target[key] = value
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}

/** An object, not an array, not null and not a `RawNumber`. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value)
}

export function isRawNumber(value: unknown): value is RawNumber {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null && "rawJSON" in value
}

/** Values at any depth, the value itself included. Fewer than a text holds where an object of it says a name twice. */
export function valuesIn(value: JsonValue): number {
  let count = 0
  const waiting: (JsonValue | undefined)[] = [value]
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    count++
    if (Array.isArray(one)) for (const item of one as readonly JsonValue[]) waiting.push(item)
    else if (isObject(one)) for (const key of Object.keys(one)) waiting.push(one[key])
  }
  return count
}
