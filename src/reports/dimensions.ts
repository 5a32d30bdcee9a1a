/** What reports tell calls apart by, once for every surface: a dimension that is added here is known to all of them. */
import type { Dimension, Slot } from "./query.ts"

interface Told {
  readonly title: string
  /** A sentence for the documentation. */
  readonly about: string
}

/** Of the cube. `sql`: the same value from a row of `request_usage u`, for details that the cube does not hold. */
export interface CallDimension extends Told {
  readonly is: "value"
  readonly stored: Dimension
  readonly sql: string | null
}

export interface TimeDimension extends Told {
  readonly is: "time"
  readonly slot: Slot
}

function value(stored: Dimension, title: string, about: string, sql: string | null): CallDimension {
  return { is: "value", stored, title, about, sql }
}

function time(slot: Slot, title: string, about: string): TimeDimension {
  return { is: "time", slot, title, about }
}

export const DIMENSIONS_BY_NAME = {
  caller: value("caller", "Caller", "The id of the caller.", "u.caller_id"),
  token: value("token", "Token", "The id of the caller's token.", "u.token_id"),
  user: value("user", "User", "The user of the caller.", "u.caller_user"),
  project: value("project", "Project", "The project of the caller.", "u.caller_project"),
  environment: value("environment", "Environment", "The environment of the caller.", "u.caller_environment"),
  group: value("group", "Group", "The group that the call was resolved to.", "u.resolved_group"),
  requested_model: value("requested_model", "Requested model", "The model that the client named.", "u.requested_model"),
  provider: value("provider", "Provider", "The provider that served the call.", "coalesce(u.target_provider, '')"),
  model: value("model", "Model", "The model that served the call.", "coalesce(u.target_model, '')"),
  dialect: value(
    "target_dialect",
    "Dialect",
    "The dialect of the target that served the call.",
    "coalesce(u.target_dialect, '')",
  ),
  client_dialect: value("client_dialect", "Client dialect", "The dialect that the client spoke.", "u.inbound_dialect"),
  client: value("client", "Client", "The client program, by its User-Agent.", "u.client"),
  status: value("status", "Status", "The HTTP status of the answer.", "u.status"),
  status_class: value("status_class", "Status class", "The class of the status: 2xx, 4xx, 5xx.", "(u.status / 100)"),
  error: value("error", "Error", "The code of the error; empty where there was none.", "coalesce(u.error, '')"),
  blame: value("blame", "Blame", "Whose fault an error was: caller, operator, router or upstream.", null),
  stream: value("stream", "Stream", "Whether the answer was streamed: true or false.", "u.stream"),
  cache: value("cache", "Cache", "What the cache did.", "u.cache"),
  usage_source: value("usage_source", "Usage source", "Where the counters of tokens come from.", "u.usage_source"),
  strategy: value("strategy", "Strategy", "The strategy of the group.", "u.strategy"),
  cost_unknown: value(
    "cost_unknown",
    "Cost unknown",
    "Why the cost is not known; empty where it is.",
    "coalesce(u.cost_unknown_reason, '')",
  ),
  hour: time("hour", "Hour", "Hours of the zone."),
  day: time("day", "Day", "Days of the zone."),
  week: time("week", "Week", "Weeks of the zone, from Monday on."),
  month: time("month", "Month", "Months of the zone."),
} as const satisfies Readonly<Record<string, CallDimension | TimeDimension>>

export type DimensionName = keyof typeof DIMENSIONS_BY_NAME

export const DIMENSION_NAMES: readonly DimensionName[] = Object.keys(DIMENSIONS_BY_NAME) as DimensionName[]
