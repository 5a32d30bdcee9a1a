/** What is billed, and the prices of a model. */

/**
 * What the upstream reported, in counters that do not overlap: all input is the sum of fresh, cached and the two writes.
 * Null: not reported. What an upstream does not tell apart stands in `freshInputTokens`.
 */
export interface BilledUsage {
  readonly freshInputTokens: number | null
  readonly cachedInputTokens: number | null
  readonly cacheWrite5mTokens: number | null
  readonly cacheWrite1hTokens: number | null
  /** Reasoning included. */
  readonly outputTokens: number | null
  /** Part of `outputTokens`, billed as such. */
  readonly reasoningTokens: number | null
  /** Absent or null: none of it is reported. */
  readonly parts?: BilledParts | null
}

/** What few calls have: parts of the counters with prices of their own, and what else has a price. */
export interface BilledParts {
  readonly inputImageTokens: number
  readonly inputAudioTokens: number
  readonly outputImageTokens: number
  readonly outputAudioTokens: number
  /** Uses by tool. */
  readonly hostedTools: Readonly<Record<string, number>>
  readonly speed: string | null
  readonly inferenceGeo: string | null
}

/** Nano-USD per million tokens; null: unknown; 0: known to be free. */
export interface TokenPrices {
  readonly input: number | null
  readonly cachedInput: number | null
  readonly cacheWrite5m: number | null
  readonly cacheWrite1h: number | null
  readonly output: number | null
}

/** Replaces the prices that it names once all input of a call, as billed, is above `aboveInputTokens`. */
export interface PriceTier {
  readonly aboveInputTokens: number
  readonly prices: Partial<TokenPrices>
}

/** Nano-USD per million tokens of images and sound. Images of the input: null: as other input. */
export interface MediaPrices {
  readonly imageInput: number | null
  readonly audioInput: number | null
  readonly imageOutput: number | null
  readonly audioOutput: number | null
}

/** Billionths (`0.5` is 500000000) by the provider's word. They multiply every price of tokens and images. */
export type Multipliers = ReadonlyMap<string, number>

export interface ModelPrices extends TokenPrices, MediaPrices {
  /** Nano-USD per image. */
  readonly image: number | null
  /** Ascending; every tier that is reached counts, a later one over an earlier one. */
  readonly tiers: readonly PriceTier[]
  readonly serviceTierMultipliers: Multipliers
  readonly speedMultipliers: Multipliers
  readonly inferenceGeoMultipliers: Multipliers
  /** Nano-USD for each use of a tool that the provider executes. */
  readonly hostedTools: ReadonlyMap<string, number>
}
