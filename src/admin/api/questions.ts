/** The parameters that all reports share, and what they ask for together. */
import { DIMENSION_NAMES, DIMENSIONS_BY_NAME, type DimensionName } from "../../reports/dimensions.ts"
import { readAsked } from "../../reports/asked.ts"
import type { Asked } from "../../reports/section.ts"
import { FILTER_NAMES } from "../../reports/where.ts"
import type { Question, ReportTools } from "./operation.ts"
import { invalid, one, type Parameter } from "./parameter.ts"

const DAY_MS = 86_400_000
const MOST_DEFAULT_ROWS = 100
/** A month in which clocks are set back is so much longer. */
const CLOCKS_MS = 7_200_000

const text = (name: string, about: string, example: string, more: Partial<Parameter> = {}): Parameter => ({
  name,
  place: "query",
  about,
  schema: { type: "string" },
  example,
  ...more,
})

const SINCE: Parameter = text("since", "The range that ends now: `90m`, `24h`, `7d`, `4w`. Not with `from`.", "24h")
const FROM: Parameter = text("from", "Where the range begins: a date in the zone, or an instant with its offset.", "")
const TO: Parameter = text("to", "Where the range ends; it is not part of the range.", "")
const ZONE: Parameter = text("tz", "The IANA zone that days and hours are of.", "Europe/Berlin")
const WHERE: Parameter = text(
  "where",
  "Conditions, separated by commas: `project=lab,status_class!=2xx,latency_ms>=2000`.",
  "status_class!=3xx",
  { repeats: true },
)
const BY: Parameter = text(
  "by",
  `One to three dimensions that are told apart: ${DIMENSION_NAMES.join(", ")}; and tags of callers, as \`tag.team\`.`,
  "project",
)
const LIMIT: Parameter = {
  name: "limit",
  place: "query",
  about: "The most rows of a table, up to `max_rows` of the configuration.",
  schema: { type: "integer", minimum: 1, maximum: 1000 },
  example: "5",
}
const sortOf = (about: string, names: readonly string[]): Parameter =>
  text("sort", about, "newest", { schema: { type: "string", enum: [...names] } })
/** Of pages. */
export const SORT: Parameter = sortOf("Which calls come first.", ["newest", "oldest", "cost", "latency"])
const CALL_SORT: Parameter = sortOf(
  "Which calls come first; `timeUtc`, `requestId`, `costUsd` and `latencyMs` are other names.",
  ["newest", "oldest", "cost", "latency", "status", "timeUtc", "requestId", "costUsd", "latencyMs"],
)
const EVENT_SORT: Parameter = sortOf("Which events come first; `timeUtc` is by time.", [
  "newest",
  "oldest",
  "timeUtc",
  "status",
  "outcome",
  "surface",
  "reason",
])
const DIRECTION: Parameter = text(
  "direction",
  "The smallest or the largest first; cost and latency come desc.",
  "desc",
  {
    schema: { type: "string", enum: ["asc", "desc"] },
  },
)
export const CURSOR: Parameter = text(
  "cursor",
  "`next_cursor` of the page before, with otherwise the same parameters.",
  "",
)
const NEAR: Parameter = {
  name: "near",
  place: "query",
  about: "Only limits of which so many percent or more are used.",
  schema: { type: "integer", minimum: 0, maximum: 100 },
  example: "80",
}

/** Other names of dimensions. */
const FILTER_ALIASES: Readonly<Record<string, DimensionName>> = {
  caller_id: "caller",
  caller_user: "user",
  owner_user: "user",
  caller_project: "project",
  caller_environment: "environment",
  token_id: "token",
  resolved_group: "group",
  target_model: "model",
  target_dialect: "dialect",
  error_class: "error",
}

