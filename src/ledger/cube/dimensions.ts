/** What the cube tells calls apart by. */
import type { UsageRow } from "../record.ts"

/** Those that differ most often stand first: cells are compared in this order. */
export const DIMENSIONS = [
  "token",
  "model",
  "requested_model",
  "client",
  "status",
  "stream",
  "error",
  "blame",
  "usage_source",
  "cost_unknown",
  "provider",
  "target_dialect",
  "group",
  "strategy",
  "client_dialect",
  "cache",
  "caller",
  "user",
  "project",
  "environment",
] as const

export type StoredDimension = (typeof DIMENSIONS)[number]

/** The columns of `request_usage` that dimensions come from. */
export type DimensionRow = Pick<
  UsageRow,
  | "token_id"
  | "target_model"
  | "requested_model"
  | "client"
  | "status"
  | "stream"
  | "error"
  | "usage_source"
  | "cost_unknown_reason"
  | "target_provider"
  | "target_dialect"
  | "resolved_group"
  | "strategy"
  | "inbound_dialect"
  | "cache"
  | "caller_id"
  | "caller_user"
  | "caller_project"
  | "caller_environment"
>

/**
 * The values in the order of `DIMENSIONS`; `""` where there is none. `blame`: what `blameOf` says.
 * Written out because a loop over names costs as much as everything else here.
 */
export function dimensionsOf(row: DimensionRow, blame: string): string[] {
  return [
    row.token_id,
    row.target_model ?? "",
    row.requested_model,
    row.client,
    statusText(row.status),
    row.stream === 1 ? "true" : "false",
    row.error ?? "",
    blame,
    row.usage_source,
    row.cost_unknown_reason ?? "",
    row.target_provider ?? "",
    row.target_dialect ?? "",
    row.resolved_group,
    row.strategy,
    row.inbound_dialect,
    row.cache,
    row.caller_id,
    row.caller_user,
    row.caller_project,
    row.caller_environment,
  ]
}

/** PostgreSQL keeps neither of them, so that both databases hold the same. */
export function keptText(text: string): string {
  return text.includes("\0") || !text.isWellFormed() ? text.replaceAll("\0", "\u{FFFD}").toWellFormed() : text
}

function statusText(status: number): string {
  return status === 200 ? "200" : String(status)
}
