/** A replay's figures for people. */
import { table, usd } from "../explain/table.ts"
import type { GroupFigures, SkippedCounts } from "./comparison.ts"
import type { PolicyFigures } from "./policy-runs.ts"
import type { ReplayReport } from "./replay.ts"
import type { ShadowFigures } from "./shadow-runs.ts"

export function replayText({ calls, decided, skipped, groups, notes }: ReplayReport): string {
  return [
    `${calls} calls: ${decided} decided again${left(skipped)}`,
    ...groups.map(groupText),
    notes.map((note) => `Note: ${note}`).join("\n"),
  ].join("\n\n")
}

function left(skipped: SkippedCounts): string {
  const parts = Object.entries(skipped).map(([reason, calls]) => `${calls} ${reason}`)
  return parts.length === 0 ? "" : ` (not: ${parts.join(", ")})`
}

function groupText(figures: GroupFigures): string {
  const { group, calls, decided, skipped, policy, shadow } = figures
  return [
    `Group ${group}: ${calls} calls, ${decided} decided again${left(skipped)}`,
    ...(decided === 0 ? [] : decidedLines(figures)),
    ...(policy === null ? [] : [policyLine(policy)]),
    ...(shadow === null ? [] : shadowLines(shadow)),
  ].join("\n")
}

function decidedLines({ decided, moved, refused, refusals, targets, cost, latency }: GroupFigures): readonly string[] {
  const codes = Object.entries(refusals).map(([code, calls]) => `${calls} ${code}`)
  return [
    `  ${moved} go to another target (${percent(moved, decided)})${refused === 0 ? "" : `, ${refused} are refused (${codes.join(", ")})`}`,
    "",
    table([
      ["  target", "before", "after"],
      ...targets.map(({ target, calls_before, calls_after, configured }) => [
        `  ${target}${configured ? "" : " (not configured)"}`,
        `${calls_before} (${percent(calls_before, decided)})`,
        `${calls_after} (${percent(calls_after, decided)})`,
      ]),
    ]),
    "",
    `  cost     ${change(usd(cost.before_nano_usd), usd(cost.after_nano_usd), cost.before_nano_usd, cost.after_nano_usd)} for ${cost.calls} calls${unknown(cost.unknown)}`,
    `  latency  p50 ${ms(latency.before_p50_ms)} -> ${ms(latency.after_p50_ms)}, p95 ${ms(latency.before_p95_ms)} -> ${ms(latency.after_p95_ms)} for ${latency.calls} calls${unknown(latency.unknown)}`,
  ]
}

function policyLine({ runs, failures, without_content }: PolicyFigures): string {
  const failed = Object.entries(failures).map(([error, calls]) => `${calls} ${error}`)
  const facts = [
    ...(failed.length === 0 ? [] : [`failed: ${failed.join(", ")}`]),
    ...(without_content === 0 ? [] : [`${without_content} without the content that they looked at`]),
  ]
  return `  policy   ${runs} runs${facts.length === 0 ? "" : `; ${facts.join("; ")}`}`
}

function shadowLines({
  strategies,
  calls,
  decided,
  failed,
  unanswered,
  elsewhere,
  targets,
  cost,
}: ShadowFigures): readonly string[] {
  const where = targets.map(({ target, calls: there }) => `${target} ${percent(there, decided)}`)
  return [
    `  shadow   ${strategies.join(", ")} beside ${calls} of the calls: ${decided} decided, ${failed} failed, ${unanswered} unanswered`,
    ...(decided === 0
      ? []
      : [`           ${elsewhere} would go elsewhere (${percent(elsewhere, decided)}); ${where.join(", ")}`]),
    ...(cost.calls === 0
      ? []
      : [
          `           expected cost ${change(usd(cost.live_nano_usd), usd(cost.shadow_nano_usd), cost.live_nano_usd, cost.shadow_nano_usd)} for ${cost.calls} calls`,
        ]),
  ]
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`
}

function change(beforeText: string, afterText: string, before: number, after: number): string {
  if (before === 0) return `${beforeText} -> ${afterText}`
  const share = (100 * (after - before)) / before
  return `${beforeText} -> ${afterText} (${share > 0 ? "+" : ""}${share.toFixed(1)} %)`
}

function unknown(calls: number): string {
  return calls === 0 ? "" : `; unknown for ${calls}`
}

function ms(value: number | null): string {
  return value === null ? "unknown" : `${value} ms`
}
