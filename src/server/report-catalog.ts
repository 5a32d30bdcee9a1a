/** What the configuration tells reports: the catalogue with its active targets, and the prices to compare with. */
import type { Baseline as ConfiguredBaseline, Config, ModelConfig } from "../config/config.ts"
import type { Group, Snapshot, Target } from "../config/snapshot.ts"
import { billionths } from "../ledger/decimal.ts"
import type { Baseline, CatalogEntry } from "../reports/section.ts"

/** Active targets in the order of groups, then the models that no group uses. */
export function catalogOf(
  snapshot: Pick<Snapshot, "groups">,
  { providers }: Pick<Config, "providers">,
  nowMs: number,
): readonly CatalogEntry[] {
  const groups = [...new Set(snapshot.groups.values())]
  const active = groups.flatMap((group) => group.targets.map((target) => activeEntry(group, target, nowMs)))
  const used = new Set(active.map(({ provider, model }) => JSON.stringify([provider, model])))
  const idle = Object.entries(providers).flatMap(([provider, { dialect, models }]) =>
    Object.values(models).flatMap((model) =>
      used.has(JSON.stringify([provider, model.model])) ? [] : [catalogueEntry(provider, dialect, model)],
    ),
  )
  return [...active, ...idle]
}

function activeEntry(group: Group, target: Target, nowMs: number): CatalogEntry {
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
