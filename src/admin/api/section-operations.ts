/** Operations that answer sections of reports: one for each section, and the names that programs know from elsewhere. */
import { buildSection, sourcesOf } from "../../reports/build.ts"
import { sectionJson } from "../../reports/section-json.ts"
import type { Asked, Section, SectionDefinition, SectionId } from "../../reports/section.ts"
import type { Answer, Operation, Permission, Question, ReportTools } from "./operation.ts"
import type { Parameter } from "./parameter.ts"
import { askedOf, boundOf, CALL_LIST, EVENT_LIST, LIMIT_LIST, TABLE, TABLE_BY } from "./questions.ts"
import { SECTION_SCHEMA } from "./schemas.ts"

interface Named {
  readonly path: string
  readonly section: SectionId
  readonly by?: string
  readonly sort?: Asked["sort"]
  /** These tables of the section alone; absent: all. */
  readonly tables?: readonly string[]
}

/** Other names for a section, some with what it is told apart by. */
const NAMED: readonly Named[] = [
  { path: "summary", section: "summary" },
  { path: "overview", section: "summary" },
  { path: "requests", section: "calls" },
  { path: "expensive-requests", section: "calls", sort: "cost" },
  { path: "usage-by-key", section: "usage", by: "token" },
  { path: "usage-by-user", section: "usage", by: "user" },
  { path: "usage-by-end-user", section: "usage", tables: ["by_end_user"] },
  { path: "usage-by-caller", section: "usage", by: "caller" },
  { path: "usage-by-requested-model", section: "usage", by: "requested_model" },
  { path: "model-groups-by-user", section: "usage", by: "group,user" },
  { path: "provider-model-mix", section: "usage", by: "provider,model" },
  { path: "clients", section: "usage", by: "client" },
  { path: "projects", section: "usage", by: "project" },
  { path: "cache", section: "usage", by: "cache" },
  { path: "capability-usage", section: "routing", tables: ["capabilities"] },
  { path: "savings", section: "savings" },
  { path: "savings-by-user", section: "savings", by: "user" },
  { path: "savings-by-key", section: "savings", by: "token" },
  { path: "savings-by-group", section: "savings", by: "group" },
  { path: "savings-by-project", section: "savings", by: "project" },
  { path: "savings-by-provider-model", section: "savings", by: "provider,model" },
  { path: "latency-throughput", section: "performance" },
  { path: "errors-fallbacks", section: "errors" },
  { path: "troubleshooting", section: "errors" },
  { path: "upstream-failures", section: "errors", tables: ["upstream_failures"] },
  { path: "request-shape-failures", section: "errors", tables: ["request_failures"] },
  { path: "fallback-health", section: "errors", tables: ["fallbacks", "by_target"] },
  { path: "user-client-impact", section: "errors", tables: ["impact"] },
  { path: "admission-reasons", section: "errors", tables: ["admission"] },
  { path: "anomalies", section: "errors", tables: ["anomalies"] },
  { path: "routing-decisions", section: "routing" },
  { path: "dynamic-signals", section: "routing", tables: ["score_terms"] },
  { path: "dynamic-score-buckets", section: "routing", tables: ["score_buckets"] },
  { path: "dynamic-thresholds", section: "routing", tables: ["thresholds"] },
  { path: "max-token-buckets", section: "routing", tables: ["output_caps"] },
  { path: "input-token-buckets", section: "routing", tables: ["input_sizes"] },
  { path: "contracts", section: "routing", tables: ["contracts"] },
  { path: "contract-workloads", section: "routing", tables: ["contracts"] },
  { path: "validation", section: "routing", tables: ["validation"] },
  { path: "traffic-shaping-overview", section: "shaping" },
  { path: "traffic-shaping-by-user", section: "shaping", tables: ["by_user"] },
  { path: "traffic-shaping-by-key", section: "shaping", tables: ["by_token"] },
  { path: "traffic-shaping-by-client", section: "shaping", tables: ["by_client"] },
  { path: "traffic-shaping-by-group", section: "shaping", tables: ["by_group"] },
  { path: "provider-capacity-shaping", section: "shaping", tables: ["provider_capacity"] },
  { path: "adaptive-upstream-backoff", section: "shaping", tables: ["adaptive_backoff"] },
  { path: "traffic-tuning-advisor", section: "advisor" },
  { path: "quotas", section: "limits" },
  { path: "quota-status", section: "limits" },
  { path: "provider-catalog-status", section: "catalog" },
  { path: "security/events", section: "security", tables: ["events"] },
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

function operationOf(section: SectionDefinition, { path, by, sort, tables }: Named): Operation {
  const preset = {
    ...(by === undefined ? {} : { by }),
    ...(sort === undefined ? {} : { sort }),
    ...(tables === undefined ? {} : { tables }),
  }
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
  if (id === "security") return EVENT_LIST
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
  const isList = id === "calls" || id === "security"
  const list = tables.find((table) => table.id === (id === "security" ? "events" : id)) ?? tables[0]
  const rows = list?.rows.length ?? 0
  const rest = Math.max(0, ...tables.map(({ restOf }) => restOf))
  return {
    limit: asked.top,
    returned: rows,
    total_count: null,
    has_more: isList ? next !== null : rest > 0,
    next_cursor: next === null ? null : cursors().write({ place: next, to: asked.to }, boundOf(question)),
    sort: isList ? asked.sort : null,
    direction: isList && asked.isAscending ? "ascending" : "descending",
    mode: isList ? "cursor" : "top_n",
    note: isList
      ? "Pages go on by next_cursor."
      : "Rows that are not shown are summed up in one row; totals count all.",
  }
}
