/** Operations that are no section and no page: one call, and what the usage database itself is like. */
import { RouterError } from "../../errors.ts"
import { callEvidence, completenessOf, evidenceParts } from "../../reports/evidence.ts"
import { filtersOf } from "../../reports/breakdown.ts"
import { dimensionNamed } from "../../reports/dimensions.ts"
import { FILTER_NAMES } from "../../reports/where.ts"
import { askedOf, RANGE } from "./questions.ts"
import { sees } from "../domain.ts"
import type { Operation, Question, ReportTools } from "./operation.ts"
import { invalid, one, type Parameter } from "./parameter.ts"
import { reportLedger } from "./report-ledger.ts"
import {
  EVIDENCE_SCHEMA,
  EXPLANATION_SCHEMA,
  FACETS_SCHEMA,
  MIGRATIONS_SCHEMA,
  OBJECT_SCHEMA,
  RETENTION_SCHEMA,
} from "./schemas.ts"

const DAY_MS = 86_400_000

const ID = {
  name: "request_id",
  about: "The id of a call (`X-Request-Id`).",
  schema: { type: "string", pattern: "^req_[0-9a-f]{32}$" },
  example: "",
} as const
export const IN_PATH: Parameter = { ...ID, place: "path" }
const IN_QUERY: Parameter = { ...ID, place: "query", isRequired: true }

const DIMENSION: Parameter = {
  name: "dimension",
  place: "query",
  about: "Whose values; absent: project.",
  schema: { type: "string" },
  example: "model",
}

export const SINGLE: readonly Operation[] = [
  {
    id: "request",
    path: "/api/request/{request_id}",
    summary: "How a call was decided, tried and paid for.",
    permission: { object: "admin:reports", action: "drilldown" },
    parameters: [IN_PATH],
    answers: { type: "application/json", schema: EXPLANATION_SCHEMA },
    handle: async ({ names, administrator }, { explained }) => ({
      is: "json",
      value: await explained(names["request_id"] ?? "", administrator),
    }),
  },
  {
    id: "requestEvidence",
    path: "/api/request-evidence",
    summary: "Everything that is recorded of a call, and which parts of it are missing.",
    permission: { object: "admin:reports", action: "drilldown" },
    parameters: [IN_QUERY],
    answers: { type: "application/json", schema: EVIDENCE_SCHEMA },
    handle: async (question, tools) => ({ is: "json", value: await evidenceOf(question, tools) }),
  },
  {
    id: "facets",
    path: "/api/facets",
    summary: "The values that a dimension has in the range, most calls first: what a filter can name.",
    permission: { object: "admin:reports", action: "read" },
    parameters: [...RANGE, DIMENSION],
    answers: { type: "application/json", schema: FACETS_SCHEMA },
    handle: async (question, tools) => ({ is: "json", value: await facetsOf(question, tools) }),
  },
  {
    id: "migrations",
    path: "/api/migrations",
    summary: "The steps of the schema of the usage database, and how far those have come that go through calls.",
    permission: { object: "admin:reports", action: "read" },
    parameters: [],
    answers: { type: "application/json", schema: MIGRATIONS_SCHEMA },
    handle: async (question, tools) => ({ is: "json", value: await migrationsOf(question, tools) }),
  },
  {
    id: "retentionStatus",
    path: "/api/retention-status",
    summary: "How long each kind of data is kept, and of when the oldest is.",
    permission: { object: "admin:reports", action: "read" },
    parameters: [],
    answers: { type: "application/json", schema: RETENTION_SCHEMA },
    handle: async (question, tools) => ({ is: "json", value: await retentionOf(question, tools) }),
  },
  {
    id: "version",
    path: "/api/version",
    summary: "Which build answers.",
    permission: { object: "admin:reports", action: "read" },
    parameters: [],
    answers: { type: "application/json", schema: OBJECT_SCHEMA },
    handle: (_, { version }) => Promise.resolve({ is: "json", value: version }),
  },
]

