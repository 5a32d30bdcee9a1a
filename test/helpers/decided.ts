/** What the ledger holds of decisions, read by a connection of its own. */
import { Database } from "bun:sqlite"
import { databasePath } from "./records.ts"

export type Row = Readonly<Record<string, string | number | null>>

export function rowsOf(directory: string, table: string, requestId?: string): Row[] {
  const database = new Database(databasePath(directory), { readonly: true })
  try {
    const where = requestId === undefined ? "" : "WHERE request_id = ?1"
    const sql = `SELECT * FROM ${table} ${where} ORDER BY 1, 2`
    return requestId === undefined
      ? database.query<Row, []>(sql).all()
      : database.query<Row, [string]>(sql).all(requestId)
  } finally {
    database.close()
  }
}

export const DECISION_TABLES = [
  "request_decision_shape_features",
  "request_target_candidates",
  "request_target_filter_reasons",
  "request_routing_decisions",
  "request_dynamic_score_terms",
  "request_policy_executions",
  "request_fallback_transitions",
] as const
