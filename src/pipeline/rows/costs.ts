/** What a call's usage costs at the target that served it. */
import type { BilledUsage, BilledParts } from "../../canonical/billed-usage.ts"
import type { Target } from "../../config/snapshot.ts"
import { noCosts, priceCall, type Costs } from "../../ledger/price.ts"
import type { UsageRow } from "../../ledger/record.ts"

export function allInput(usage: BilledUsage): number {
  return usage.freshInputTokens + usage.cachedInputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
}

const NOTHING: Costs = noCosts(null)
const UNPRICED: Costs = noCosts("price")
const OTHER_MODELS: Costs = noCosts("models")

/** Unknown where tokens are unknown, or where another model than the priced one used a part of them. */
export function costsOf(
  served: Target | null,
  usage: BilledUsage | null,
  serviceTier: string | null,
  imageCount: number | null,
): Costs {
  if (usage === null) return NOTHING
  if (served === null) return UNPRICED
  if (usage.mixedModels) return OTHER_MODELS
  return priceCall(served.prices, usage, serviceTier, imageCount)
}

type PartColumns = Pick<
  UsageRow,
  | "input_image_tokens"
  | "input_audio_tokens"
  | "output_image_tokens"
  | "output_audio_tokens"
  | "hosted_tool_uses"
  | "speed"
  | "inference_geo"
  | "upstream_reported_input_cost_nano_usd"
  | "upstream_reported_output_cost_nano_usd"
>

const NO_PARTS: PartColumns = {
  input_image_tokens: null,
  input_audio_tokens: null,
  output_image_tokens: null,
  output_audio_tokens: null,
  hosted_tool_uses: null,
  speed: null,
  inference_geo: null,
  upstream_reported_input_cost_nano_usd: null,
  upstream_reported_output_cost_nano_usd: null,
}

/** What a report tells beside the counters. */
export function partColumns(parts: BilledParts | null): PartColumns {
  if (parts === null) return NO_PARTS
  return {
    input_image_tokens: parts.inputImageTokens,
    input_audio_tokens: parts.inputAudioTokens,
    output_image_tokens: parts.outputImageTokens,
    output_audio_tokens: parts.outputAudioTokens,
    hosted_tool_uses: usesOf(parts.hostedTools),
    speed: parts.speed,
    inference_geo: parts.inferenceGeo,
    upstream_reported_input_cost_nano_usd: nanoUsdOf(parts.reportedInputUsd),
    upstream_reported_output_cost_nano_usd: nanoUsdOf(parts.reportedOutputUsd),
  }
}

/** Of tools that the provider executed. */
function usesOf(hostedTools: BilledParts["hostedTools"]): number {
  let uses = 0
  for (const tool in hostedTools) uses += hostedTools[tool] ?? 0
  return uses
}

/** Null: it is no amount. */
export function nanoUsdOf(usd: number | null | undefined): number | null {
  const nanoUsd = Math.round((usd ?? Number.NaN) * 1e9)
  return Number.isSafeInteger(nanoUsd) && nanoUsd >= 0 ? nanoUsd : null
}
