/** What is priced, and the prices of a model. */
import type { BilledParts } from "../canonical/billed-usage.ts"

type Counter =
  | "freshInputTokens"
  | "cachedInputTokens"
  | "cacheWrite5mTokens"
  | "cacheWrite1hTokens"
  | "outputTokens"
  | "reasoningTokens"

/**
 * What a price list is applied to: a report, or what a row kept of it. A null counter is unknown; what an upstream does not tell
 * apart stands in `freshInputTokens`.
 */
export type PricedUsage = { readonly [Name in Counter]: number | null } & {
  /** Absent or null: none of it is reported. */
  readonly parts?: PricedParts | null
}

export type PricedParts = Omit<BilledParts, "reportedInputUsd" | "reportedOutputUsd">

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
