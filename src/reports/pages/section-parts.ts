/** The parts of pages that sections of reports tell. A section that several parts show is built once for a page. */
import { buildSection } from "../build.ts"
import type { Asked, Section, SectionId, Sources } from "../section.ts"
import { sectionNamed } from "../sections/list.ts"
import { ReportUnavailable } from "../query.ts"
import type { PageSources, Part } from "./compose.ts"
import type { PartName } from "./page.ts"
import { fallbackFlow, sectionBlocks } from "./section-blocks.ts"

const TABLES: Readonly<Partial<Record<PartName, readonly [section: SectionId, ...tables: string[]]>>> = {
  budgets: ["limits", "budgets"],
  savings: ["savings"],
  shaping: ["shaping"],
  decisions: ["routing", "decisions"],
  "left-out": ["routing", "left_out"],
  shadow: ["routing", "shadow"],
  "score-terms": ["routing", "score_terms"],
  policies: ["routing", "policies"],
  targets: ["catalog", "active"],
  prices: ["catalog", "catalogue"],
  capabilities: ["catalog", "capabilities", "declarations"],
  limits: ["limits"],
  security: ["security"],
}

const FLOWS: readonly [section: SectionId, table: string] = ["errors", "fallbacks"]

/** @param asked the question of the page, as sections take it: with no `by` of its own */
export function sectionParts(asked: Asked, sources: Sources): PageSources["parts"] {
  const built = new Map<SectionId, Promise<Section>>()
  const sectionOf = (id: SectionId): Promise<Section> => {
    const known = built.get(id) ?? build(id, asked, sources)
    built.set(id, known)
    return known
  }
  const flows: Part = async () => {
    const flow = fallbackFlow(await sectionOf(FLOWS[0]))
    if (flow === null) throw new ReportUnavailable("lost", "The ledger holds no moves from target to target.")
    return flow
  }
  const tables = Object.entries(TABLES).map(([part, [id, ...names]]): [string, Part] => [
    part,
    async () => sectionBlocks(await sectionOf(id), names),
  ])
  return { ...Object.fromEntries(tables), flows }
}

async function build(id: SectionId, asked: Asked, sources: Sources): Promise<Section> {
  const definition = sectionNamed(id)
  if (definition === undefined) throw new Error(`there is no section ${id}`)
  return await buildSection(definition, { ...asked, tables: tablesOf(id) }, sources)
}

/** What any page shows of a section; null: all of it. */
function tablesOf(id: SectionId): readonly string[] | null {
  if (id === FLOWS[0]) return [FLOWS[1]]
  const shown = Object.values(TABLES).filter(([section]) => section === id)
  return shown.some(([, ...names]) => names.length === 0) ? null : shown.flatMap(([, ...names]) => names)
}
