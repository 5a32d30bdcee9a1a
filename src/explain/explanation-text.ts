/** An explanation for people. */
import type { RoutingDecisionRow } from "../ledger/decision-record.ts"
import type { ExplainedAttempt, ExplainedCache, ExplainedOutcome, ExplainedTarget, Explanation } from "./explanation.ts"
import { table, usd } from "./table.ts"

export function explanationText(explanation: Explanation): string {
  const { targets, attempts, notes, fallbacks, policies } = explanation
  const scored = targets.some(({ score }) => score !== null)
  const parts = [
    head(explanation),
    targets.length === 0 ? null : targetTable(targets, scored),
    scored ? termTable(targets) : null,
    choices(explanation.decisions),
    attempts.length === 0 ? null : attemptTable(attempts),
    policies.length === 0
      ? null
      : `Policies:\n${table([
          ["  kind", "mode", "outcome", "took", "label", "error"],
          ...policies.map((row) => [
            `  ${row.kind}`,
            row.mode,
            row.outcome,
            `${(row.duration_us / 1000).toFixed(2)} ms`,
            row.class_label ?? "-",
            row.error ?? "-",
          ]),
        ])}`,
    fallbacks.length === 0
      ? null
      : `Failovers:\n${fallbacks
          .map(
            (row) => `  ${row.from_provider}/${row.from_model} -> ${row.to_provider}/${row.to_model} (${row.reason})`,
          )
          .join("\n")}`,
    notes.length === 0 ? null : notes.map((note) => `Note: ${note}`).join("\n"),
  ]
  return parts.filter((part) => part !== null).join("\n\n")
}

function attemptTable(attempts: readonly ExplainedAttempt[]): string {
  const rows = attempts.map((attempt) => [
    `  ${attempt.provider}/${attempt.model}`,
    attempt.dialect,
    attempt.status_code === null ? "-" : String(attempt.status_code),
    `${attempt.duration_ms} ms`,
    outcomeOf(attempt),
  ])
  return `Attempts:\n${table([["  target", "dialect", "status", "took", "outcome"], ...rows])}`
}

function outcomeOf({ error_class, error_message, selected }: ExplainedAttempt): string {
  if (error_class === null) return selected === 1 ? "served" : "-"
  return error_message === null ? error_class : `${error_class}: ${error_message}`
}

function head({
  source,
  request_id,
  ts,
  caller,
  group,
  strategy,
  error,
  hint,
  outcome,
  cache,
  call,
}: Explanation): string {
  const lines = [
    source === "dry-run"
      ? "Dry run: nothing was sent and nothing recorded."
      : `Call ${request_id} of ${new Date(ts).toISOString()}`,
    `Group ${group || "-"} (${strategy || "-"}), caller ${caller}`,
  ]
  if (call !== null) {
    const wishes = [
      call.stream === 1 ? "streamed" : "whole answer",
      `about ${call.estimated_input_tokens} input tokens`,
      call.output_cap_tokens === null ? "no output cap" : `at most ${call.output_cap_tokens} output tokens`,
      ...(call.tool_count > 0 ? [`${call.tool_count} tools`] : []),
      ...(call.hosted_tool_count > 0 ? [`${call.hosted_tool_count} hosted tools`] : []),
      ...(call.image_count > 0 ? [`${call.image_count} images`] : []),
      ...(call.structured_output === 1 ? ["structured output"] : []),
      ...(call.reasoning_requested === 1 ? ["reasoning"] : []),
    ]
    lines.push(`${call.dialect}: ${wishes.join(", ")}`)
  }
  if (cache !== null) lines.push(`Response cache: ${cacheWords(cache)}`)
  if (outcome !== null) lines.push(ending(outcome))
  if (error !== null) lines.push(`Ends with ${error.code}: ${error.message}`)
  if (hint !== null) lines.push(`Hint: ${hint}`)
  return lines.join("\n")
}

