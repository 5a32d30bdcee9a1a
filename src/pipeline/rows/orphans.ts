/** Calls that a crash cut off: each gets a row, booked at what it had reserved. */
import type { Reservation } from "../../governance/journal.ts"
import { emptyRow } from "../../ledger/column.ts"
import type { CallRecord, UsageRow } from "../../ledger/record.ts"
import { REQUEST_ERRORS } from "../../ledger/tables/calls.ts"
import { REQUEST_USAGE } from "../../ledger/tables/usage.ts"

/**
 * The row of a call that is there already stays as it is: what is written here is only for those without. Whether a
 * target was asked is not known; it is counted as if, because somebody may have to pay for it.
 */
export function orphanRecord(call: Reservation, nowMs: number, version: string): CallRecord {
  const { input_tokens: input, output_tokens: output, nano_usd: cost, ...facts } = call
  // every request has some input: a call of none reserved nothing, because no limit of its caller counts tokens
  const isReserved = input > 0
  const usage: UsageRow = {
    ...NOTHING_KNOWN,
    ...facts,
    status: 500,
    attempts: 1,
    usage_source: isReserved ? "estimated" : "none",
    error: "internal-error",
    input_tokens: isReserved ? input : null,
    fresh_input_tokens: isReserved ? input : null,
    output_tokens: isReserved ? output : null,
    total_tokens: isReserved ? input + output : null,
    total_cost_nano_usd: cost > 0 ? cost : null,
    cost_unknown_reason: cost > 0 ? null : isReserved ? "price" : "usage",
    estimated_input_tokens: isReserved ? input : null,
    limit_tokens: input + output,
    limit_nano_usd: cost,
    latency_ms: Math.max(0, nowMs - call.ts),
    router_version: version,
  }
  const message = isReserved
    ? "The router stopped before this call ended; what it had reserved was booked."
    : "The router stopped before this call ended; it had reserved no tokens, so what it used is not known."
  return {
    usage,
    attempts: [],
    trace: [],
    losses: [],
    upstreamShapes: [],
    callerShapes: [],
    decision: null,
    error: {
      ...emptyRow(REQUEST_ERRORS),
      ts: nowMs,
      code: "internal-error",
      status: 500,
      blame: "router",
      message,
    },
  }
}

/** A row that is written long after its call: whoever writes it adds what is known. */
export const NOTHING_KNOWN: UsageRow = { ...emptyRow(REQUEST_USAGE), cache: "off" }
