/** A replay's figures for people. */
import { table, usd } from "../explain/table.ts"
import type { GroupFigures } from "./comparison.ts"
import type { ReplayReport } from "./replay.ts"

export function replayText({ calls, groups, notes }: ReplayReport): string {
  if (calls === 0) return "No call was recorded in this time."
  return [...groups.map(groupText), notes.map((note) => `Note: ${note}`).join("\n")].join("\n\n")
}

function groupText(figures: GroupFigures): string {
  const { group, calls, decided, undecided, refused, moved, targets, cost, cost_unknown, latency } = figures
  const left = Object.entries(undecided).map(([reason, count]) => `${count} ${reason}`)
  const lines = [
    `Group ${group}: ${calls} calls, ${decided} decided again${left.length === 0 ? "" : ` (not: ${left.join(", ")})`}`,
  ]
  if (decided === 0) return lines.join("\n")
  lines.push(
    `  ${moved} go to another target (${percent(moved, decided)})${refused === 0 ? "" : `, ${refused} find no target`}`,
    "",
    table([
      ["  target", "before", "after"],
      ...targets.map(({ target, calls_before, calls_after }) => [
        `  ${target}`,
        `${calls_before} (${percent(calls_before, decided)})`,
        `${calls_after} (${percent(calls_after, decided)})`,
      ]),
    ]),
    "",
    `  cost     ${usd(cost.before_nano_usd)} -> ${usd(cost.after_nano_usd)}${change(cost.before_nano_usd, cost.after_nano_usd)} for ${cost.calls} calls${cost_unknown === 0 ? "" : `; unknown for ${cost_unknown}`}`,
    `  latency  p50 ${ms(latency.before_p50_ms)} -> ${ms(latency.after_p50_ms)}, p95 ${ms(latency.before_p95_ms)} -> ${ms(latency.after_p95_ms)}${latency.unknown === 0 ? "" : `; unknown for ${latency.unknown} calls`}`,
  )
  return lines.join("\n")
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`
}

function change(before: number, after: number): string {
  if (before === 0) return ""
  const share = (100 * (after - before)) / before
  return ` (${share > 0 ? "+" : ""}${share.toFixed(1)} %)`
}

function ms(value: number | null): string {
  return value === null ? "unknown" : `${value} ms`
}
