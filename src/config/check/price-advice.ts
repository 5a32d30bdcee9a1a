/** Targets whose prices are unknown: nobody can say what they cost, and whoever has a budget in money is kept away from them. */
import type { CallerConfig, Config, ModelConfig, ProviderConfig, TargetConfig } from "../config.ts"
import { quote, type Report } from "../findings.ts"
import { catalogueEntryOf, providerOf } from "../compile/target-entry.ts"

export function adviseOnPrices(config: Config, report: Report): void {
  const money = new Set(config.projects.filter(hasBudget).map(({ id }) => id))
  const budgeted = config.callers
    .filter((caller) => caller.status === "active" && (hasBudget(caller) || money.has(caller.project)))
    .map(({ id, allow }) => ({ id, allow: new Set(allow) }))
  for (const [name, group] of Object.entries(config.models)) {
    const unpriced = group.targets.filter((target) => !isPriced(target, providerOf(target, config)))
    const shutOut = unpriced.length === 0 ? [] : budgeted.filter(({ allow }) => allow.has(name))
    const places = new Map(group.targets.map((target, place) => [target, place]))
    for (const target of unpriced) {
      const path = ["models", name, "targets", places.get(target) ?? 0]
      if (shutOut.length === 0) {
        const message = "The prices are unknown, so the cost of calls will be."
        report({ severity: "info", code: "price-unknown", path, message })
        continue
      }
      const rest = unpriced.length < group.targets.length ? "" : ", so the group cannot serve them"
      const message = `The prices are unknown: no call of ${namesOf(shutOut)}, whose money has a budget, is sent here${rest}.`
      const expected = "input_price_per_million_usd and output_price_per_million_usd; 0 where it costs nothing"
      report({ severity: "warning", code: "budget-without-price", path, message, expected })
    }
  }
}

function hasBudget({ spend }: Pick<CallerConfig, "spend">): boolean {
  return spend.day_usd > 0 || spend.month_usd > 0
}

function isPriced(target: TargetConfig, provider: ProviderConfig | undefined): boolean {
  const entry: Partial<ModelConfig> = catalogueEntryOf(target, provider) ?? {}
  const isKnown = (key: "input_price_per_million_usd" | "output_price_per_million_usd"): boolean =>
    (target[key] ?? entry[key]) !== undefined
  return isKnown("input_price_per_million_usd") && isKnown("output_price_per_million_usd")
}

function namesOf(callers: readonly Pick<CallerConfig, "id">[]): string {
  const [first, second, ...others] = callers.map(({ id }) => quote(id))
  if (second === undefined) return `the caller ${first}`
  return others.length === 0
    ? `the callers ${first} and ${second}`
    : `the callers ${first}, ${second} and ${others.length} more`
}
