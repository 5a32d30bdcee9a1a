/** Reading upstreams' JSON tolerantly: what is not there or of another type is null. */
import { token } from "../bounded-text.ts"

export type Loose = Readonly<Record<string, unknown>>

export function asObject(value: unknown): Loose | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Loose) : null
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function asString(value: unknown): string | null {
  return typeof value === "string" ? value : null
}

/** A word of a vendor's list, bounded: it is recorded. */
export function asToken(value: unknown): string | null {
  return typeof value === "string" ? token(value) : null
}

/** No single call counts more of anything: what is above is an upstream's mistake, and would spoil every sum. */
const LARGEST_COUNT = 1e9

/** A token counter: a number of at least 0 that a call can reach, or null. */
export function asCount(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && value <= LARGEST_COUNT ? Math.round(value) : null
}

export function parseObject(text: string): Loose | null {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return null
  }
}

const decoder = new TextDecoder()

export function parseBytes(bytes: Uint8Array): Loose | null {
  return parseObject(decoder.decode(bytes))
}
