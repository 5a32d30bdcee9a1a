/** What a configuration declares and refers to, read with forgiveness: also from a file that has faults elsewhere. */
import type { Path } from "../schema/inspect.ts"

/** One mapping of the file with the place where it stands. */
export interface Entry {
  readonly path: Path
  readonly fields: Readonly<Record<string, unknown>>
}

export interface NamedEntry extends Entry {
  readonly name: string
}

/** The entries of a table such as `providers:`. */
export function tableOf(fields: unknown, path: Path): readonly NamedEntry[] {
  return Object.entries(mapping(fields)).map(([name, value]) => ({
    name,
    path: [...path, name],
    fields: mapping(value),
  }))
}

/** The entries of a list such as `callers:`. */
export function listOf(value: unknown, path: Path): readonly Entry[] {
  return items(value).map((item, index) => ({ path: [...path, index], fields: mapping(item) }))
}

/** The texts of a list with their paths. */
export function textsOf(value: unknown, path: Path): readonly { readonly text: string; readonly path: Path }[] {
  return items(value).flatMap((item, index) =>
    typeof item === "string" ? [{ text: item, path: [...path, index] }] : [],
  )
}

export function textOf(entry: Entry, key: string): string | undefined {
  const value = entry.fields[key]
  return typeof value === "string" ? value : undefined
}

const INACTIVE: readonly unknown[] = ["disabled", "suspended", "removed", "archived", "expired", "rotated"]

/** Does the entry's `status` let it be used? A word that is no status is reported by the schema alone. */
export function isActive(entry: Entry): boolean {
  return !INACTIVE.includes(entry.fields["status"])
}

/** What is not a mapping counts as an empty one. */
export function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

const LOWER_CASE = /^[\x20-\x40\x5b-\x7e]*$/

/** Ids are equal whatever their case. */
export function comparableId(id: string): string {
  return LOWER_CASE.test(id) ? id : id.normalize("NFC").toLowerCase()
}
