/** What reports tell calls apart by, once for every surface: a dimension that is added here is known to all of them. */
import { dimensionTitle } from "./dimension-titles.ts"
import { type Dimension, isTag, type NamedDimension, type Slot, type TagDimension } from "./query.ts"

interface Told {
  readonly title: string
  /** A sentence for the documentation. */
  readonly about: string
}

/** Of the cube. `sql`: the same text from a row of `request_usage AS u`, for details that the cube does not hold. */
export interface CallDimension extends Told {
  readonly is: "value"
  readonly stored: Dimension
  readonly sql: string
}

export interface TimeDimension extends Told {
  readonly is: "time"
  readonly slot: Slot
}

function value(stored: Dimension, about: string, sql: string): CallDimension {
  return { is: "value", stored, title: dimensionTitle(stored), about, sql }
}

function time(slot: Slot, title: string, about: string): TimeDimension {
  return { is: "time", slot, title, about }
}

/** Questions and columns say `dialect` for that of the target. */
export type DimensionName = KnownName | TagDimension

type KnownName = Exclude<NamedDimension, "target_dialect"> | "dialect" | Exclude<Slot, "15m">

const BLAME = `(CASE WHEN u.error IS NULL AND u.status < 400 THEN '' ELSE
  coalesce((SELECT told.blame FROM request_errors AS told WHERE told.request_id = u.request_id), 'upstream') END)`

export const DIMENSIONS_BY_NAME: Readonly<Record<KnownName, CallDimension | TimeDimension>> = {
  caller: value("caller", "The id of the caller.", "u.caller_id"),
  token: value("token", "The id of the caller's token.", "u.token_id"),
  user: value("user", "The user of the caller.", "u.caller_user"),
  project: value("project", "The project of the caller.", "u.caller_project"),
  environment: value("environment", "The environment of the caller.", "u.caller_environment"),
  group: value("group", "The group that the call was resolved to.", "u.resolved_group"),
  requested_model: value("requested_model", "The model that the client named.", "u.requested_model"),
  provider: value("provider", "The provider of the target.", "coalesce(u.target_provider, '')"),
  model: value("model", "The model of the target.", "coalesce(u.target_model, '')"),
  dialect: value("target_dialect", "The dialect of the target.", "coalesce(u.target_dialect, '')"),
  client_dialect: value("client_dialect", "The dialect that the client spoke.", "u.inbound_dialect"),
  client: value("client", "The client program, as its User-Agent says.", "u.client"),
  status: value("status", "The HTTP status of the answer.", "CAST(u.status AS TEXT)"),
  status_class: value(
    "status_class",
    "The class of the status: 2xx, 4xx or 5xx.",
    "(CAST(u.status / 100 AS TEXT) || 'xx')",
  ),
  error: value("error", "The code of the error; empty where there was none.", "coalesce(u.error, '')"),
  blame: value("blame", "Whose fault an error was: caller, operator, router or upstream.", BLAME),
  stream: value(
    "stream",
    "Whether the answer was streamed: true or false.",
    "(CASE WHEN u.stream = 1 THEN 'true' ELSE 'false' END)",
  ),
  cache: value("cache", "What the cache did.", "u.cache"),
  usage_source: value("usage_source", "Who counted the tokens.", "u.usage_source"),
  strategy: value("strategy", "The strategy of the group.", "u.strategy"),
  cost_unknown: value(
    "cost_unknown",
    "Why the cost is not known; empty where it is known.",
    "coalesce(u.cost_unknown_reason, '')",
  ),
  hour: time("hour", "Hour", "An hour of the time zone."),
  day: time("day", "Day", "A day of the time zone."),
  week: time("week", "Week", "A week of the time zone, from Monday on."),
  month: time("month", "Month", "A month of the time zone."),
}

export const DIMENSION_NAMES: readonly KnownName[] = Object.keys(DIMENSIONS_BY_NAME) as KnownName[]

/** Undefined: there is no such dimension. */
export function dimensionNamed(name: string): CallDimension | TimeDimension | undefined {
  if (isTag(name)) return tagDimension(name)
  return Object.hasOwn(DIMENSIONS_BY_NAME, name) ? DIMENSIONS_BY_NAME[name as KnownName] : undefined
}

export function dimensionOf(name: DimensionName): CallDimension | TimeDimension {
  return isTag(name) ? tagDimension(name) : DIMENSIONS_BY_NAME[name]
}

/** By the cube's own name. */
export function callDimension(stored: Dimension): CallDimension {
  if (isTag(stored)) return tagDimension(stored)
  return BY_STORED[stored]
}

const BY_STORED: Readonly<Record<NamedDimension, CallDimension>> = Object.fromEntries(
  Object.values(DIMENSIONS_BY_NAME).flatMap((dimension) =>
    dimension.is === "value" ? [[dimension.stored, dimension]] : [],
  ),
) as Record<NamedDimension, CallDimension>

/** A tag's name has no character that SQL would read otherwise. */
function tagDimension(tag: TagDimension): CallDimension {
  const name = tag.slice("tag.".length)
  const sql = `coalesce((SELECT held.value FROM caller_tags AS held WHERE held.caller_id = u.caller_id AND held.name = '${name}'
    AND held.since <= u.ts AND (held.until IS NULL OR held.until > u.ts) ORDER BY held.since DESC LIMIT 1), '')`
  return value(tag, `The tag ${name} of the caller, when the call was made.`, sql)
}
