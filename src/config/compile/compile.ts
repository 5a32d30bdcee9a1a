/** Config -> Snapshot: once per load. */
import { WIRES } from "../../dialects/wires.ts"
import { modelPricesOf } from "../../ledger/model-prices.ts"
import { type AdminRules, NO_ADMIN, type LoadedAdminRules } from "./admin-rules.ts"
import type { Config, GroupConfig, ModelConfig, ProviderConfig, TargetConfig } from "../config.ts"
import { activationRule } from "./activation-rule.ts"
import { affinityOf } from "./affinity.ts"
import { cacheRule, groupCache } from "./cache-rule.ts"
import { captureSettings } from "./capture-rule.ts"
import { demandedOf } from "./hard-filters.ts"
import { blockListOf, clientIpRule } from "./client-ip.ts"
import { connectionRule } from "./connection-rule.ts"
import { requestRule } from "./request-rule.ts"
import { declaredFacts } from "./declared-facts.ts"
import { contractFacts, contractReport, promisedDialects, targetContract } from "./contract.ts"
import { tableOf, type CallerTable } from "./caller-table.ts"
import { engineMetricsRule } from "./engine-metrics.ts"
import { fingerprint, groupFingerprints, pricingFingerprint, routingFingerprint } from "./fingerprints.ts"
import { secretPattern } from "./provider-secrets.ts"
import { reservePricesOf } from "./reserve-prices.ts"
import { observedBy, operationalTargets } from "./operational-targets.ts"
import { boundOf, patienceOf } from "./patience.ts"
import { breakerRule, shapingOf } from "./shaping.ts"
import { piiFilterOf } from "./pii.ts"
import { policySettings, targetDescription } from "./policies.ts"
import type { Path } from "../schema/inspect.ts"
import type { Group, Origin, Provider, Snapshot, Target } from "../snapshot.ts"
import { telemetryRule, upstreamErrorRule } from "./recording.ts"
import { exportRule, metricsRule } from "./telemetry-rule.ts"
import { shadowSettings } from "./shadow.ts"
import { readTextFile } from "../read/sources.ts"
import { spendCeiling } from "./spend-ceiling.ts"
import { documentsUrl } from "../documents-url.ts"
import { capFieldsOf, targetFacts, type IssuerMarks } from "./target-facts.ts"
import { catalogueEntryOf, providerOf } from "./target-entry.ts"

export interface CompileOptions {
  /** Sent as `User-Agent` to upstreams. */
  readonly userAgent: string
  /** The line of a path in the configuration file. */
  readonly lineOf?: (path: Path) => number | null
  /** Without, nobody may administrate. */
  readonly admin?: LoadedAdminRules
  /** Without, clients see the labels themselves. */
  readonly marks?: IssuerMarks
  /** Without, those that stand in the configuration. */
  readonly callers?: CallerTable
}

/** @throws Error when a TLS file cannot be read */
export function compile(config: Config, options: CompileOptions): Snapshot {
  const groups = compileGroups(config, options)
  const { credentials, callerLimits, limitedSubjects } = options.callers ?? tableOf(config)
  return {
    credentials,
    callerLimits,
    limitedSubjects,
    groups,
    cache: cacheRule(config.server.cache),
    defaultGroup: config.server.default_model_group,
    limits: {
      ...requestRule(config.server.request),
      maxResponseBytes: boundOf(config.server.upstream.max_response_bytes),
      maxFrameBytes: boundOf(config.server.upstream.max_frame_bytes),
      allowsPrivateMedia: config.server.upstream.allow_private_image_urls,
      drainDelayMs: config.server.drain_delay_ms,
      drainMs: config.server.drain_ms,
    },
    connections: connectionRule(config.server.connections),
    breaker: breakerRule(config.server.breaker),
    clientIp: clientIpRule(config.server.client_ip),
    admin: adminOf(options.admin ?? NO_ADMIN, config),
    corsOrigins: config.server.cors.allow_origins,
    errorsPage: documentsUrl(config.server, "errors"),
    showsRequestedModel: config.server.responses.model_identity === "requested_group",
    capture: captureSettings(config),
    traceCalls: config.server.diagnostics.enabled,
    upstreamErrors: upstreamErrorRule(config.server.diagnostics),
    pseudonymOf: (text) => options.marks?.pseudonymOf(text) ?? null,
    routingFingerprint: routingFingerprint(config),
    pricingFingerprint: pricingFingerprint(config),
    telemetry: telemetryRule(config.server.decision_telemetry),
    metrics: metricsRule(config.server.telemetry),
    exports: exportRule(config.server.telemetry),
  }
}

function adminOf(rules: LoadedAdminRules, config: Config): AdminRules {
  const trusted = blockListOf(config.server.admin_auth.basic.trusted_proxy_cidrs)
  return { ...rules, door: { ...rules.door, trusted } }
}

