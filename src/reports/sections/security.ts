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
import { type Filter, ReportRefused } from "../query.ts"
import type { Asked, Column, SectionDefinition, SortName, Sources, Table } from "../section.ts"
import { isWanted } from "../breakdown.ts"

const text = (key: string, title: string, about: string): Column => columnOf(key, "text", title, about)

const EVENTS: Column = { ...columnOf("events", "count", "Events", "How often."), bar: true }

const KINDS: readonly Column[] = [
  text("surface", "Surface", "The surface that was asked: calls, api, metrics or admin."),
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
  text("path", "Path", "The path that was asked, without ids."),
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
  reads: ["security_access_events"],
  build: async (asked, sources) => {
    const [kinds, list] = await Promise.all([
      isWanted(asked, "by_kind") ? kindTable(asked, sources) : null,
      isWanted(asked, "events") ? eventList(asked, sources) : null,
    ])
    const isMissing = kinds?.isMissing === true || list?.isMissing === true
    return {
      tables: [kinds, list].flatMap((made) => (made === null ? [] : [made.table])),
      charts: [],
      notes: [
        ...ignoredNotes(asked, Object.keys(COLUMNS)),
        ...(isMissing
          ? ["This usage database keeps no security events yet: a newer router brings it up to date at its start."]
          : []),
        ...(list !== null && list.next !== null ? ["There are more events than these."] : []),
      ],
      next: list?.next ?? null,
    }
  },
}

interface Made {
  readonly table: Table
  readonly isMissing: boolean
}

type EventRow = Readonly<Record<string, string | number | null>>

async function kindTable(asked: Asked, { rows }: Pick<Sources, "rows">): Promise<Made> {
  const events = newestEvents(asked)
  const sql = `SELECT surface, event_type, outcome, coalesce(reason_code, '') AS reason,
      CAST(sum(count) AS BIGINT) AS events, count(DISTINCT ip_address) AS addresses
    FROM ${events.sql} AS e GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4`
  const kinds = await rows<EventRow>(sql, events.parameters)
  const addresses = columnOf("addresses", "count", "Addresses", "From how many addresses.")
  const shape = { id: "by_kind", title: "By kind", columns: [...KINDS, EVENTS, addresses], empty: NONE, notes: [] }
  return { table: detailTable({ ...shape, top: asked.top }, kinds ?? []), isMissing: kinds === null }
}

/** What events are sorted by, beside their time; ids begin with it. */
const ORDERS: Readonly<Partial<Record<SortName, string>>> = {
  newest: "''",
  oldest: "''",
  status: "CAST(status_code AS TEXT)",
  outcome: "outcome",
  surface: "surface",
  reason: "coalesce(reason_code, '')",
}

/** A page of single events. @throws ReportRefused */
async function eventList(
  asked: Asked,
  { rows }: Pick<Sources, "rows">,
): Promise<Made & { readonly next: string | null }> {
  const order = ORDERS[asked.sort]
  if (order === undefined)
    throw new ReportRefused("sort", `Events are sorted by one of ${Object.keys(ORDERS).join(", ")}.`)
  const place = asked.after === null ? null : placeOf(asked.after)
  // by time a page begins where the one before ended, however many events there are
  const isByTime = asked.sort === "newest" || asked.sort === "oldest"
  const events = newestEvents(asked, isByTime ? { after: place?.id ?? null, most: MOST_FILTERED } : undefined)
  const [than, direction] = asked.isAscending ? [">", "ASC"] : ["<", "DESC"]
  const behind = place === null ? "" : ` WHERE place ${than} ? OR (place = ? AND event_id ${than} ?)`
  const sql = `SELECT * FROM (SELECT ${order} AS place, event_id, ts, count AS events, surface, event_type, outcome,
      coalesce(reason_code, '') AS reason, status_code, coalesce(caller_id, coalesce(admin_subject, '')) AS who,
      http_method || ' ' || path_template AS path, coalesce(ip_address, '') AS address, client, request_id
    FROM ${events.sql} AS e) AS listed${behind} ORDER BY place ${direction}, event_id ${direction} LIMIT ${asked.top + 1}`
  const given = place === null ? [] : [place.value, place.value, place.id]
  const found = await rows<EventRow>(sql, [...events.parameters, ...given])
  const shown = (found ?? []).slice(0, asked.top)
  const last = shown.at(-1)
  const hasMore = (found?.length ?? 0) > asked.top
  const shape = { id: "events", title: "Single events", columns: SINGLE, empty: NONE, notes: [], top: asked.top }
  return {
    table: detailTable(shape, shown),
    isMissing: found === null,
    next: hasMore && last !== undefined ? JSON.stringify([last["place"], last["event_id"]]) : null,
  }
}

function placeOf(place: string): { readonly value: string; readonly id: string } {
  const parts: unknown = jsonOf(place)
  const [value, id] = Array.isArray(parts) ? (parts as readonly unknown[]) : []
  if (typeof value !== "string" || typeof id !== "string")
    throw new ReportRefused("after", "This is no place in a list of events: take what the report before named as next.")
  return { value, id }
}

function jsonOf(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}

const COLUMNS: Readonly<Record<string, string>> = {
  caller: "caller_id",
  user: "caller_user",
  project: "caller_project",
  environment: "caller_environment",
  token: "token_id",
  client: "client",
}

/**
 * Events that the question leaves, for a `FROM`: conditions are those on the caller and the client. The newest, or the first
 * behind `after` in the order that is asked for.
 */
function newestEvents(
  asked: Asked,
  { after, most }: { readonly after: string | null; readonly most: number } = { after: null, most: MOST_DETAILS },
): Part {
  const range = idsBetween("event_id", asked, "sec")
  const { scope, where, isAscending } = asked
  const isOldest = isAscending && most !== MOST_DETAILS
  const direction = isOldest ? "ASC" : "DESC"
  const behind: Part =
    after === null ? NOTHING : { sql: ` AND event_id ${isOldest ? ">" : "<"} ?`, parameters: [after] }
  const parts = where.flatMap((filter) => conditionOf(filter) ?? [])
  if (scope !== null)
    parts.push({ sql: "caller_project = ? AND caller_environment = ?", parameters: [scope.project, scope.environment] })
  return {
    sql: `(SELECT * FROM (SELECT * FROM security_access_events WHERE ${range.sql}${behind.sql} ORDER BY event_id ${direction}
        LIMIT ${MOST_FILTERED}) AS d WHERE 1 = 1${parts.map(({ sql }) => ` AND ${sql}`).join("")}
      ORDER BY event_id ${direction} LIMIT ${most})`,
    parameters: [...range.parameters, ...behind.parameters, ...parts.flatMap(({ parameters }) => parameters)],
  }
}

const NOTHING: Part = { sql: "", parameters: [] }

function conditionOf(filter: Filter): Part | null {
  const column = "measure" in filter ? undefined : COLUMNS[filter.dimension]
  if (column === undefined || "measure" in filter) return null
  return textCondition(`coalesce(${column}, '')`, filter)
}
