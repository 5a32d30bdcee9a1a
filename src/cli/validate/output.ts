/** What a run of checks showed, for people and for machines. */
import { CAPABILITIES } from "../../activation/capabilities.ts"
import { DIALECT_NAMES } from "../../dialects/wires.ts"
import { NANO_PER_USD } from "../../validation/purse.ts"
import type { CheckResult } from "../../validation/run.ts"
import { type TargetReport, usd, type ValidationReport } from "./run.ts"

const NAME_WIDTH = Math.max(...CAPABILITIES.map((name) => name.length))
const OUTCOME_WIDTH = Math.max(...["undecided", ...DIALECT_NAMES].map((name) => name.length))

export function validationText(report: ValidationReport): string {
  return [...report.targets.map(targetText), afterText(report)].join("\n\n")
}

function targetText({ group, target, place, results, trouble }: TargetReport): string {
  const ways = [...new Set(results.map(wayOf))]
  const heading = `${group.name} target ${place}: ${target.provider.name}/${target.model} (${target.dialect})`
  const titles = line("capability", ways, ["cost", "ms", ""])
  const lines = CAPABILITIES.flatMap((capability) => {
    const found = ways.map((way) => results.find((one) => wayOf(one) === way && one.capability === capability))
    if (found.every((one) => one === undefined)) return []
    return [
      line(
        capability,
        found.map((one) => one?.outcome ?? ""),
        [costText(found), timeText(found), reasonText(found)],
      ),
    ]
  })
  const notes = trouble === null ? [] : [`  No router could be started for it: ${trouble}`]
  return [heading, titles, ...lines, ...notes].join("\n")
}

/** A column of the table. */
function wayOf({ way, dialect }: CheckResult): string {
  return way === "direct" ? way : dialect
}

function line(
  name: string,
  outcomes: readonly string[],
  [cost, ms, reason]: readonly [string, string, string],
): string {
  const cells = [
    name.padEnd(NAME_WIDTH),
    ...outcomes.map((one) => one.padEnd(OUTCOME_WIDTH)),
    cost.padStart(9),
    ms.padStart(7),
    reason,
  ]
  return `  ${cells.join("  ")}`.trimEnd()
}

type Found = readonly (CheckResult | undefined)[]

function costText(found: Found): string {
  const costs = found.flatMap((one) => one?.evidence.counters["cost_nano_usd"] ?? [])
  return costs.length === 0 ? "" : usd(costs.reduce((sum, cost) => sum + cost, 0))
}

function timeText(found: Found): string {
  const times = found.flatMap((one) => one?.evidence.timings["slowest_ms"] ?? [])
  return times.length === 0 ? "" : String(Math.max(...times))
}

/** The first that says why. */
function reasonText(found: Found): string {
  return found.find((one) => one !== undefined && one.reason !== null)?.reason ?? ""
}

function afterText({ targets, spentNanoUsd, hasUnknownCost, recorded, isWhole }: ValidationReport): string {
  const all = targets.flatMap(({ results }) => results)
  const count = (outcome: CheckResult["outcome"]): number => all.filter((one) => one.outcome === outcome).length
  const spent = hasUnknownCost ? `${usd(spentNanoUsd)}, and what has no price` : usd(spentNanoUsd)
  const whole = isWhole ? "" : "Interrupted. "
  return `${whole}${count("pass")} passed, ${count("fail")} failed, ${count("undecided")} undecided, ${count("skipped")} skipped. Spent: ${spent}. Recorded: ${recorded}.`
}

export function validationJson(report: ValidationReport): string {
  const { targets, isOk, isWhole, mostNanoUsd, boundNanoUsd, spentNanoUsd, hasUnknownCost, recorded } = report
  const plain = {
    ok: isOk && isWhole,
    is_whole: isWhole,
    most_usd: inUsd(mostNanoUsd),
    max_usd: inUsd(boundNanoUsd),
    spent_usd: inUsd(spentNanoUsd),
    has_unknown_cost: hasUnknownCost,
    recorded,
    targets: targets.map(({ group, target, place, results, trouble }) => ({
      group: group.name,
      target: place,
      provider: target.provider.name,
      model: target.model,
      dialect: target.dialect,
      trouble,
      checks: results,
    })),
  }
  return JSON.stringify(plain, null, 2)
}

function inUsd(nanoUsd: number | null): number | null {
  return nanoUsd === null ? null : nanoUsd / NANO_PER_USD
}
