/** Fingerprints of the configuration, copied to every row: two rows with the same one were decided and priced alike. */
import type { GroupFingerprints } from "./recording.ts"
import type { Config, GroupConfig, TargetConfig } from "../config.ts"
import { strategyFacts } from "./policies.ts"
import { catalogueEntryOf, providerOf } from "./target-entry.ts"

export function routingFingerprint(config: Config): string {
  return fingerprint(routingFacts(config))
}

export function pricingFingerprint(config: Config): string {
  return fingerprint(pricingFacts(config))
}

/** SHA-256 over facts that hold no key, hash, URL, header or path. */
export function fingerprint(facts: unknown): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(facts)).digest("hex")
}

export function groupFingerprints(name: string, config: Config): GroupFingerprints {
  const group = config.models[name]
  if (group === undefined) throw new Error(`there is no group ${name}`)
  return { config: fingerprint(groupFacts(name, group, config)), policy: fingerprint(policyFacts(group)) }
}

function routingFacts(config: Config): unknown {
  return Object.entries(config.models).map(([name, group]) => groupFacts(name, group, config))
}

function policyFacts(group: GroupConfig): readonly unknown[] {
  return [strategyFacts(group), group.routing_policy ?? null]
}

function groupFacts(name: string, group: GroupConfig, config: Config): unknown {
  return [
    name,
    ...policyFacts(group),
    group.aliases,
    group.translation,
    ...(group.prefer_native ? ["prefer_native"] : []),
    group.affinity ?? null,
    group.contract ?? null,
    group.spend_ceiling ?? null,
    config.server.unknown_capabilities,
    group.attempt_timeout_ms ?? null,
    group.targets.map((target) => [
      eligibilityFacts(target, config),
      target.provider,
      target.model_ref ?? null,
      target.model ?? null,
      target.weight,
      target.dialect ?? providerOf(target, config)?.dialect,
      target.timeout_ms ?? null,
    ]),
  ]
}

function eligibilityFacts(target: TargetConfig, config: Config): unknown {
  const ref = catalogueEntryOf(target, providerOf(target, config))
  const facts: Partial<TargetConfig> = {
    ...ref,
    ...Object.fromEntries(Object.entries(target).filter(([, value]) => value !== undefined)),
  }
  return ELIGIBILITY_KEYS.map((key) => facts[key] ?? null)
}

const ELIGIBILITY_KEYS = [
  "context_tokens",
  "input_modalities",
  "output_modalities",
  "honors_max_tokens",
  "tool_support",
  "tool_only",
  "tier",
  "reasoning",
  "request_shape_support",
  "tags",
  "validation",
] as const

function pricingFacts(config: Config): unknown {
  return Object.entries(config.providers).map(([name, provider]) => [
    name,
    Object.entries(provider.models).map(([ref, model]) => [
      ref,
      model.model,
      model.input_price_per_million_usd ?? null,
      model.cached_input_price_per_million_usd ?? null,
      model.cache_write_price_per_million_usd ?? null,
      model.cache_write_1h_price_per_million_usd ?? null,
      model.output_price_per_million_usd ?? null,
      model.image_input_price_per_image_usd ?? null,
      model.price_tiers ?? null,
      model.service_tier_multipliers ?? null,
    ]),
  ])
}
