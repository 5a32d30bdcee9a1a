/** Everything that the usage database holds of one call, and which parts of it are there. */
import { decidedCall, type DecidedCall } from "../ledger/decision-queries.ts"
import type { LedgerReader } from "../ledger/reader.ts"
import type { TraceRow, UsageRow } from "../ledger/record.ts"

type Detail = Readonly<Record<string, string | number | null>>

export interface CallEvidence extends DecidedCall {
  readonly trace: readonly TraceRow[]
  readonly losses: readonly { readonly code: string; readonly path: string }[]
  readonly translations: readonly Detail[]
  readonly callerShaping: readonly Detail[]
  readonly providerShaping: readonly Detail[]
  readonly contracts: readonly Detail[]
}

/** `missing`: it should be there. `not_applicable`: such a call has none, or it was not to be recorded. */
export type EvidenceState = "present" | "not_applicable" | "missing"

export interface EvidencePart {
  readonly part: string
  readonly title: string
  readonly state: EvidenceState
  /** Empty where it is there. */
  readonly why: string
}

/** Null: there is no such call, or none that may be seen. */
export async function callEvidence(
  ledger: Pick<LedgerReader, "query">,
  id: string,
  isVisible: (usage: UsageRow) => boolean,
): Promise<CallEvidence | null> {
  const decided = await decidedCall(ledger, id, isVisible)
  if (decided === null) return null
  const of = async <Row>(table: string, order: string): Promise<Row[]> =>
    await ledger.query<Row>(`SELECT * FROM ${table} WHERE request_id = ?1 ORDER BY ${order}`, [id])
  return {
    ...decided,
    trace: await of("request_trace_events", "seq"),
    losses: await of("request_losses", "seq"),
    translations: await of("request_translation_shapes", "attempt_index"),
    callerShaping: await of("request_traffic_shape_events", "seq"),
    providerShaping: await of("request_upstream_shape_events", "seq"),
    contracts: await of("request_contracts", "request_id"),
  }
}

const LOST = "It was not recorded; older calls lose it first."
const NOT_RECORDED = "Decisions were not recorded (server.decision_telemetry), or none was to be made."

export function evidenceParts(evidence: CallEvidence): readonly EvidencePart[] {
  const { usage, attempts, trace, error, decision, translations, losses } = evidence
  const wasSent = usage.attempts > 0
  const failed = attempts.filter(({ error_class }) => error_class !== null)
  const isTranslated = attempts.some(({ dialect }) => dialect !== usage.inbound_dialect)
  const wasShaped = usage.traffic_shape_decision === "queued" || usage.traffic_shape_decision === "refused"
  return [
    part("usage", "Usage", usage.usage_source !== "none", wasSent && usage.error === null, "No target answered."),
    part("attempts", "Attempts", attempts.length > 0, wasSent, "No target was asked."),
    part("trace", "Trace", trace.length > 0, true, ""),
    part("error", "Terminal error", error !== null, usage.error !== null, "The call ended without an error."),
    part(
      "upstream_errors",
      "Errors of providers",
      failed.length > 0,
      false,
      wasSent ? "No attempt failed." : "No target was asked.",
    ),
    part(
      "translation",
      "Translation",
      translations.length > 0,
      isTranslated,
      "No target of another dialect was asked.",
    ),
    part("losses", "Losses", losses.length > 0, false, "Nothing was lost in translation."),
    part("shaping", "Traffic shaping", evidence.callerShaping.length > 0, wasShaped, "No token bucket held it back."),
    part(
      "provider_shaping",
      "Shared capacity",
      evidence.providerShaping.length > 0,
      false,
      "No provider's shared capacity held it back.",
    ),
    part("contract", "Contract", evidence.contracts.length > 0, false, "Its group has no contract."),
    part("shape", "Shape of the request", decision.shape !== null, false, NOT_RECORDED),
    part("candidates", "Candidates", decision.candidates.length > 0, false, NOT_RECORDED),
    part(
      "filters",
      "Why targets were left out",
      decision.filterReasons.length > 0,
      false,
      decision.candidates.length > 0 ? "None was left out." : NOT_RECORDED,
    ),
    part("decisions", "Decision", decision.decisions.length > 0, false, NOT_RECORDED),
    part(
      "cost",
      "Cost",
      usage.total_cost_nano_usd !== null,
      usage.cost_unknown_reason !== null,
      "The call used nothing.",
    ),
  ]
}

function part(name: string, title: string, isThere: boolean, isDue: boolean, why: string): EvidencePart {
  if (isThere) return { part: name, title, state: "present", why: "" }
  return isDue
    ? { part: name, title, state: "missing", why: LOST }
    : { part: name, title, state: "not_applicable", why }
}

/**
 * How much of a call's evidence is there. `complete`: all of it; `partial_expected`: but for decisions, which were not to be
 * recorded; `partial_missing`: something is gone; `minimal`: little more than the call's own row. The score is 0 to 100: what
 * is there, of what should be.
 */
export function completenessOf(parts: readonly EvidencePart[]): {
  readonly completeness: string
  readonly score: number
} {
  const stateOf = (name: string): EvidenceState | undefined => parts.find(({ part: each }) => each === name)?.state
  const count = (state: EvidenceState): number => parts.filter((each) => each.state === state).length
  const [present, missing] = [count("present"), count("missing")]
  const score = present + missing === 0 ? 0 : Math.floor((100 * present) / (present + missing))
  if (stateOf("trace") !== "present" && stateOf("attempts") !== "present") return { completeness: "minimal", score }
  if (missing > 0) return { completeness: "partial_missing", score }
  return { completeness: stateOf("decisions") === "present" ? "complete" : "partial_expected", score }
}
