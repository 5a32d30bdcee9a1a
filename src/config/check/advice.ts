/** Things that load but may not be meant: keys in clear text, unknown capabilities and prices, callers that cannot call. */
import { adviseOnCache } from "./cache-advice.ts"
import { adviseOnCapabilities } from "./capability-advice.ts"
import type { Config, ProviderConfig, ProviderShaping } from "../config.ts"
import { formatPath, quote, type Report } from "../findings.ts"
import { adviseOnMistakes } from "./mistakes.ts"
import { adviseOnPrices } from "./price-advice.ts"
import type { Path } from "../schema/inspect.ts"
import { adviseOnScoring } from "./score-advice.ts"

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/
/** Hosts that answer nothing without a key. */
const KEYED_HOSTS: ReadonlySet<string> = new Set(["api.openai.com", "api.anthropic.com"])

/** @param explained formatted paths of values that are missing for a reason that was reported already */
export function advise(config: Config, explained: ReadonlySet<string>, report: Report): void {
  const used = new Set(Object.values(config.models).flatMap((group) => group.targets.map((target) => target.provider)))
  for (const [name, provider] of Object.entries(config.providers)) {
    adviseOnShaping(provider.traffic_shape, ["providers", name, "traffic_shape"], report)
    for (const [ref, model] of Object.entries(provider.models))
      adviseOnShaping(model.traffic_shape, ["providers", name, "models", ref, "traffic_shape"], report)
    if (used.has(name)) adviseOnProvider(provider, ["providers", name], explained, report)
  }
  for (const [name, group] of Object.entries(config.models)) {
    for (const [index, target] of group.targets.entries()) {
      adviseOnShaping(target.traffic_shape, ["models", name, "targets", index, "traffic_shape"], report)
    }
  }
  adviseOnCapabilities(config, report)
  adviseOnCache(config, report)
  adviseOnMistakes(config, report)
  adviseOnPrices(config, report)
  adviseOnScoring(config, report)
  adviseOnCallers(config, report)
  adviseOnWorkers(config, report)
  adviseOnRetention(config, report)
}

function adviseOnRetention({ server: { retention } }: Config, report: Report): void {
  if (!retention.enabled || !retention.dry_run) return
  const message = "Old rows are counted, and stay: this is a dry run."
  const expected = "dry_run: false, to delete them"
  report({ severity: "info", code: "only-counted", path: ["server", "retention", "dry_run"], message, expected })
}

function adviseOnWorkers({ server, providers }: Config, report: Report): void {
  if (server.workers === 1) return
  if (server.usage_db.driver === "sqlite") {
    const message = "SQLite takes one writer at a time, so many workers wait for one another."
    const expected = "usage_db.driver: postgres, with more than a few"
    report({ severity: "info", code: "many-writers", path: ["server", "workers"], message, expected })
  }
  for (const [name, provider] of Object.entries(providers)) {
    if (provider.traffic_shape?.enabled !== true) continue
    const message = "Each worker shapes by itself: together they may send as many times more as there are workers."
    report({ severity: "warning", code: "counted-per-process", path: ["providers", name, "traffic_shape"], message })
  }
}

function adviseOnProvider(provider: ProviderConfig, path: Path, explained: ReadonlySet<string>, report: Report): void {
  const { hostname, protocol } = new URL(provider.base_url)
  if (provider.api_key === undefined) {
    const awaited = ["api_key", "api_key_env"].some((key) => explained.has(formatPath([...path, key])))
    if (provider.auth_scheme === "none" || awaited) return
    const severity = KEYED_HOSTS.has(hostname) ? "warning" : "info"
    const message = "There is no api_key, so no authorisation header is sent."
    report({ severity, code: "no-key", path, atKey: true, message, expected: "api_key: ${NAME}, or auth_scheme: none" })
  } else if (protocol === "http:" && !LOOPBACK.test(hostname)) {
    const message = "The key of this provider travels without TLS."
    report({
      severity: "warning",
      code: "cleartext-key",
      path: [...path, "base_url"],
      message,
      expected: "an https:// URL",
    })
  }
}

const BUCKETS = [
  ["request_start_per_sec", "request_burst"],
  ["input_tokens_per_sec", "input_token_burst"],
  ["total_reserved_tokens_per_sec", "total_reserved_token_burst"],
] as const

/** A burst says how much may come at once of what a rate allows; alone it allows everything. */
function adviseOnShaping(block: ProviderShaping | undefined, path: Path, report: Report): void {
  if (block === undefined || !block.enabled) return
  for (const [rate, burst] of BUCKETS) {
    if (block[burst] === 0 || block[rate] > 0) continue
    const message = `Without ${rate} this limits nothing.`
    report({ severity: "warning", code: "burst-without-rate", path: [...path, burst], message, expected: rate })
  }
}

function adviseOnCallers(config: Config, report: Report): void {
  if (Object.keys(config.models).length === 0) {
    report({
      severity: "warning",
      code: "no-groups",
      path: ["models"],
      message: "There is no model group, so no call can be served.",
    })
  }
  if (config.callers.length === 0 && config.callers_file === undefined) {
    const message = "There are no callers, so nobody can call. `smart-router token create` makes one."
    report({ severity: "warning", code: "no-callers", path: ["callers"], message })
  }
  for (const [index, caller] of config.callers.entries()) {
    // a token for metrics calls nothing
    if (caller.status !== "active" || caller.allow.length > 0 || caller.metrics_admin || caller.content_admin) continue
    const message = `The caller ${quote(caller.id)} may call no model group.`
    report({
      severity: "warning",
      code: "nothing-allowed",
      path: ["callers", index],
      message,
      expected: "allow: [<model group>]",
    })
  }
}
