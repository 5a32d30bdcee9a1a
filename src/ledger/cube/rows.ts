/** Detail rows as the cube takes them, read back from the database. */
import { CellBatch, type CubeRow, readBatch } from "./batch.ts"
import type { CellBuffer } from "./cells.ts"
import type { CubeConnection } from "./connection.ts"

/** A row, and the blame of its row in `request_errors`. */
export type StoredRow = CubeRow & { readonly told_blame: string | null }

const COLUMNS: Readonly<Record<keyof CubeRow, true>> = {
  request_id: true,
  ts: true,
  token_id: true,
  target_model: true,
  requested_model: true,
  client: true,
  status: true,
  stream: true,
  error: true,
  usage_source: true,
  cost_unknown_reason: true,
  target_provider: true,
  target_dialect: true,
  resolved_group: true,
  strategy: true,
  inbound_dialect: true,
  cache: true,
  caller_id: true,
  caller_user: true,
  caller_project: true,
  caller_environment: true,
  books_request_id: true,
  attempts: true,
  fallback_used: true,
  latency_ms: true,
  ttfb_ms: true,
  upstream_duration_ms: true,
  downstream_duration_ms: true,
  router_overhead_us: true,
  cache_saved_input_tokens: true,
  cache_saved_output_tokens: true,
  cache_saved_nano_usd: true,
  input_tokens: true,
  fresh_input_tokens: true,
  cached_input_tokens: true,
  cache_write_5m_tokens: true,
  cache_write_1h_tokens: true,
  output_tokens: true,
  reasoning_tokens: true,
  total_tokens: true,
  input_image_tokens: true,
  input_audio_tokens: true,
  output_image_tokens: true,
  output_audio_tokens: true,
  input_image_count: true,
  hosted_tool_uses: true,
  input_cost_nano_usd: true,
  cached_input_cost_nano_usd: true,
  cache_write_cost_nano_usd: true,
  output_cost_nano_usd: true,
  image_cost_nano_usd: true,
  hosted_tool_cost_nano_usd: true,
  total_cost_nano_usd: true,
  upstream_reported_total_cost_nano_usd: true,
}

const NAMES = Object.keys(COLUMNS)
  .map((name) => `calls.${name}`)
  .join(", ")

/** In the order of their ids, at most `most`: behind `afterId` and before `beforeId`. */
export async function rowsBetween(
  connection: CubeConnection,
  afterId: string,
  beforeId: string,
  most: number,
): Promise<StoredRow[]> {
  const sql = `SELECT ${NAMES}, errors.blame AS told_blame FROM request_usage AS calls
    LEFT JOIN request_errors AS errors ON errors.request_id = calls.request_id
    WHERE calls.request_id > ?1 AND calls.request_id < ?2 ORDER BY calls.request_id LIMIT ${most}`
  return await connection.query<StoredRow>(sql, [afterId, beforeId])
}

/** A batch looks for the dimensions of each row among all that it has: small batches are quick. */
const ROWS_OF_A_BATCH = 256

/** By the same way as rows that are written: through batches. */
export function addRows(rows: readonly StoredRow[], cells: CellBuffer): void {
  const batch = new CellBatch()
  for (let from = 0; from < rows.length; from += ROWS_OF_A_BATCH) {
    batch.clear()
    for (const row of rows.slice(from, from + ROWS_OF_A_BATCH)) batch.add(row, row.told_blame)
    readBatch(batch.encoded(), null, cells)
  }
}

/** Ids of calls from this time on come behind it. */
export function idAt(ms: number): string {
  return `req_${Math.max(0, ms).toString(16).padStart(12, "0")}`
}
