/** Reading upstreams' JSON tolerantly: what is not there or of another type is null. */

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

/** A token counter: a finite number of at least 0, or null. */
export function asCount(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? Math.round(value) : null
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
