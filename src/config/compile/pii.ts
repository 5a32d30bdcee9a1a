/** The filter for personal data of a group. */
import { DETECTOR_NAMES, type PiiFilter, type PiiRule } from "../../pii/filter.ts"
import type { GroupConfig } from "../config.ts"

/** A stream that is restored looks through them for the beginning of a placeholder. */
const MOST_ORIGINALS = 10_000

/** Null: the group has none. */
export function piiFilterOf({ pii_filter: filter }: GroupConfig): PiiFilter | null {
  if (filter?.enabled !== true) return null
  const restores = filter.mode === "redact_and_restore" || filter.restore_response
  const { mode, apply_to: parts, max_replacements_per_request: most } = filter
  return {
    rules: rulesOf(filter),
    parts,
    mode,
    blocks: mode === "fail_on_match" || filter.fail_on_match,
    restores,
    maxReplacements: Math.min(most === 0 ? Infinity : most, restores ? MOST_ORIGINALS : Infinity),
  }
}

/** The detectors in their own order, then the rules in that of the file. */
function rulesOf({ detectors, rules }: NonNullable<GroupConfig["pii_filter"]>): readonly PiiRule[] {
  const replaced = new Set(rules.map(({ name }) => name))
  const own = DETECTOR_NAMES.filter((name) => detectors.includes(name) && !replaced.has(name))
  return [
    ...own.map((name) => ({ name, expression: null })),
    ...rules.map(({ name, expression, placeholder_prefix: prefix }) => ({ name, expression, prefix })),
  ]
}
