/** Slips of copying that are valid: addresses without their root, prices of a token, groups that refuse everything. */
import { WIRES } from "../../dialects/wires.ts"
import type { Config, GroupConfig, ProviderConfig } from "../config.ts"
import type { Report } from "../findings.ts"
import type { Path } from "../schema/inspect.ts"

export function adviseOnMistakes({ providers, models }: Config, report: Report): void {
  for (const [name, provider] of Object.entries(providers)) {
    adviseOnRoot(provider, ["providers", name, "base_url"], report)
    for (const [ref, model] of Object.entries(provider.models))
      adviseOnTokenPrices(model, ["providers", name, "models", ref], report)
  }
  for (const [name, group] of Object.entries(models)) {
    for (const [index, target] of group.targets.entries())
      adviseOnTokenPrices(target, ["models", name, "targets", index], report)
    adviseOnRefusal(group, ["models", name], report)
  }
}

/** Roots that are known; most other servers have `/v1`. */
const ROOTS: ReadonlyMap<string, string> = new Map([
  ["api.openai.com", "/v1"],
  ["api.groq.com", "/openai/v1"],
  ["openrouter.ai", "/api/v1"],
  ["api.mistral.ai", "/v1"],
  ["api.together.xyz", "/v1"],
  ["api.x.ai", "/v1"],
  ["api.deepseek.com", ""],
])

function adviseOnRoot({ base_url, dialect }: ProviderConfig, path: Path, report: Report): void {
  const { origin, hostname, pathname } = new URL(base_url)
  const { endpoint, root: ownRoot } = WIRES[dialect]
  if (ownRoot !== "" || pathname !== "/") return
  const root = ROOTS.get(hostname)
  if (root === "") return
  const severity = root === undefined ? "info" : "warning"
  const message = `The path is missing: calls go to ${endpoint} at the top of the host.`
  const expected = root === undefined ? "the API's root, often /v1" : `${origin}${root}`
  report({ severity, code: "no-root", path, message, expected })
}

const PRICE = /_price_per_million(?:_tokens)?_usd$/
/** Below any price of a million tokens, and above none of a single one. */
const LEAST_USD = 0.001

function adviseOnTokenPrices(facts: object, path: Path, report: Report): void {
  for (const [key, value] of Object.entries(facts) as [string, unknown][]) {
    if (key === "price_tiers" && Array.isArray(value)) {
      for (const [index, tier] of (value as object[]).entries())
        adviseOnTokenPrices(tier, [...path, key, index], report)
    }
    if (typeof value !== "number" || !PRICE.test(key) || value === 0 || value >= LEAST_USD) continue
    const message = "This looks like the price of one token: budgets would be a million times too wide."
    const expected = `USD per million tokens: ${Number((value * 1_000_000).toPrecision(9))}`
    report({ severity: "warning", code: "price-per-token", path: [...path, key], message, expected })
  }
}

/** What is demanded and cannot be done is never skipped: the calls are refused instead. */
function adviseOnRefusal(group: GroupConfig, path: Path, report: Report): void {
  const refuse = (key: string, code: string, lack: string): void => {
    const message = `All calls of this group are refused (${code}): this router has no ${lack} yet.`
    report({ severity: "warning", code: "calls-refused", path: [...path, key], atKey: true, message })
  }
  if (group.activation === "required") refuse("activation", "no-eligible-target", "validation records")
}
