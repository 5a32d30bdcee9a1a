/** What a policy may know of a target, as it reads in its context. */
import type { Target } from "../../config/snapshot.ts"

/** `forScript`: it runs in this process and belongs to the deployment, so it may know addresses; a service may not. */
export function targetFactsOf(target: Target, forScript: boolean): Readonly<Record<string, unknown>> {
  const { about, provider } = target
  return {
    provider: provider.name,
    model: target.model,
    modelRef: target.modelRef ?? undefined,
    ...(forScript ? { baseUrl: about.baseUrl } : {}),
    dialect: target.dialect,
    region: target.region ?? undefined,
    tier: about.tier ?? undefined,
    displayName: about.displayName ?? undefined,
    tags: about.tags,
    weight: target.weight,
    keyId: provider.keyId ?? undefined,
    keyConfigured: about.keyConfigured,
    honorsMaxTokens: about.honorsMaxTokens,
    contextTokens: about.contextTokens ?? undefined,
    maxOutputTokens: about.maxOutputTokens ?? undefined,
    inputPricePerMillionUsd: about.inputPricePerMillionUsd ?? undefined,
    outputPricePerMillionUsd: about.outputPricePerMillionUsd ?? undefined,
    inputModalities: about.inputModalities ?? undefined,
    outputModalities: about.outputModalities ?? undefined,
    toolSupport: about.toolSupport ?? undefined,
    reasoning: about.reasoning ?? undefined,
    validation: about.validation ?? undefined,
  }
}
