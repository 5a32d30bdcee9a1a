/** All pages of the console, in the order of its menu. */
import { OVERVIEW } from "./overview.ts"
import { SPEND } from "./spend.ts"
import { PERFORMANCE } from "./performance.ts"
import { RELIABILITY } from "./reliability.ts"
import { ROUTING } from "./routing.ts"
import { CALLS, CALL } from "./calls.ts"
import { CATALOGUE, LIMITS, SECURITY, SYSTEM } from "./installation.ts"
import type { PageDefinition, PageName } from "./page.ts"

export const PAGES: Readonly<Record<PageName, PageDefinition>> = {
  overview: OVERVIEW,
  spend: SPEND,
  performance: PERFORMANCE,
  reliability: RELIABILITY,
  routing: ROUTING,
  calls: CALLS,
  call: CALL,
  catalogue: CATALOGUE,
  limits: LIMITS,
  security: SECURITY,
  system: SYSTEM,
}