function compileGroups(config: Config, options: CompileOptions): Map<string, Group> {
  const providers = new Map(
    Object.entries(config.providers).map(([name, entry]) => [name, compileProvider(name, entry)]),
  )
  const groups = new Map<string, Group>()
  const rule = cacheRule(config.server.cache)
  for (const [name, entry] of Object.entries(config.models)) {
    const targets = entry.targets.map((target, index): Target => {
      const provider = providers.get(target.provider)
      const providerEntry = providerOf(target, config)
      if (provider === undefined || providerEntry === undefined)
        throw new Error(`unknown provider in models.${name}.targets[${index}]`)
      const line = options.lineOf?.(["models", name, "targets", index]) ?? null
      const compiled = compileTarget(target, index, provider, providerEntry, entry, config, options)
      const cacheKey = groupCache(entry, rule) === null ? null : answersOf(target, providerEntry, entry)
      const declared = declaredFacts(compiled.dialect, target, providerEntry, entry)
      return { ...compiled, line, cacheKey, declared, observed: observedBy(name, entry, compiled) }
    })
    const group: Group = {
      name,
      ...policySettings(entry),
      shadow: shadowSettings(entry),
      targets,
      aliases: entry.aliases,
      translation: entry.translation,
      contract: contractReport(entry.contract),
      promisedDialects: promisedDialects(entry.contract),
      operational: operationalTargets(entry),
      ceiling: spendCeiling(entry.spend_ceiling),
      demanded: demandedOf(entry),
      affinity: affinityOf(entry),
      prefersNative: entry.prefer_native,
      hostedTools: entry.hosted_tools,
      disconnect: entry.disconnect,
      cache: groupCache(entry, rule),
      activation: activationRule(entry.activation),
      capture: entry.content_capture ?? null,
      piiFilter: piiFilterOf(entry),
      fingerprints: groupFingerprints(name, config),
    }
    for (const known of [name, ...entry.aliases]) groups.set(known, group)
  }
  return groups
}

function compileProvider(name: string, entry: ProviderConfig): Provider {
  return {
    name,
    dialect: entry.dialect,
    keyId: entry.key_id ?? null,
    forwardHeaders: entry.forward_headers.map((header) => header.toLowerCase()),
    secrets: secretPattern(entry),
    engineMetrics: engineMetricsRule(entry, originOf(entry)),
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
    ...(entry?.ca_file === undefined ? {} : { ca: readTextFile(entry.ca_file) }),
    ...(entry?.cert_file === undefined ? {} : { cert: readTextFile(entry.cert_file) }),
    ...(entry?.key_file === undefined ? {} : { key: readTextFile(entry.key_file) }),
  }
}

function compileTarget(
  target: TargetConfig,
  index: number,
  provider: Provider,
  providerEntry: ProviderConfig,
  group: GroupConfig,
  config: Config,
  options: CompileOptions,
): Omit<Target, "line" | "cacheKey" | "declared" | "observed"> {
  const catalogue = catalogueEntryOf(target, providerEntry)
  const model = catalogue?.model ?? target.model ?? ""
  const dialect = target.dialect ?? provider.dialect
  const facts: Partial<ModelConfig> = { ...catalogue, ...definedOf(target) }
  const refuseUnknown = config.server.unknown_capabilities === "refuse"
  const sources = { dialect, model, providerName: provider.name, provider: providerEntry, catalogue, target }
  const known = targetFacts({ ...sources, refuseUnknown, marks: options.marks })
  const prices = modelPricesOf(facts)
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
    patience: patienceOf(target, providerEntry, config.server.upstream),
    prices,
    reservation: {
      prices: reservePricesOf(prices),
      contextTokens: facts.context_tokens ?? null,
      maxOutputTokens: facts.max_output_tokens ?? null,
      maxImageTokens: facts.max_image_tokens ?? null,
      capFields: WIRES[dialect].capVaries ? capFieldsOf(known.facts, providerEntry) : null,
      streamTokens:
        facts.default_output_reservation ??
        group.default_output_reservation ??
        config.server.default_output_reservation,
    },
    pricingSource: facts.pricing_source ?? null,
    pricingUpdatedAt: facts.pricing_updated_at ?? null,
    modelRef: target.model_ref ?? null,
    shaping: shapingOf({
      provider: providerEntry.traffic_shape,
      model: catalogue?.traffic_shape,
      target: target.traffic_shape,
    }),
    tags: target.tags,
    evaluatedQuality: target.validation?.quality_score ?? target.validation?.pass_rate ?? null,
    ...known,
    pin: [known.facts.issuer.label, dialect, model].join(" "),
    contract: targetContract(group.contract, contractFacts(known.capabilities, catalogue, target)),
    about: targetDescription(target, catalogue, providerEntry),
  }
}

/** All that may change what the target answers, and a little more. */
function answersOf(target: TargetConfig, provider: ProviderConfig, group: GroupConfig): string {
  const { models: _, traffic_shape: _shape, ...rest } = provider
  const { translation, hosted_tools, pii_filter = null } = group
  return fingerprint([target, catalogueEntryOf(target, provider) ?? null, rest, translation, hosted_tools, pii_filter])
}

function definedOf(target: TargetConfig): Partial<ModelConfig> {
  return Object.fromEntries(Object.entries(target).filter(([, value]) => value !== undefined))
}

function urlOf(entry: ProviderConfig, dialect: Target["dialect"]): string {
  const base = entry.base_url.replace(/\/+$/, "")
  const { root, endpoint } = WIRES[dialect]
  const url = new URL((base.endsWith(root) ? base : base + root) + endpoint)
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
