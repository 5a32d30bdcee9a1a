import { detailTable, newestNote, newestOf, type Part, quantile } from "../details.ts"
import { columnOf } from "../figure-makers.ts"
import { dimensionColumn, isWanted } from "../breakdown.ts"
import type { DimensionName } from "../dimensions.ts"
import type { Asked, Column, SectionDefinition, Sources, Table } from "../section.ts"

const CALLER_COLUMNS = [
  "d.request_id AS request_id",
  "d.scope AS scope",
  "d.bucket AS bucket",
  "d.decision AS decision",
]
const WAITS = ["d.queue_wait_ms AS queue_wait_ms", "d.retry_after_ms AS retry_after_ms"]
const OWNERS = [
  "u.caller_id AS caller",
  "u.caller_project AS project",
  "u.caller_user AS user_name",
  "u.token_id AS token",
  "u.client AS client",
  "u.resolved_group AS group_name",
]

const WAIT_COLUMNS: readonly Column[] = [
  columnOf("wait_p50_ms", "ms", "Wait p50", "Half of the waits in the caller's queue were no longer."),
  columnOf("wait_p95_ms", "ms", "Wait p95", "95 of 100 waits were no longer."),
  columnOf("wait_max_ms", "ms", "Longest wait", "The longest wait in the caller's queue."),
  columnOf("retry_after_max_ms", "ms", "Longest retry-after", "The longest time that callers were told to wait."),
]

const QUEUED = columnOf("queued", "count", "Queued", "Calls that waited in the caller's queue.")
const REFUSED = columnOf("refused", "count", "Refused", "Calls that were refused with 429.")

/** What the tables tell apart: the column of the newest rows, and the key that stands in the table. */
const BY: readonly (readonly [
  id: string,
  title: string,
  columns: readonly (readonly [sql: string, column: Column])[],
])[] = [
  [
    "by_bucket",
    "Callers' buckets",
    [
      ["scope", columnOf("scope", "text", "Scope", "Caller or project.")],
      ["bucket", columnOf("bucket", "text", "Bucket", "The token bucket.")],
    ],
  ],
  [
    "by_caller",
    "By project and caller",
    [
      ["project", dimensionColumn("project")],
      ["caller", dimensionColumn("caller")],
    ],
  ],
  ["by_user", "By user", [["user_name", dimensionColumn("user")]]],
  ["by_token", "By token", [["token", dimensionColumn("token")]]],
  ["by_client", "By client", [["client", dimensionColumn("client")]]],
  ["by_group", "By group", [["group_name", dimensionColumn("group")]]],
]

const QUEUED_ONLY = "decision = 'queued'"

const NOT_SHAPED =
  "No call waited for a token bucket of its caller, or was refused by one, in this range that the filters leave."

export const SHAPING: SectionDefinition = {
  id: "shaping",
  title: "Traffic shaping",
  about:
    "Which calls waited for their callers' token buckets or were refused by them, and where providers' shared capacity held calls back.",
  takesBy: false,
  reads: ["usage_diagnostics"],
  build: async (asked, sources) => {
    const newest = newestOf(asked, "request_traffic_shape_events", [...CALLER_COLUMNS, ...WAITS, ...OWNERS])
    const [own, shared] = await Promise.all([
      Promise.all(BY.filter(([id]) => isWanted(asked, id)).map((by) => callerTable(asked, sources, newest, by))),
      Promise.all([
        ...(isWanted(asked, "provider_capacity") ? [capacity(asked, sources)] : []),
        ...(isWanted(asked, "adaptive_backoff") ? [backoff(asked, sources)] : []),
      ]),
    ])
    return {
      tables: [...own, ...shared],
      charts: [],
      notes: [newestNote(asked, "events of each kind")],
    }
  },
}