/** Every dimension is a filter by its own name. */
const FILTERS: readonly Parameter[] = [
  ...FILTER_NAMES.map((name) =>
    text(name, `${DIMENSIONS_BY_NAME[name].about} Several values: the parameter several times.`, "", { repeats: true }),
  ),
  ...Object.entries(FILTER_ALIASES).map(([name, dimension]) =>
    text(name, `The same as \`${dimension}\`.`, "", { repeats: true }),
  ),
]

export const ONE_RANGE: readonly Parameter[] = [SINCE, FROM, TO, ZONE]
export const RANGE: readonly Parameter[] = [...ONE_RANGE, WHERE, ...FILTERS]
export const TABLE: readonly Parameter[] = [...RANGE, LIMIT]
export const TABLE_BY: readonly Parameter[] = [...TABLE, BY]
export const CALL_LIST: readonly Parameter[] = [...TABLE, CALL_SORT, DIRECTION, CURSOR]
export const EVENT_LIST: readonly Parameter[] = [...TABLE, EVENT_SORT, DIRECTION, CURSOR]
export const LIMIT_LIST: readonly Parameter[] = [...TABLE, NEAR]

interface Preset {
  readonly by?: string
  readonly sort?: Asked["sort"]
  readonly tables?: readonly string[]
}

/** @throws RouterError `invalid-report-filter`; ReportRefused */
export function askedOf(
  question: Question,
  { cursors, baselines }: Pick<ReportTools, "cursors" | "baselines">,
  preset: Preset = {},
): Asked {
  const { texts, scope, rules, nowMs } = question
  const cursor = one(texts, "cursor")
  const place = cursor === undefined ? null : cursors().read(cursor, boundOf(question))
  const asked = readAsked(
    {
      since: one(texts, "since"),
      from: one(texts, "from"),
      to: one(texts, "to"),
      tz: one(texts, "tz"),
      by: one(texts, "by") ?? preset.by,
      where: [...(texts.get("where") ?? []), ...ownFilters(question)],
      top: limitOf(question),
      sort: one(texts, "sort") ?? preset.sort,
      direction: one(texts, "direction"),
      tables: preset.tables,
      near: one(texts, "near"),
    },
    {
      // the end of the first page's range
      nowMs: place === null ? nowMs : place.to - 1,
      sinceMs: rules.defaultSinceMs,
      zone: "UTC",
      top: Math.min(MOST_DEFAULT_ROWS, rules.maxRows),
      scope,
      baselines: baselines(),
    },
  )
  if (asked.to - asked.from > rules.maxRangeMs + CLOCKS_MS) {
    const most =
      rules.maxRangeMs >= 2 * DAY_MS
        ? `${Math.floor(rules.maxRangeMs / DAY_MS)} days`
        : `${Math.floor(rules.maxRangeMs / 3_600_000)} hours`
    throw invalid(texts.has("from") ? "from" : "since", `A range has at most ${most} (server.admin_reports.max_range).`)
  }
  return { ...asked, after: place?.place ?? null }
}

export function boundOf({
  path,
  texts,
  administrator,
}: Question): Parameters<ReturnType<ReportTools["cursors"]>["read"]>[1] {
  return { path, texts, domain: administrator.domain }
}

function ownFilters({ texts }: Question): string[] {
  const named = [...FILTER_NAMES.map((name) => [name, name] as const), ...Object.entries(FILTER_ALIASES)]
  return named.flatMap(([name, dimension]) =>
    (texts.get(name) ?? []).map((value) => `${dimension}=${JSON.stringify(value)}`),
  )
}

function limitOf({ texts, rules }: Question): string | undefined {
  const limit = one(texts, "limit")
  if (limit !== undefined && Number(limit) > rules.maxRows)
    throw invalid("limit", `At most ${rules.maxRows} rows can be asked for at once (server.admin_reports.max_rows).`)
  if (limit !== undefined && (!/^\d{1,9}$/.test(limit) || Number(limit) < 1))
    throw invalid("limit", `A whole number from 1 to ${rules.maxRows} is needed.`)
  return limit
}
