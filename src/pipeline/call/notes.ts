/** What is written down of a call on its way, for telemetry, traces and policies. No step decides by it. */
import type { TraceRow, UpstreamShapeRow } from "../../ledger/record.ts"
import type { PiiFilter } from "../../pii/filter.ts"
import type { PolicyExecution } from "../../routing/policy/execution.ts"
import type { FeedbackTicket } from "../../routing/policy/feedback.ts"
import type { Decision } from "./decision.ts"
import type { Rejection } from "./plan.ts"

/** What the group's filter for personal data did. */
export interface RedactionNote {
  readonly filter: PiiFilter
  /** Matches, by the place of their rule; empty: the filter could not run. */
  readonly counts: readonly number[]
  readonly replacements: number
}

export class Notes {
  readonly trace: TraceRow[] = []
  /** How it is decided where the call goes; null: nobody will read it. */
  decision: Decision | null = null
  /** Targets that were passed over when their turn came; null: none. */
  passedOver: Rejection[] | null = null
  /** Decisions about shared capacity; null: none but plain admissions. */
  upstreamShapes: UpstreamShapeRow[] | null = null
  /** How the group's policies ran; null: none was asked. */
  policies: PolicyExecution[] | null = null
  /** The policy that wants to know how the call ends; null: none. */
  feedback: FeedbackTicket | null = null
  /** Null: the group has no filter for personal data, or the call did not come to it. */
  redaction: RedactionNote | null = null
}
