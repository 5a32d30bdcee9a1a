/** Calls that a search found, as rows: scalars alone, from one read by their ids. */
import type { LedgerReader } from "../../ledger/reader.ts"
import type { UsageRow } from "../../ledger/record.ts"
import type { Found } from "../query.ts"
import type { Column, TableBlock, Value } from "./block.ts"

const COLUMNS: readonly (Column & { readonly of: (row: UsageRow) => Value })[] = [
  { key: "ts", title: "Time", kind: "time", of: (row) => row.ts },
  { key: "id", title: "Call", kind: "call", of: (row) => row.request_id },
  { key: "state", title: "Status", kind: "state", of: stateOf },
  { key: "caller", title: "Caller", kind: "text", filter: "caller", of: (row) => row.caller_id },
  { key: "project", title: "Project", kind: "text", filter: "project", of: (row) => row.caller_project },
  { key: "group", title: "Group", kind: "text", filter: "group", of: (row) => row.resolved_group },
  { key: "model", title: "Model", kind: "text", filter: "model", of: (row) => row.target_model ?? "" },
  { key: "client", title: "Client", kind: "text", filter: "client", of: (row) => row.client },
  { key: "latency", title: "Latency", kind: "ms", of: (row) => row.latency_ms },
  { key: "tokens", title: "Tokens", kind: "tokens", of: (row) => row.total_tokens },
  { key: "cost", title: "Cost", kind: "money", of: (row) => row.total_cost_nano_usd },
]

const NEEDED = [
  "request_id",
  "ts",
  "status",
  "error",
  "caller_id",
  "caller_project",
  "resolved_group",
  "target_model",
  "client",
  "latency_ms",
  "total_tokens",
  "total_cost_nano_usd",
]

/** In the order in which they were found. Those that are gone meanwhile are left out. */
export async function callRows(
  ledger: Pick<LedgerReader, "query">,
  found: Found["calls"],
): Promise<Pick<TableBlock, "columns" | "rows">> {
  const ids = found.map(({ requestId }) => requestId)
  const places = ids.map((_, index) => `?${index + 1}`).join(", ")
  const sql = `SELECT ${NEEDED.join(", ")} FROM request_usage WHERE request_id IN (${places})`
  const rows = ids.length === 0 ? [] : await ledger.query<UsageRow>(sql, ids)
  const byId = new Map(rows.map((row) => [row.request_id, row]))
  return {
    columns: COLUMNS.map(columnOf),
    rows: ids.flatMap((id) => {
      const row = byId.get(id)
      return row === undefined ? [] : [COLUMNS.map(({ of }) => of(row))]
    }),
  }
}

function columnOf({ key, title, kind, filter }: Column): Column {
  return filter === undefined ? { key, title, kind } : { key, title, kind, filter }
}

export function stateOf({ status, error }: Pick<UsageRow, "status" | "error">): string {
  if (error === null || error === "") return `ok: ${status}`
  return `${status >= 500 ? "bad" : "warning"}: ${status} ${error}`
}
