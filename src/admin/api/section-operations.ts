/** Operations that answer sections of reports: one for each section, and the names that programs know from elsewhere. */
import { buildSection, sourcesOf } from "../../reports/build.ts"
import { sectionJson } from "../../reports/section-json.ts"
import type { Asked, Section, SectionDefinition, SectionId } from "../../reports/section.ts"
import type { Answer, Operation, Permission, Question, ReportTools } from "./operation.ts"
import type { Parameter } from "./parameter.ts"
import { askedOf, boundOf, CALL_LIST, LIMIT_LIST, TABLE, TABLE_BY } from "./questions.ts"
import { SECTION_SCHEMA } from "./schemas.ts"

interface Named {
  readonly path: string
  readonly section: SectionId
  readonly by?: string
  readonly sort?: Asked["sort"]
}

/** Other names for a section, some with what it is told apart by. */
const NAMED: readonly Named[] = [
  { path: "summary", section: "summary" },
  { path: "overview", section: "summary" },
  { path: "requests", section: "calls" },
  { path: "expensive-requests", section: "calls", sort: "cost" },
  { path: "usage-by-key", section: "usage", by: "token" },
  { path: "usage-by-caller", section: "usage", by: "caller" },
  { path: "usage-by-requested-model", section: "usage", by: "requested_model" },
  { path: "model-groups-by-user", section: "usage", by: "group,user" },
  { path: "provider-model-mix", section: "usage", by: "provider,model" },
  { path: "clients", section: "usage", by: "client" },
  { path: "projects", section: "usage", by: "project" },
  { path: "cache", section: "usage", by: "cache" },
  { path: "savings", section: "savings" },
  { path: "savings-by-user", section: "savings", by: "user" },
  { path: "savings-by-key", section: "savings", by: "token" },
  { path: "savings-by-group", section: "savings", by: "group" },
  { path: "savings-by-project", section: "savings", by: "project" },
  { path: "savings-by-provider-model", section: "savings", by: "provider,model" },
  { path: "latency-throughput", section: "performance" },
  { path: "errors-fallbacks", section: "errors" },
  { path: "routing-decisions", section: "routing" },
  { path: "traffic-shaping-overview", section: "shaping" },
  { path: "traffic-tuning-advisor", section: "advisor" },
  { path: "quotas", section: "limits" },
  { path: "quota-status", section: "limits" },
  { path: "provider-catalog-status", section: "catalog" },
  { path: "security/events", section: "security" },
]

export function sectionOperations(sections: readonly SectionDefinition[]): Operation[] {
  const own = sections.map((section) => operationOf(section, { path: `report/${section.id}`, section: section.id }))
  const named = NAMED.flatMap((name) => {
    const section = sections.find(({ id }) => id === name.section)
    return section === undefined ? [] : [operationOf(section, name)]
  })
  return [...own, ...named]
}

export function permissionOf({ id }: Pick<SectionDefinition, "id">, action: "read" | "export"): Permission {
  return { object: id === "security" ? "admin:security_reports" : "admin:reports", action }
}

function operationOf(section: SectionDefinition, { path, by, sort }: Named): Operation {
  const preset = { ...(by === undefined ? {} : { by }), ...(sort === undefined ? {} : { sort }) }
  return {
    id: path.replaceAll(/[/-]([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    path: `/api/${path}`,
    summary: section.about,
    permission: permissionOf(section, "read"),
    parameters: parametersOf(section),
    answers: { type: "application/json", schema: SECTION_SCHEMA },
    handle: (question, tools) => sectionAnswer(section, question, tools, preset),
  }
}

function parametersOf({ id, takesBy }: SectionDefinition): readonly Parameter[] {
  if (id === "calls") return CALL_LIST
  if (id === "limits") return LIMIT_LIST
  return takesBy ? TABLE_BY : TABLE
}

async function sectionAnswer(
  definition: SectionDefinition,
  question: Question,
  tools: ReportTools,
  preset: Parameters<typeof askedOf>[2],
): Promise<Answer> {
  const asked = askedOf(question, tools, preset)
  const section = await sectionOf(definition, asked, question, tools)
  const { next: _, ...json } = sectionJson(section, asked)
  return { is: "json", value: { ...json, pagination: paginationOf(section, asked, question, tools) } }
}

/** @throws ReportRefused, ReportUnavailable */
export async function sectionOf(
  definition: SectionDefinition,
  asked: Asked,
  { signal, nowMs }: Question,
  { reports, known }: ReportTools,
): Promise<Section> {
  return buildSection(definition, asked, sourcesOf(reports, { ...known(nowMs, signal), nowMs }, signal))
}

function paginationOf(
  { id, tables, next }: Section,
  asked: Asked,
  question: Question,
  { cursors }: ReportTools,
): object {
  const rows = tables[0]?.rows.length ?? 0
  const isList = id === "calls"
  const rest = Math.max(0, ...tables.map(({ restOf }) => restOf))
  return {
    limit: asked.top,
    returned: rows,
    total_count: null,
    has_more: isList ? next !== null : rest > 0,
    next_cursor: next === null ? null : cursors().write({ place: next, to: asked.to }, boundOf(question)),
    sort: isList ? asked.sort : null,
    direction: isList && asked.sort === "oldest" ? "ascending" : "descending",
    mode: isList ? "cursor" : "top_n",
    note: isList
      ? "Pages go on by next_cursor."
      : "Rows that are not shown are summed up in one row; totals count all.",
  }
}
