/** Parts of a call that have prices of their own: tokens of images and sound, and uses of the provider's tools. */
import { costOf, safeSum } from "./price-arithmetic.ts"
import type { Factor } from "./price-factor.ts"
import type { PricedParts, PricedUsage, ModelPrices } from "./prices.ts"
import type { CostUnknownReason } from "./record.ts"

export interface PartCosts {
  /** What is left of fresh input and of output at their own prices. */
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  /** Nano-USD; 0 where there is nothing of it, null where its price is unknown. */
  readonly imageInput: number | null
  readonly audioInput: number | null
  /** Of both, in the output. */
  readonly mediaOutput: number | null
  readonly hostedTools: number | null
  /** Why one of them is null. */
  readonly unknown: CostUnknownReason | null
}

/** Anthropic bills the tokens of what it fetched, and nothing for fetching; calls of MCP servers cost nothing anywhere. */
const FREE_TOOLS: ReadonlySet<string> = new Set(["web_fetch", "mcp"])

/**
 * Images and sound are taken to be fresh input as far as they fit into it: reports do not tell them apart in the cache.
 * Images of the input without a price of their own are other input.
 */
export function partCosts(prices: ModelPrices, usage: PricedUsage, parts: PricedParts, factor: Factor): PartCosts {
  const [fresh, output] = [usage.freshInputTokens ?? 0, usage.outputTokens ?? 0]
  const imageInputTokens = prices.imageInput === null ? 0 : Math.min(parts.inputImageTokens, fresh)
  const audioInputTokens = Math.min(parts.inputAudioTokens, fresh - imageInputTokens)
  const audioOutputTokens = Math.min(parts.outputAudioTokens, output)
  const imageOutputTokens = Math.min(parts.outputImageTokens, output - audioOutputTokens)
  const cost = (tokens: number, price: number | null): number | null =>
    tokens === 0 ? 0 : costOf(tokens, price, factor)
  const imageInput = cost(imageInputTokens, prices.imageInput)
  const audioInput = cost(audioInputTokens, prices.audioInput)
  const imageOutput = cost(imageOutputTokens, prices.imageOutput)
  const audioOutput = cost(audioOutputTokens, prices.audioOutput)
  const hostedTools = toolCost(parts.hostedTools, prices.hostedTools)
  const isAudioKnown = audioInput !== null && audioOutput !== null
  return {
    inputTokens: left(usage.freshInputTokens, imageInputTokens + audioInputTokens),
    outputTokens: left(usage.outputTokens, imageOutputTokens + audioOutputTokens),
    imageInput,
    audioInput,
    mediaOutput: imageOutput === null || audioOutput === null ? null : safeSum(imageOutput, audioOutput),
    hostedTools,
    unknown: !isAudioKnown
      ? "audio"
      : imageOutput === null
        ? "image-output"
        : hostedTools === null
          ? "hosted-tool"
          : null,
  }
}

function left(all: number | null, taken: number): number | null {
  return all === null ? null : all - taken
}

/** Null: a tool was used whose price is not known. */
function toolCost(uses: PricedParts["hostedTools"], prices: ModelPrices["hostedTools"]): number | null {
  let sum = 0
  for (const tool in uses) {
    const price = prices.get(tool) ?? (FREE_TOOLS.has(tool) ? 0 : null)
    const cost = costOf(uses[tool] ?? 0, price, null, 1)
    if (cost === null) return null
    sum += cost
  }
  return sum
}
