/** Model groups: LiteLLM's deployments of one name, with the deployments of their fallbacks behind them. */
import type { Block } from "./block.ts"
import type { Deployment, Json } from "./litellm-deployment.ts"
import type { Settings } from "./litellm-settings.ts"

/** @param names of the provider entry of each deployment */
export function groupsOf(
  deployments: readonly Deployment[],
  names: ReadonlyMap<Deployment, string>,
  { router, library }: Pick<Settings, "router" | "library">,
): Readonly<Record<string, Json>> {
  const own = new Map<string, Deployment[]>()
  for (const deployment of deployments) own.set(deployment.group, [...(own.get(deployment.group) ?? []), deployment])
  const fallbacks = fallbacksOf([router, library], own)
  const aliases = aliasesOf(router, own)
  const isLimited = enforcesRates(router)
  const groups: Record<string, Json> = {}
  for (const [group, primary] of own) {
    const behind = (fallbacks.get(group) ?? []).flatMap((name) => own.get(name) ?? [])
    const known = aliases.get(group) ?? []
    groups[group] = { ...groupOf(primary, behind, names, isLimited), ...(known.length === 0 ? {} : { aliases: known }) }
  }
  return groups
}

function groupOf(
  primary: readonly Deployment[],
  behind: readonly Deployment[],
  names: ReadonlyMap<Deployment, string>,
  isLimited: boolean,
): Json {
  const isOrdered = primary.some(({ order }) => order !== undefined)
  const sorted = isOrdered ? primary.toSorted((a, b) => (a.order ?? Infinity) - (b.order ?? Infinity)) : primary
  const strategy =
    sorted.length > 1 && !isOrdered ? "weighted" : sorted.length + behind.length > 1 ? "failover" : "static"
  const share = (["weight", "rpm", "tpm"] as const).find((key) => primary[0]?.shares[key] !== undefined)
  const entry = (deployment: Deployment, weight: number | undefined): Json => ({
    provider: names.get(deployment),
    ...deployment.target,
    ...(weight === undefined ? {} : { weight }),
    ...(isLimited ? limitOf(deployment) : {}),
  })
  const isWeighted = strategy === "weighted"
  const weightOf = ({ shares }: Deployment): number | undefined =>
    isWeighted && share !== undefined ? (shares[share] ?? 0) : undefined
  const targets = [
    ...sorted.map((deployment) => entry(deployment, weightOf(deployment))),
    ...behind.map((deployment) => entry(deployment, isWeighted ? 0 : undefined)),
  ]
  return { strategy, targets: distinct(targets) }
}

/** A target that stands there twice, for instance as a fallback of itself, is tried once. */
function distinct(targets: readonly Json[]): readonly Json[] {
  const seen = new Set<string>()
  return targets.filter(({ provider, model }) => {
    const key = JSON.stringify([provider, model])
    return !seen.has(key) && seen.add(key)
  })
}

const SECONDS = 60

function limitOf({ shares: { rpm, tpm } }: Deployment): Json {
  if (rpm === undefined && tpm === undefined) return {}
  return {
    traffic_shape: {
      enabled: true,
      ...(rpm === undefined ? {} : { request_start_per_sec: rpm / SECONDS, request_burst: Math.ceil(rpm) }),
      ...(tpm === undefined
        ? {}
        : { total_reserved_tokens_per_sec: tpm / SECONDS, total_reserved_token_burst: Math.ceil(tpm) }),
    },
  }
}

/** LiteLLM treats `rpm` and `tpm` of deployments as limits with these settings alone. */
function enforcesRates(router: Block): boolean {
  const checks = router.list("optional_pre_call_checks")
  const strategy = router.text("routing_strategy") ?? "simple-shuffle"
  if (strategy !== "simple-shuffle")
    router.change(
      "routing_strategy",
      "Groups of several targets are `weighted`. The strategy `dynamic_score` of this router weighs latency, price and load.",
    )
  const others = checks.filter((check) => check !== "enforce_model_rate_limits")
  if (others.length > 0)
    router.leave(
      "optional_pre_call_checks",
      `Not carried: ${others.map(String).join(", ")}. \`affinity\` of a group keeps conversations together.`,
    )
  return checks.includes("enforce_model_rate_limits") || strategy.startsWith("usage-based-routing")
}

type Own = ReadonlyMap<string, readonly Deployment[]>

/** The names behind each group, in order. */
function fallbacksOf(blocks: readonly Block[], own: Own): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  const add = (group: string, names: readonly string[]): void => {
    found.set(group, [...new Set([...(found.get(group) ?? []), ...names])])
  }
  for (const block of blocks) {
    for (const key of ["fallbacks", "context_window_fallbacks"]) {
      const missing: string[] = []
      for (const [group, names] of block.list(key).flatMap(pairs)) {
        missing.push(...[group, ...names].filter((name) => !own.has(name)))
        if (own.has(group)) add(group, names)
      }
      if (missing.length > 0)
        block.leave(key, `These have no group that was carried: ${[...new Set(missing)].join(", ")}.`)
      else if (key === "context_window_fallbacks")
        block.change(
          key,
          "Their targets stand behind the group's own. A call that is too long for a target's `context_tokens` goes to the next one.",
        )
    }
  }
  for (const block of blocks) {
    const names = block.list("default_fallbacks").filter((name) => typeof name === "string")
    for (const group of own.keys()) if (names.length > 0) add(group, names)
  }
  return found
}

/** `[{ group: [names] }]`. */
function pairs(entry: unknown): readonly (readonly [string, readonly string[]])[] {
  if (typeof entry !== "object" || entry === null) return []
  return Object.entries(entry).map(([group, names]) => [
    group,
    (Array.isArray(names) ? names : [names]).filter((name) => typeof name === "string"),
  ])
}

function aliasesOf(router: Block, own: Own): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  const block = router.block("model_group_alias")
  for (const alias of block.keys) {
    const value = block.take(alias)
    const group = typeof value === "string" ? value : targetOfAlias(value)
    if (group === undefined || !own.has(group) || own.has(alias) || /\s/u.test(alias))
      block.leave(alias, "Its group was not carried, or the name is taken or has spaces.")
    else found.set(group, [...(found.get(group) ?? []), alias])
  }
  return found
}

function targetOfAlias(value: unknown): string | undefined {
  const model: unknown = typeof value === "object" && value !== null && "model" in value ? value.model : undefined
  return typeof model === "string" ? model : undefined
}