async function facetsOf(question: Question, tools: ReportTools): Promise<object> {
  const dimension = dimensionNamed(one(question.texts, "dimension") ?? "project")
  if (dimension?.is !== "value") throw invalid("dimension", `There are ${FILTER_NAMES.join(", ")}, and tags.`)
  const asked = askedOf(question, tools)
  const { from, to } = asked
  const where = filtersOf(asked)
  const found = await tools.reports.facets({ dimension: dimension.stored, from, to, where }, question.signal)
  return { values: found.map(({ value, calls }) => ({ value, calls: Number(calls) })) }
}

async function evidenceOf({ texts, administrator, signal }: Question, { reports }: ReportTools): Promise<object> {
  const id = one(texts, "request_id")
  if (id === undefined) throw invalid("request_id", "`request_id` names the call: the X-Request-Id of its answer.")
  const isThere = /^req_[0-9a-f]{32}$/.test(id)
  const evidence = isThere
    ? await callEvidence(reportLedger(reports, signal), id, (usage) =>
        sees(administrator.domain, usage.caller_project, usage.caller_environment),
      )
    : null
  if (evidence === null) throw new RouterError("not-found", { message: "There is no such call." })
  const parts = evidenceParts(evidence)
  const { completeness, score } = completenessOf(parts)
  const { usage, attempts, error, decision, trace, losses, translations } = evidence
  return {
    request_id: id,
    diagnosticCompleteness: completeness,
    diagnosticCompletenessScore: score,
    evidenceSections: parts.map(({ part, title, state, why }) => ({ part, title, state, why })),
    usage,
    attempts,
    error,
    trace,
    losses,
    translations,
    traffic_shaping: evidence.callerShaping,
    provider_shaping: evidence.providerShaping,
    contracts: evidence.contracts,
    ...decision,
  }
}

/** What the router is like is told to those who see all of it. @throws RouterError `reports-forbidden` */
function expectAll({ administrator }: Question): void {
  if (administrator.domain !== "*")
    throw new RouterError("reports-forbidden", {
      message: "Only administrators who see all projects are told this.",
    })
}

interface Step {
  readonly version: number
  readonly name: string
  readonly applied_at: number
}

async function migrationsOf(question: Question, { reports }: ReportTools): Promise<object> {
  expectAll(question)
  const { signal } = question
  const steps = await reports.rows<Step>(
    "SELECT version, name, applied_at FROM schema_migrations ORDER BY version",
    [],
    signal,
  )
  const positions = await reports.rows<{ readonly version: number; readonly position: string }>(
    "SELECT version, position FROM migration_positions ORDER BY version",
    [],
    signal,
  )
  return {
    steps: (steps ?? []).map(({ version, name, applied_at: at }) => ({ version, name, applied_at: isoOf(at) })),
    in_progress: positions ?? [],
  }
}

/** The kinds of data, each by the oldest id of the table that tells how far back it goes. */
const CLASSES = [
  ["usage_detail", "request_usage", "request_id"],
  ["usage_diagnostics", "request_trace_events", "request_id"],
  ["decision_telemetry", "request_routing_decisions", "request_id"],
  ["security_access_events", "security_access_events", "event_id"],
] as const

async function retentionOf(question: Question, { reports }: ReportTools): Promise<object> {
  expectAll(question)
  const { rules, signal } = question
  const classes: object[] = []
  for (const [name, table, id] of CLASSES) {
    const [oldest] =
      (await reports.rows<{ readonly id: string | null }>(`SELECT min(${id}) AS id FROM ${table}`, [], signal)) ?? []
    const keptMs = name === "security_access_events" ? rules.securityKeptMs : null
    classes.push({
      data_class: name,
      table,
      kept_days: keptMs === null ? null : keptMs / DAY_MS,
      oldest_at: isoOfId(oldest?.id ?? null),
    })
  }
  return { classes, note: "Data without kept_days is kept for good." }
}

/** Ids begin with their millisecond. */
function isoOfId(id: string | null): string | null {
  const ms = Number.parseInt(/^[a-z]+_([0-9a-f]{12})/.exec(id ?? "")?.[1] ?? "", 16)
  return Number.isNaN(ms) ? null : isoOf(ms)
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}
