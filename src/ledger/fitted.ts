/** Bounds what one call may bring into the store: a huge text must neither hide its call nor hold up those that share its transaction. */
import type { CallRecord } from "./record.ts"
import { CHILDREN } from "./tables.ts"

/** In characters. The texts of honest calls are far shorter. */
const LONGEST_TEXT = 4096
/** A call whose JSON is longer than this, in characters, has its long texts cut. */
export const LARGEST_CALL = 262_144

/** A row takes about so many bytes on its way, texts of usual length included. */
const ROW_BYTES = 512

/** The call itself, unless a text that comes from a client or an upstream is too long: then a copy with its long texts cut. */
export function fitRows(call: CallRecord): CallRecord {
  return hasLongText(call) ? cut(call) : call
}

/** A copy in which every text has at most `LONGEST_TEXT` characters. */
export function cut(call: CallRecord): CallRecord {
  return JSON.parse(
    JSON.stringify(call, (_, value: unknown) => (typeof value === "string" ? shortened(value) : value)),
  ) as CallRecord
}

/** About how many bytes the rows of a call take on their way into the database. */
export function bytesOf(call: CallRecord): number {
  let rows = 1 + call.attempts.length + call.trace.length + call.losses.length
  if (call.decision !== null) for (const { rowsOf } of CHILDREN) rows += rowsOf(call).length
  return rows * ROW_BYTES
}

function hasLongText({ usage, attempts, error }: CallRecord): boolean {
  return (
    isLong(usage.stop_reason) ||
    isLong(usage.service_tier) ||
    isLong(usage.requested_model) ||
    isLong(usage.upstream_request_id) ||
    (error !== null && (isLong(error.message) || isLong(error.param))) ||
    attempts.some((attempt) => isLong(attempt.error_message) || isLong(attempt.upstream_request_id))
  )
}

function isLong(text: string | null): boolean {
  return text !== null && text.length > LONGEST_TEXT
}

function shortened(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT - 1)}…`
}