async function callerTable(
  asked: Asked,
  { rows }: Sources,
  newest: Part,
  [id, title, columns]: (typeof BY)[number],
): Promise<Table> {
  const keys = columns.map(([sql]) => sql)
  const named = columns.map(([sql, { key }]) => `${sql} AS "${key}"`)
  const sql = `SELECT ${named.join(", ")}, count(*) AS events,
      sum(CASE WHEN decision = 'queued' THEN 1 ELSE 0 END) AS queued,
      sum(CASE WHEN decision = 'refused' THEN 1 ELSE 0 END) AS refused,
      ${quantile("queue_wait_ms", 50, QUEUED_ONLY)} AS wait_p50_ms, ${quantile("queue_wait_ms", 95, QUEUED_ONLY)} AS wait_p95_ms,
      MAX(queue_wait_ms) AS wait_max_ms, MAX(retry_after_ms) AS retry_after_max_ms
    FROM (SELECT e.*, ROW_NUMBER() OVER (PARTITION BY ${keys.join(", ")}, decision ORDER BY queue_wait_ms) AS place,
        COUNT(*) OVER (PARTITION BY ${keys.join(", ")}, decision) AS places FROM ${newest.sql} AS e) AS ranked
    GROUP BY ${keys.join(", ")} ORDER BY events DESC, ${keys.join(", ")}`
  const found = await rows<Record<string, string | number | null>>(sql, newest.parameters)
  const shown = [...columns.map(([, column]) => column), { ...QUEUED, bar: true }, REFUSED, ...WAIT_COLUMNS]
  return detailTable({ id, title, columns: shown, empty: NOT_SHAPED, notes: [], top: asked.top }, found ?? [])
}

function targetColumns(): readonly Column[] {
  return (["provider", "model"] as readonly DimensionName[]).map((name) => ({
    ...dimensionColumn(name),
    about: "Of the target that was held back.",
  }))
}

const UPSTREAM = [
  "d.scope AS scope",
  "d.provider AS provider",
  "d.model AS model",
  "d.bucket AS bucket",
  "d.decision AS decision",
  "d.retry_after_ms AS retry_after_ms",
  "d.backoff_reason AS backoff_reason",
  "u.caller_user AS user_name",
  "u.client AS client",
]

const AFFECTED: readonly Column[] = [
  columnOf("users", "count", "Users", "How many users it met."),
  columnOf("clients", "count", "Clients", "How many client programs it met."),
  columnOf("retry_after_max_ms", "ms", "Longest pause", "The longest time until the target could be tried again."),
]

const COUNTS =
  "count(*) AS events, count(DISTINCT user_name) AS users, count(DISTINCT client) AS clients, MAX(retry_after_ms) AS retry_after_max_ms"

async function capacity(asked: Asked, { rows }: Sources): Promise<Table> {
  const newest = newestOf(asked, "request_upstream_shape_events", UPSTREAM)
  const sql = `SELECT scope, provider, model, bucket, ${COUNTS} FROM ${newest.sql} AS e WHERE decision = 'throttled'
    GROUP BY scope, provider, model, bucket ORDER BY events DESC, scope, provider, model, bucket`
  const found = await rows<Record<string, string | number | null>>(sql, newest.parameters)
  return detailTable(
    {
      id: "provider_capacity",
      title: "Providers' shared capacity",
      columns: [
        columnOf("scope", "text", "Scope", "provider, provider_model or target."),
        ...targetColumns(),
        columnOf("bucket", "text", "Bucket", "The token bucket that had no room."),
        { ...columnOf("events", "count", "Held back", "How often a call went to the next target."), bar: true },
        ...AFFECTED,
      ],
      empty: "No target was passed over because its shared capacity was used up.",
      notes: [],
      top: asked.top,
    },
    found ?? [],
  )
}

async function backoff(asked: Asked, { rows }: Sources): Promise<Table> {
  const newest = newestOf(asked, "request_upstream_shape_events", UPSTREAM)
  const sql = `SELECT provider, model, decision, coalesce(backoff_reason, '') AS reason, ${COUNTS} FROM ${newest.sql} AS e
    WHERE decision <> 'throttled' GROUP BY 1, 2, 3, 4 ORDER BY events DESC, 1, 2, 3, 4`
  const found = await rows<Record<string, string | number | null>>(sql, newest.parameters)
  return detailTable(
    {
      id: "adaptive_backoff",
      title: "Pauses after providers' refusals",
      columns: [
        ...targetColumns(),
        columnOf(
          "decision",
          "text",
          "What",
          "backoff: a refusal began a pause; deferred: a pause put the target behind the others.",
        ),
        columnOf("reason", "text", "Because of", "rate_limited or quota_exhausted."),
        { ...columnOf("events", "count", "Events", "How often."), bar: true },
        ...AFFECTED,
      ],
      empty: "No provider's refusal began a pause.",
      notes: [],
      top: asked.top,
    },
    found ?? [],
  )
}
