/** What an answer's report says that is billed, in one form for all dialects. */

/** Token counters as billed; disjoint but for `reasoningTokens`, which are part of `outputTokens`. Null: not reported. */
export interface BilledUsage {
  readonly freshInputTokens: number
  readonly cachedInputTokens: number
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number | null
  /** The side that the report leaves out, or says nonsense or no more than a beginning about. Null: both are there. */
  readonly unreported: "input" | "output" | null
  /** Cost in USD that the upstream itself reports. */
  readonly reportedCostUsd: number | null
  /** One price list cannot price it: another model than the one that answered used a part, or had a part in the bill. */
  readonly mixedModels: boolean
  /** Null, as for nearly every call: none of it is reported. */
  readonly parts: BilledParts | null
}

/** What some reports tell beside the counters. */
export interface BilledParts {
  /** Tokens of images and sound: parts of the input and of the output. */
  readonly inputImageTokens: number
  readonly inputAudioTokens: number
  readonly outputImageTokens: number
  readonly outputAudioTokens: number
  /** Uses of tools that the provider executed, by their names without what makes them a count: `web_search`. */
  readonly hostedTools: Readonly<Record<string, number>>
  /** How fast and where the call was served, in the vendor's words; null: as usual. */
  readonly speed: string | null
  readonly inferenceGeo: string | null
  /** The two sides of `reportedCostUsd`. */
  readonly reportedInputUsd: number | null
  readonly reportedOutputUsd: number | null
}

/** Of the two sides of a report, of which one at least is there. */
export function unreportedSide(input: number | null, output: number | null): BilledUsage["unreported"] {
  if (input === null) return "input"
  return output === null ? "output" : null
}