const CACHE_WORDS: Readonly<Record<ExplainedCache["result"], string>> = {
  could: "it could answer this call",
  hit: "it answered this call",
  miss: "it had no answer",
  bypass: "it does not answer this call",
}

function cacheWords({ result, reasons }: ExplainedCache): string {
  return reasons.length === 0 ? CACHE_WORDS[result] : `${CACHE_WORDS[result]} (${reasons.join(", ")})`
}

function ending({ status, target_provider, target_model, ...outcome }: ExplainedOutcome): string {
  const by = target_provider === null || status >= 400 ? "" : ` by ${target_provider}/${target_model ?? ""}`
  const cost = outcome.total_cost_nano_usd === null ? "cost unknown" : `cost ${usd(outcome.total_cost_nano_usd)}`
  const counted = outcome.usage_source === "provider" ? "" : `, usage: ${outcome.usage_source}`
  return `Ended with ${status}${by} after ${outcome.latency_ms} ms, ${cost}${counted}`
}

function targetTable(targets: readonly ExplainedTarget[], scored: boolean): string {
  const title = [
    "order",
    "target",
    "dialect",
    "weight",
    ...(scored ? ["score", "adjusted", "seen"] : []),
    "expected cost",
    "standing",
  ]
  return table([
    title,
    ...targets.map((target) => [
      target.final_rank === null ? "-" : String(target.final_rank + 1),
      `${target.provider}/${target.model}`,
      target.dialect,
      String(target.weight),
      ...(scored
        ? [
            decimal(target.score),
            decimal(target.adjusted_weight),
            target.observations === null ? "-" : String(target.observations),
          ]
        : []),
      usd(target.expected_cost_nano_usd),
      standing(target),
    ]),
  ])
}

function standing(target: ExplainedTarget): string {
  const parts = [
    ...(target.reasons.length > 0 ? [`filtered: ${target.reasons.join(", ")}`] : []),
    ...(target.capability_unknown.length > 0 ? [`capability_unknown: ${target.capability_unknown.join(", ")}`] : []),
    ...(target.beyond.length > 0 ? [`beyond ${target.beyond.join(", ")}`] : []),
    ...(target.pinned === 1 ? ["pinned"] : []),
    ...(target.hindrance === null ? [] : [`${target.hindrance} for ${target.hindrance_ms ?? 0} ms`]),
    ...(target.cold_start === 1 ? ["cold start"] : []),
    ...(target.eligible === 1 && target.final_rank === null ? ["not in the order"] : []),
  ]
  return parts.length === 0 ? "ok" : parts.join("; ")
}

function termTable(targets: readonly ExplainedTarget[]): string {
  const rows = targets.flatMap((target) =>
    target.terms.map(({ term, role, value, weight }) => [
      `  ${target.provider}/${target.model}`,
      term,
      decimal(value),
      role === "adds" ? `x ${decimal(weight)}` : "multiplies",
    ]),
  )
  return `Score terms (0 worst, 1 best):\n${table([["  target", "term", "value", "weight"], ...rows])}`
}

function choices(decisions: readonly RoutingDecisionRow[]): string | null {
  if (decisions.length === 0) return null
  return decisions
    .map((row) => {
      const choice = row.provider === null ? (row.error ?? row.outcome) : `${row.provider}/${row.model ?? ""}`
      const facts = [
        row.rank_mode,
        row.call_class === null ? null : `${row.call_class} call`,
        row.class_label === null ? null : `label ${row.class_label}`,
        row.pin_kind === null ? null : `pinned by ${row.pin_kind}`,
      ].filter((fact) => fact !== null)
      const rest = facts.length === 0 ? "" : ` (${facts.join(", ")})`
      return `${row.mode === "live" ? "Choice" : "Shadow"} of ${row.strategy}: ${choice}${rest}`
    })
    .join("\n")
}

function decimal(value: number | null): string {
  return value === null ? "-" : value.toFixed(3)
}
