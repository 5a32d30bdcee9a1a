/** What the configuration tells reports: the catalogue with its active targets, what is proven of them, and the prices to compare with. */
import { CAPABILITIES, type Capability } from "../activation/capabilities.ts"
import { type Standings, stateAt } from "../activation/standings.ts"
import type { CapabilityFacts } from "../catalogue/capability-facts.ts"
import { isDeclarable, type DeclarableCapability } from "../catalogue/capability-keys.ts"
import type { DeclaredPlace } from "../catalogue/declare.ts"
import type { DeclaredKey } from "../config/compile/declared.ts"
import type { Baseline as ConfiguredBaseline, Config, ModelConfig } from "../config/config.ts"
import type { Group, Snapshot, Target } from "../config/snapshot.ts"
import { billionths } from "../ledger/decimal.ts"
import { WIRES } from "../dialects/wires.ts"
import type { Baseline, CatalogEntry } from "../reports/section.ts"

/** Active targets in the order of groups, then the models that no group uses. */
export function catalogOf(
  snapshot: Pick<Snapshot, "groups">,
  config: Pick<Config, "providers" | "models">,
  { nowMs, standings }: { readonly nowMs: number; readonly standings: Standings },
): readonly CatalogEntry[] {
  const { providers } = config
  const groups = [...new Set(snapshot.groups.values())]
  const active = groups.flatMap((group) =>
    group.targets.map((target) => ({
      ...activeEntry(group, target, nowMs),
      capabilities: capabilitiesOf(group, target, nowMs, standings),
      place: placeOf(group, target, config),
    })),
  )
  const used = new Set(active.map(({ provider, model }) => JSON.stringify([provider, model])))
  const idle = Object.entries(providers).flatMap(([provider, { dialect, models }]) =>
    Object.values(models).flatMap((model) =>
      used.has(JSON.stringify([provider, model.model])) ? [] : [catalogueEntry(provider, dialect, model)],
    ),
  )
  return [...active, ...idle]
}

/** Keys of what is declared of a target. */
const DECLARED: Readonly<Record<DeclarableCapability, DeclaredKey>> = {
  caps: "honors_max_tokens",
  tools: "tools",
  "forced-tools": "tool_choice",
  "structured-output": "structured_outputs",
  image: "image",
  reasoning: "reasoning",
}

function capabilitiesOf(group: Group, target: Target, nowMs: number, standings: Standings): readonly CapabilityFacts[] {
  const standing = standings.of(group, target, target.dialect)
  return CAPABILITIES.map((capability) => {
    const { record, untilMs } = standing[capability]
    return {
      capability,
      declared: declaredOf(target, capability),
      isDeclarable: isDeclarable(capability),
      proven: stateAt(standing[capability], nowMs),
      checkedAtMs: record?.checkedAtMs ?? null,
      provenUntilMs: untilMs === 0 ? null : untilMs,
      reason: record?.result === "fail" ? (record.evidence.reason ?? "") : "",
    }
  })
}

function declaredOf({ declared }: Target, capability: Capability): boolean | null {
  if (!isDeclarable(capability)) return null
  const said = declared.facts[DECLARED[capability]]
  const whole = typeof said === "object" && said !== null ? (said as { readonly supported?: unknown }).supported : said
  return typeof whole === "boolean" ? whole : null
}

const SAYS_OF_CAPABILITIES = ["tool_support", "input_modalities", "reasoning", "honors_max_tokens"] as const

function placeOf(
  { name }: Group,
  { index, provider, modelRef, dialect }: Target,
  { providers, models }: Pick<Config, "providers" | "models">,
): DeclaredPlace {
  const own = models[name]?.targets[index]
  const entry = modelRef === null ? undefined : providers[provider.name]?.models[modelRef]
  const ownPath = ["models", name, "targets", index] as const
  return {
    words: WIRES[dialect],
    path: modelRef === null ? ownPath : ["providers", provider.name, "models", modelRef],
    ownPath,
    ownKeys: SAYS_OF_CAPABILITIES.filter((key) => own?.[key] !== undefined),
    blocks: SAYS_OF_CAPABILITIES.filter((key) => (own?.[key] ?? entry?.[key]) !== undefined),
    inputModalities: own?.input_modalities ?? entry?.input_modalities ?? null,
  }
}

function activeEntry(group: Group, target: Target, nowMs: number): Omit<CatalogEntry, "capabilities" | "place"> {
  const { provider, model, dialect, prices, pricingSource, pricingUpdatedAt, capabilities, about, contract } = target
  const { status, validated_at: date } = about.validation ?? {}
  const isExpired = Number.isFinite(contract.validUntil) && contract.validUntil <= nowMs
  return {
    status: "active",
    group: group.name,
    provider: provider.name,
    model,
    dialect,
    inputPrice: priceOf(prices.input),
    outputPrice: priceOf(prices.output),
    pricingSource: pricingSource ?? "",
    pricingDate: pricingUpdatedAt ?? "",
    tools: saidOf(capabilities.tools),
    structuredOutputs: saidOf(capabilities.structuredOutput),
    reasoning: saidOf(capabilities.reasoning),
    images: saidOf(capabilities.images),
    validation: isExpired ? "expired" : String(status ?? "none"),
    validatedOn: String(date ?? ""),
  }
}

function catalogueEntry(provider: string, dialect: string, model: ModelConfig): CatalogEntry {
  const { input_modalities: modalities, reasoning, tool_support: tools } = model
  return {
    status: "catalogue",
    group: "",
    provider,
    model: model.model,
    dialect,
    inputPrice: priceOf(nanoUsd(model.input_price_per_million_usd)),
    outputPrice: priceOf(nanoUsd(model.output_price_per_million_usd)),
    pricingSource: model.pricing_source ?? "",
    pricingDate: model.pricing_updated_at ?? "",
    tools: tools === undefined ? "unknown" : "declared",
    structuredOutputs: tools === undefined ? "unknown" : "declared",
    reasoning: reasoning === undefined ? "unknown" : saidOf(reasoning.supported),
    images: modalities === undefined ? "unknown" : saidOf(modalities.includes("image")),
    validation: "none",
    validatedOn: "",
    capabilities: [],
    place: null,
  }
}

function priceOf(nanoUsdPerMillion: number | null): bigint | null {
  return nanoUsdPerMillion === null ? null : BigInt(nanoUsdPerMillion)
}

function nanoUsd(usd: number | undefined): number | null {
  return usd === undefined ? null : billionths(usd)
}

function saidOf(said: boolean | null): string {
  return said === null ? "unknown" : said ? "yes" : "no"
}

export function baselinesOf({ server }: Pick<Config, "server">): readonly Baseline[] {
  return server.admin_reports.baselines.map(baselineOf)
}

/** The schema takes no price with more than nine digits behind the point. */
function baselineOf(baseline: ConfiguredBaseline): Baseline {
  const { id, name = id, version, input_price_per_million_usd: input, output_price_per_million_usd: output } = baseline
  return {
    id,
    name: version === undefined ? name : `${name} ${version}`,
    inputPrice: BigInt(billionths(input)),
    outputPrice: BigInt(billionths(output)),
  }
}
