import {
  detailTable,
  idsBetween,
  ignoredNotes,
  MOST_DETAILS,
  MOST_FILTERED,
  type Part,
  textCondition,
} from "../details.ts"
import { columnOf } from "../figure-makers.ts"
import type { Filter } from "../query.ts"
import type { Asked, Column, SectionDefinition } from "../section.ts"

const text = (key: string, title: string, about: string): Column => columnOf(key, "text", title, about)

const EVENTS: Column = { ...columnOf("events", "count", "Events", "How often."), bar: true }

const KINDS: readonly Column[] = [
  text("surface", "Surface", "What was asked for: calls, api, metrics or admin."),
  text(
    "event_type",
    "Event",
    "credential: a token; model: a group that is not allowed; metrics, admin: what only some may see.",
  ),
  text("outcome", "Outcome", "allowed or denied."),
  text("reason", "Reason", "The code of the refusal."),
]

const SINGLE: readonly Column[] = [
  columnOf("ts", "time", "Time", "When it happened first."),
  columnOf("events", "count", "Events", "How often within the minute."),
  ...KINDS,
  columnOf("status_code", "text", "Status", "The HTTP status of the answer."),
  text("who", "Who", "The caller or administrator, where one is known."),
  text("path", "Path", "What was asked, without ids."),
  text("address", "Address", "Of the client, where server.client_ip.store_ip is on."),
  text("client", "Client", "The client program."),
  { ...text("request_id", "Call", "The id of the first request."), isWhole: true },
]

const NONE = "No refused credential, and nothing of an administrator, in this range that the filters leave."

/** The section `security`: who was refused, and what administrators did. */
export const SECURITY: SectionDefinition = {
  id: "security",
  title: "Security",
  about: "Sign-ins, refused credentials and models, and what administrators read and exported.",
  takesBy: false,
  build: async (asked, { rows }) => {
    const events = newestEvents(asked)
    const byKind = `SELECT surface, event_type, outcome, coalesce(reason_code, '') AS reason,
        CAST(sum(count) AS BIGINT) AS events, count(DISTINCT ip_address) AS addresses
      FROM ${events.sql} AS e GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4`
    const single = `SELECT ts, count AS events, surface, event_type, outcome, coalesce(reason_code, '') AS reason, status_code,
        coalesce(caller_id, coalesce(admin_subject, '')) AS who, http_method || ' ' || path_template AS path,
        coalesce(ip_address, '') AS address, client, request_id
      FROM ${events.sql} AS e ORDER BY event_id DESC LIMIT ${asked.top + 1}`
    const [kinds, newest] = await Promise.all([
      rows<Record<string, string | number | null>>(byKind, events.parameters),
      rows<Record<string, string | number | null>>(single, events.parameters),
    ])
    const addresses = columnOf("addresses", "count", "Addresses", "From how many addresses.")
    const shape = { empty: NONE, notes: [], top: asked.top }
    return {
      tables: [
        detailTable({ id: "by_kind", title: "By kind", columns: [...KINDS, EVENTS, addresses], ...shape }, kinds ?? []),
        detailTable(
          { id: "events", title: "The newest events", columns: SINGLE, ...shape },
          (newest ?? []).slice(0, asked.top),
        ),
      ],
      charts: [],
      notes: [
        ...ignoredNotes(asked, Object.keys(COLUMNS)),
        ...(kinds === null
          ? ["This usage database keeps no security events yet: a newer router brings it up to date at its start."]
          : []),
        ...((newest?.length ?? 0) > asked.top ? ["There are more events than these."] : []),
      ],
    }
  },
}

const COLUMNS: Readonly<Record<string, string>> = {
  caller: "caller_id",
  user: "caller_user",
  project: "caller_project",
  environment: "caller_environment",
  token: "token_id",
  client: "client",
}

/** The newest events that the question leaves, for a `FROM`: conditions are those on the caller and the client. */
function newestEvents(asked: Asked): Part {
  const range = idsBetween("event_id", asked, "sec")
  const { scope, where } = asked
  const parts = where.flatMap((filter) => conditionOf(filter) ?? [])
  if (scope !== null)
    parts.push({ sql: "caller_project = ? AND caller_environment = ?", parameters: [scope.project, scope.environment] })
  return {
    sql: `(SELECT * FROM (SELECT * FROM security_access_events WHERE ${range.sql} ORDER BY event_id DESC
        LIMIT ${MOST_FILTERED}) AS d WHERE 1 = 1${parts.map(({ sql }) => ` AND ${sql}`).join("")}
      ORDER BY event_id DESC LIMIT ${MOST_DETAILS})`,
    parameters: [...range.parameters, ...parts.flatMap(({ parameters }) => parameters)],
  }
}

function conditionOf(filter: Filter): Part | null {
  const column = "measure" in filter ? undefined : COLUMNS[filter.dimension]
  if (column === undefined || "measure" in filter) return null
  return textCondition(`coalesce(${column}, '')`, filter)
}
