/** Where a target's facts stand. Names that every object inherits (`constructor`, …) are names like others. */
import type { Config, ModelConfig, ProviderConfig, TargetConfig } from "../config.ts"

/** Undefined: there is no provider of that name. */
export function providerOf(
  { provider }: Pick<TargetConfig, "provider">,
  { providers }: Config,
): ProviderConfig | undefined {
  return Object.hasOwn(providers, provider) ? providers[provider] : undefined
}

/** Undefined: the target names none, or there is none. */
export function catalogueEntryOf(
  { model_ref: ref }: Pick<TargetConfig, "model_ref">,
  provider: ProviderConfig | undefined,
): ModelConfig | undefined {
  return ref === undefined || provider === undefined || !Object.hasOwn(provider.models, ref)
    ? undefined
    : provider.models[ref]
}
