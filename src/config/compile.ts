/** Config -> Snapshot: once per load. */
import { readFileSync } from "node:fs"
import { BlockList, isIP } from "node:net"
import { modelPricesOf } from "../ledger/model-prices.ts"
import type {
  CallerConfig,
  ClientIpConfig,
  Config,
  GroupConfig,
  ModelConfig,
  ProviderConfig,
  TargetConfig,
} from "./config.ts"
import type {
  Caller,
  ClientIpRule,
  Credential,
  Group,
  KeyStatus,
  Origin,
  Provider,
  Snapshot,
  Target,
} from "./snapshot.ts"
import { breakerRule, shapingOf } from "./shaping.ts"
import { callerDescription, policySettings, strategyFacts, targetDescription } from "./policies.ts"
import { targetFacts } from "./target-facts.ts"

const ENDPOINTS = {
  "openai-chat": "/chat/completions",
  "openai-responses": "/responses",
  anthropic: "/v1/messages",
} as const

export interface CompileOptions {
  /** Sent as `User-Agent` to upstreams. */
  readonly userAgent: string
}

/** @throws Error when a TLS file cannot be read */
export function compile(config: Config, options: CompileOptions): Snapshot {
  const groups = compileGroups(config, options)
  return {
    credentials: compileCredentials(config),
    groups,
    defaultGroup: config.server.default_model_group,
    limits: {
      maxBodyBytes: bounded(config.server.request.max_body_bytes),
      maxDepth: bounded(config.server.request.max_depth),
      timeoutMs: bounded(config.server.upstream.timeout_ms),
      maxResponseBytes: bounded(config.server.upstream.max_response_bytes),
      maxFrameBytes: bounded(config.server.upstream.max_frame_bytes),
      defaultOutputReservation: config.server.default_output_reservation,
    },
    breaker: breakerRule(config.server.breaker),
    clientIp: clientIpRule(config.server.client_ip),
    corsOrigins: config.server.cors.allow_origins,
    traceCalls: config.server.diagnostics.enabled,
    routingFingerprint: fingerprint(routingFacts(config)),
    pricingFingerprint: fingerprint(pricingFacts(config)),
  }
}

/** `0` means no limit. */
function bounded(limit: number): number {
  return limit === 0 ? Infinity : limit
}

function compileCredentials(config: Config): Map<string, Credential> {
  const credentials = new Map<string, Credential>()
  for (const entry of config.callers) {
    const caller = compileCaller(entry, config)
    const tokens = [
      { token_sha256: entry.token_sha256, token_id: entry.token_id, expires_at: undefined },
      ...entry.tokens,
    ]
    for (const token of tokens) {
      const expiresAt = token.expires_at === undefined ? null : Date.parse(token.expires_at)
      credentials.set(token.token_sha256.toLowerCase(), { caller, tokenId: token.token_id, expiresAt })
    }
  }
  return credentials
}

function compileCaller(entry: CallerConfig, config: Config): Caller {
  return {
    id: entry.id,
    user: entry.owner_user,
    project: entry.project,
    environment: entry.environment,
    ...callerDescription(entry, config),
    status: keyStatus(entry.status),
    allowed: new Set(entry.allow),
  }
}

function keyStatus(status: CallerConfig["status"]): KeyStatus {
  return status === "removed" || status === "archived" ? "disabled" : status
}

function compileGroups(config: Config, options: CompileOptions): Map<string, Group> {
  const providers = new Map(
    Object.entries(config.providers).map(([name, entry]) => [name, compileProvider(name, entry)]),
  )
  const groups = new Map<string, Group>()
  for (const [name, entry] of Object.entries(config.models)) {
    const targets = entry.targets.map((target, index): Target => {
      const provider = providers.get(target.provider)
      const providerEntry = config.providers[target.provider]
      if (provider === undefined || providerEntry === undefined)
        throw new Error(`unknown provider in models.${name}.targets[${index}]`)
      return compileTarget(target, index, provider, providerEntry, entry, config, options)
    })
    const group: Group = {
      name,
      ...policySettings(entry),
      targets,
      aliases: entry.aliases,
      translation: entry.translation,
      hostedTools: entry.hosted_tools,
      refusal: refusalOf(entry),
    }
    for (const known of [name, ...entry.aliases]) groups.set(known, group)
  }
  return groups
}

/** A policy that must decide, and a filter that must run, are never skipped in silence. */
function refusalOf(entry: GroupConfig): Group["refusal"] {
  if (entry.pii_filter?.enabled === true) return "pii-filter-failed"
  if (entry.activation === "required") return "routing-policy-error"
  return null
}

function compileProvider(name: string, entry: ProviderConfig): Provider {
  return {
    name,
    dialect: entry.dialect,
    keyId: entry.key_id ?? null,
    forwardHeaders: entry.forward_headers.map((header) => header.toLowerCase()),
    secrets: secretsOf(entry),
  }
}

function originOf(entry: ProviderConfig): Origin {
  const url = new URL(entry.base_url)
  const secure = url.protocol === "https:"
  const tls = secure ? tlsOf(entry.tls) : null
  return {
    key: `${url.origin} ${tls === null ? "" : fingerprint(tls)}`,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    tls,
  }
}

