/** The shapes of answers, for the document of the API. */
import type { JsonSchema } from "./parameter.ts"

const TEXT = { type: "string" } as const
const CELL = { type: ["string", "number", "null"] } as const
const listOf = (items: JsonSchema): JsonSchema => ({ type: "array", items })
const mapping = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: "object",
  properties,
  required: Object.keys(properties),
})

const COLUMN = mapping({ key: TEXT, title: TEXT, unit: TEXT, kind: TEXT, about: TEXT })
const TABLE = mapping({
  id: TEXT,
  title: TEXT,
  columns: listOf(COLUMN),
  rows: listOf(listOf(CELL)),
  restOf: { type: "integer" },
  totals: { type: ["array", "null"] },
  empty: TEXT,
  notes: listOf(TEXT),
})
const AXIS = mapping({ title: TEXT, unit: TEXT, kind: TEXT })
const CHART = mapping({
  id: TEXT,
  title: TEXT,
  form: { enum: ["lines", "stack", "bars"] },
  axes: mapping({ x: AXIS, y: AXIS }),
  units: TEXT,
  series: listOf(mapping({ key: { type: ["string", "null"] }, title: TEXT })),
  points: listOf(mapping({ x: CELL, y: listOf(CELL) })),
})
const PAGINATION = mapping({
  limit: { type: "integer" },
  returned: { type: "integer" },
  total_count: { type: ["integer", "null"] },
  has_more: { type: "boolean" },
  next_cursor: { type: ["string", "null"] },
  sort: { type: ["string", "null"] },
  direction: { enum: ["ascending", "descending"] },
  mode: { enum: ["cursor", "top_n"] },
  note: TEXT,
})

/** Money is a decimal text in USD, time an ISO text in UTC; everything else is a number, a text or null. */
export const SECTION_SCHEMA: JsonSchema = mapping({
  id: TEXT,
  title: TEXT,
  about: TEXT,
  range: mapping({ from: TEXT, to: TEXT, time_zone: TEXT }),
  tables: listOf(TABLE),
  charts: listOf(CHART),
  notes: listOf(TEXT),
  pagination: PAGINATION,
})

export const PAGE_SCHEMA: JsonSchema = mapping({
  page: TEXT,
  from: { type: "integer" },
  to: { type: "integer" },
  zone: TEXT,
  slot: TEXT,
  before: { type: ["object", "null"] },
  asOf: { type: "integer" },
  isSample: { type: "boolean" },
  blocks: listOf(mapping({ id: TEXT, title: TEXT, show: TEXT })),
})

export const ERROR_SCHEMA: JsonSchema = mapping({
  error: {
    type: "object",
    properties: { type: TEXT, code: TEXT, message: TEXT, param: { type: ["string", "null"] }, request_id: TEXT },
    required: ["type", "code", "message", "param", "request_id"],
  },
})

const COUNT = { type: "integer" } as const

export const CONTENT_SCHEMA: JsonSchema = mapping({
  request_id: TEXT,
  ts: TEXT,
  caller: TEXT,
  group: TEXT,
  retention_until: TEXT,
  parts: listOf(
    mapping({
      part: TEXT,
      form: { enum: ["json", "events", "text"] },
      content: TEXT,
      original_bytes: COUNT,
      kept_bytes: COUNT,
      truncated: { type: "boolean" },
      redactions: COUNT,
      left_out: COUNT,
    }),
  ),
})
export const DELETED_SCHEMA: JsonSchema = mapping({ request_id: TEXT, deleted_parts: COUNT })
export const PURGED_SCHEMA: JsonSchema = mapping({ deleted_pieces: COUNT, has_more: { type: "boolean" } })

export const OBJECT_SCHEMA: JsonSchema = { type: "object" }

export const EXPLANATION_SCHEMA: JsonSchema = {
  type: "object",
  properties: {
    source: TEXT,
    request_id: TEXT,
    caller: TEXT,
    group: TEXT,
    strategy: TEXT,
    attempts: { type: "array" },
  },
  required: ["source", "request_id", "caller", "group", "strategy", "attempts"],
}

const OBJECTS = listOf({ type: "object" })

export const EVIDENCE_SCHEMA: JsonSchema = mapping({
  request_id: TEXT,
  diagnosticCompleteness: { enum: ["complete", "partial_expected", "partial_missing", "minimal"] },
  diagnosticCompletenessScore: { type: "integer" },
  evidenceSections: listOf(
    mapping({ part: TEXT, title: TEXT, state: { enum: ["present", "not_applicable", "missing"] }, why: TEXT }),
  ),
  usage: OBJECT_SCHEMA,
  attempts: OBJECTS,
  error: { type: ["object", "null"] },
  trace: OBJECTS,
  losses: OBJECTS,
  translations: OBJECTS,
  traffic_shaping: OBJECTS,
  provider_shaping: OBJECTS,
  contracts: OBJECTS,
  shape: { type: ["object", "null"] },
  candidates: OBJECTS,
  filterReasons: OBJECTS,
  decisions: OBJECTS,
  terms: OBJECTS,
  policies: OBJECTS,
  fallbacks: OBJECTS,
})

export const MIGRATIONS_SCHEMA: JsonSchema = mapping({
  steps: listOf(mapping({ version: { type: "integer" }, name: TEXT, applied_at: TEXT })),
  in_progress: listOf(mapping({ version: { type: "integer" }, position: TEXT })),
})

export const RETENTION_SCHEMA: JsonSchema = mapping({
  classes: listOf(
    mapping({
      data_class: TEXT,
      table: TEXT,
      kept_days: { type: ["number", "null"] },
      oldest_at: { type: ["string", "null"] },
    }),
  ),
  note: TEXT,
  retention: OBJECT_SCHEMA,
})

export const FACETS_SCHEMA: JsonSchema = mapping({
  values: listOf(mapping({ value: TEXT, calls: { type: "integer" } })),
})
