/** What multiplies every price of a call: its service tier, its speed and its place, as the provider reports them. */
import type { ModelPrices } from "./prices.ts"

/** `times / per`, exact. Null: 1. */
export type Factor = { readonly times: bigint; readonly per: bigint } | null

/** How the provider served a call, in its own words; null: as usual. */
export interface Served {
  readonly serviceTier: string | null
  readonly speed: string | null
  readonly inferenceGeo: string | null
}

/** The first of the three whose factor the catalogue does not name. */
export type UnknownFactor = "service-tier" | "speed" | "inference-geo"

const ONE = 1_000_000_000n
/** Words for the service that a plain price is for: OpenAI's, Anthropic's and Groq's; `auto` is no tier yet. */
const PLAIN_TIERS: ReadonlySet<string> = new Set(["", "auto", "default", "standard", "on_demand"])
/** Either is accepted for the other. https://developers.openai.com/api/docs/guides/fast-mode */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ["fast", "priority"],
  ["priority", "fast"],
])

export function factorOf(prices: ModelPrices, { serviceTier, speed, inferenceGeo }: Served): Factor | UnknownFactor {
  let factor: Factor = null
  if (serviceTier !== null) {
    const tiers = prices.serviceTierMultipliers
    const times = tiers.get(serviceTier) ?? tiers.get(RENAMED.get(serviceTier) ?? serviceTier)
    if (times === undefined && !PLAIN_TIERS.has(serviceTier)) return "service-tier"
    factor = multiplied(factor, times)
  }
  if (speed !== null) {
    const times = prices.speedMultipliers.get(speed)
    if (times === undefined) return "speed"
    factor = multiplied(factor, times)
  }
  if (inferenceGeo === null) return factor
  const times = prices.inferenceGeoMultipliers.get(inferenceGeo)
  return times === undefined ? "inference-geo" : multiplied(factor, times)
}

/** `billionths`: undefined: 1. */
function multiplied(factor: Factor, billionths: number | undefined): Factor {
  if (billionths === undefined || BigInt(billionths) === ONE) return factor
  return { times: (factor?.times ?? 1n) * BigInt(billionths), per: (factor?.per ?? 1n) * ONE }
}