function tlsOf(entry: ProviderConfig["tls"]): NonNullable<Origin["tls"]> {
  return {
    ...(entry?.ca_file === undefined ? {} : { ca: readFileSync(entry.ca_file, "utf8") }),
    ...(entry?.cert_file === undefined ? {} : { cert: readFileSync(entry.cert_file, "utf8") }),
    ...(entry?.key_file === undefined ? {} : { key: readFileSync(entry.key_file, "utf8") }),
  }
}

/** Longest first, so that a URL is masked before its host is. */
function secretsOf(entry: ProviderConfig): readonly string[] {
  const url = new URL(entry.base_url)
  const values = [
    entry.base_url,
    url.origin,
    url.host,
    url.hostname,
    entry.api_key,
    entry.proxy,
    ...Object.values(entry.headers),
  ]
  return [...new Set(values.filter((value) => value !== undefined && value.length >= 4))].toSorted(
    (left, right) => (right?.length ?? 0) - (left?.length ?? 0),
  ) as readonly string[]
}

function compileTarget(
  target: TargetConfig,
  index: number,
  provider: Provider,
  providerEntry: ProviderConfig,
  group: GroupConfig,
  config: Config,
  options: CompileOptions,
): Target {
  const catalogue = target.model_ref === undefined ? undefined : providerEntry.models[target.model_ref]
  const model = catalogue?.model ?? target.model ?? ""
  const dialect = target.dialect ?? provider.dialect
  const facts: Partial<ModelConfig> = { ...catalogue, ...definedOf(target) }
  return {
    index,
    provider,
    model,
    dialect,
    region: target.region ?? null,
    weight: target.weight,
    url: urlOf(providerEntry, dialect),
    origin: originOf(providerEntry),
    proxy: providerEntry.proxy ?? null,
    headers: headersOf(providerEntry, options),
    modelJson: new TextEncoder().encode(JSON.stringify(model)),
    attemptTimeoutMs:
      target.timeout_ms ?? group.attempt_timeout_ms ?? config.server.upstream.default_attempt_timeout_ms,
    prices: modelPricesOf(facts),
    pricingSource: facts.pricing_source ?? null,
    pricingUpdatedAt: facts.pricing_updated_at ?? null,
    modelRef: target.model_ref ?? null,
    shaping: shapingOf({
      provider: providerEntry.traffic_shape,
      model: catalogue?.traffic_shape,
      target: target.traffic_shape,
    }),
    about: targetDescription(target, catalogue, providerEntry),
    ...targetFacts({ dialect, model, providerName: provider.name, provider: providerEntry, catalogue, target }),
  }
}

function definedOf(target: TargetConfig): Partial<ModelConfig> {
  return Object.fromEntries(Object.entries(target).filter(([, value]) => value !== undefined))
}

function urlOf(entry: ProviderConfig, dialect: Target["dialect"]): string {
  const base = entry.base_url.replace(/\/+$/, "")
  const url = new URL((dialect === "anthropic" ? base.replace(/\/v1$/, "") : base) + ENDPOINTS[dialect])
  for (const [name, value] of Object.entries(entry.query)) url.searchParams.append(name, value)
  return url.href
}

function headersOf(entry: ProviderConfig, options: CompileOptions): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "accept-encoding": "identity",
    "user-agent": options.userAgent,
  }
  for (const [name, value] of Object.entries(entry.headers)) headers[name.toLowerCase()] = value
  if (entry.api_key === undefined || entry.auth_scheme === "none") return headers
  if (entry.auth_scheme === "bearer") headers["authorization"] = `Bearer ${entry.api_key}`
  else if (entry.auth_scheme === "x-api-key") headers["x-api-key"] = entry.api_key
  else headers[entry.auth_scheme.replace(/^header:/, "").toLowerCase()] = entry.api_key
  return headers
}

function clientIpRule(entry: ClientIpConfig): ClientIpRule {
  const trusted = new BlockList()
  for (const cidr of entry.trusted_proxy_cidrs) {
    const [address = "", prefix] = cidr.split("/")
    const family = isIP(address) === 6 ? "ipv6" : "ipv4"
    trusted.addSubnet(address, prefix === undefined ? (family === "ipv6" ? 128 : 32) : Number(prefix), family)
  }
  return {
    trusted: entry.trusted_proxy_cidrs.length === 0 ? null : trusted,
    headers: entry.header_order.map((name) => name.toLowerCase()),
    store: entry.store_ip,
  }
}

/** SHA-256 over facts that hold no key, hash, URL, header or path. */
function fingerprint(facts: unknown): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(facts)).digest("hex")
}

function routingFacts(config: Config): unknown {
  return Object.entries(config.models).map(([name, group]) => [
    name,
    strategyFacts(group),
    group.aliases,
    group.attempt_timeout_ms ?? null,
    group.targets.map((target) => [
      target.provider,
      target.model_ref ?? null,
      target.model ?? null,
      target.weight,
      target.dialect ?? config.providers[target.provider]?.dialect,
      target.timeout_ms ?? null,
    ]),
  ])
}

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
