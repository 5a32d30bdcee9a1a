/** Slips of copying that are valid: addresses without their root, prices of a token, seconds for milliseconds, groups that refuse everything. */
import { WIRES } from "../../dialects/wires.ts"
import type { Config, ProviderConfig } from "../config.ts"
import type { Report } from "../findings.ts"
import type { Path } from "../schema/inspect.ts"

export function adviseOnMistakes({ server, providers, models }: Config, report: Report): void {
  adviseOnSeconds(server.upstream, ["server", "upstream"], report)
  for (const [name, provider] of Object.entries(providers)) {
    adviseOnRoot(provider, ["providers", name, "base_url"], report)
    adviseOnScheme(provider, ["providers", name, "api_key"], report)
    adviseOnSeconds(provider, ["providers", name], report)
    for (const [ref, model] of Object.entries(provider.models))
      adviseOnTokenPrices(model, ["providers", name, "models", ref], report)
  }
  for (const [name, group] of Object.entries(models)) {
    adviseOnSeconds(group, ["models", name], report)
    for (const [index, target] of group.targets.entries()) {
      adviseOnTokenPrices(target, ["models", name, "targets", index], report)
      adviseOnSeconds(target, ["models", name, "targets", index], report)
    }
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
  ["generativelanguage.googleapis.com", "/v1beta/openai"],
])

function adviseOnRoot({ base_url, dialect }: ProviderConfig, path: Path, report: Report): void {
  const { origin, hostname, pathname } = new URL(base_url)
  const { endpoint, root: ownRoot } = WIRES[dialect]
  const root = ROOTS.get(hostname)
  const isBegun = pathname !== "/" && root?.startsWith(`${pathname.replace(/\/$/, "")}/`) === true
  if (ownRoot !== "" || root === "" || (pathname !== "/" && !isBegun)) return
  const severity = root === undefined ? "info" : "warning"
  const message = isBegun
    ? `The path ends too early: calls go to ${pathname.replace(/\/$/, "")}${endpoint}.`
    : `The path is missing: calls go to ${endpoint} at the top of the host.`
  const expected = root === undefined ? "the API's root, often /v1" : `${origin}${root}`
  report({ severity, code: "no-root", path, message, expected })
}

/** The scheme would stand twice. The key is not shown. */
function adviseOnScheme({ api_key = "" }: ProviderConfig, path: Path, report: Report): void {
  if (!/^bearer\s/i.test(api_key)) return
  const message = "The key begins with the scheme of its header, which the router writes itself."
  report({ severity: "warning", code: "key-with-scheme", path, message, expected: "the key alone" })
}

const WAITS = ["timeout_ms", "first_byte_timeout_ms", "silence_timeout_ms", "attempt_timeout_ms"]
const SECOND_MS = 1000

/** No model answers within these: they were meant as seconds. 0 is no limit. */
function adviseOnSeconds(holder: object | undefined, path: Path, report: Report): void {
  for (const [key, value] of Object.entries(holder ?? {}) as [string, unknown][]) {
    if (!WAITS.includes(key) || typeof value !== "number" || value === 0 || value >= SECOND_MS) continue
    const message = `No model answers within ${value} ms.`
    const expected = `milliseconds: ${value * SECOND_MS} for ${value} s`
    report({ severity: "warning", code: "wait-too-short", path: [...path, key], message, expected })
  }
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
