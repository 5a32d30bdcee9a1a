/** What changed between two configurations, told from marks of their parts: the configurations need not be kept for it. */
import type { Config } from "../config.ts"
import { fingerprint } from "../compile/fingerprints.ts"

/** By name: `server.upstream`, `providers.alpha`, `callers`. */
export type Marks = ReadonlyMap<string, string>

const SECTIONS = ["server", "providers", "models"] as const
export const LISTS = ["users", "projects", "project_memberships", "callers"] as const
export type ListName = (typeof LISTS)[number]

export function marksOf(config: Config): Marks {
  const marks = new Map<string, string>()
  for (const section of SECTIONS) {
    for (const [name, value] of Object.entries(config[section])) marks.set(`${section}.${name}`, fingerprint(value))
  }
  for (const list of LISTS) marks.set(list, fingerprint(config[list]))
  return marks
}

/** Names of keys, never values. */
export function changedBetween(before: Marks, after: Marks): readonly string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])]
  const changed = names.filter((name) => before.get(name) !== after.get(name))
  return changed.toSorted((left, right) => placeOf(left) - placeOf(right))
}

function placeOf(name: string): number {
  return [...SECTIONS, ...LISTS, "callers_file"].findIndex(
    (section) => name === section || name.startsWith(`${section}.`),
  )
}
