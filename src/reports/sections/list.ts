/** Every section, in the order of a whole report. A section that stands here is known to every surface. */
import type { SectionDefinition, SectionId } from "../section.ts"
import { ADVISOR } from "./advisor.ts"
import { CALLS } from "./calls.ts"
import { CATALOG } from "./catalog.ts"
import { COST } from "./cost.ts"
import { ERRORS } from "./errors.ts"
import { LIMITS } from "./limits.ts"
import { PERFORMANCE } from "./performance.ts"
import { ROUTING } from "./routing.ts"
import { SAVINGS } from "./savings.ts"
import { SECURITY } from "./security.ts"
import { SHAPING } from "./shaping.ts"
import { SUMMARY } from "./summary.ts"
import { USAGE } from "./usage.ts"

const BY_ID: Readonly<Record<SectionId, SectionDefinition>> = {
  summary: SUMMARY,
  usage: USAGE,
  cost: COST,
  savings: SAVINGS,
  performance: PERFORMANCE,
  errors: ERRORS,
  limits: LIMITS,
  shaping: SHAPING,
  routing: ROUTING,
  catalog: CATALOG,
  security: SECURITY,
  calls: CALLS,
  advisor: ADVISOR,
}

export const SECTIONS: readonly SectionDefinition[] = Object.values(BY_ID)

/** Undefined: there is no such section. */
export function sectionNamed(name: string): SectionDefinition | undefined {
  return SECTIONS.find(({ id }) => id === name)
}
