/** What a model costs, as its provider's price list says it. */
import type { z } from "zod"
import { modelPricesOf } from "../../ledger/model-prices.ts"
import { allOptional, amount, block, checked, integer, key, line, list, table, text, type Shape } from "./field.ts"
import { day, identifier } from "./forms.ts"

/** Nothing on the market is near this: a larger number is a slip of the decimal point or of the unit. */
const MAX_PRICE_USD = 100_000

const price = (what: string): z.ZodType =>
  exact(amount(`Price of ${what}.`, { max: MAX_PRICE_USD, unit: "USD per million tokens" }))

/** Money is counted in whole billionths. */
export function exact(schema: z.ZodType): z.ZodType {
  return checked(schema, (value) => {
    // out of its range: that is told already
    if (!(Number(value) >= 0 && Number(value) < Infinity)) return null
    try {
      modelPricesOf({ input_price_per_million_usd: value as number })
      return null
    } catch {
      return { path: [], message: "Prices and factors have at most nine digits behind the point." }
    }
  })
}

const tokenPrices: Shape = {
  input_price_per_million_usd: price("input tokens"),
  cached_input_price_per_million_usd: price("input tokens read from the provider's cache"),
  cache_write_price_per_million_usd: price("input tokens written to the provider's cache for five minutes"),
  cache_write_1h_price_per_million_usd: price("input tokens written to the provider's cache for an hour"),
  output_price_per_million_usd: price("output tokens"),
}

export const prices: Shape = {
  ...tokenPrices,
  image_input_price_per_million_tokens_usd: price("input tokens that stand for images; absent: as other input"),
  audio_input_price_per_million_tokens_usd: price("input tokens that stand for sound"),
  image_output_price_per_million_tokens_usd: price("output tokens that stand for images"),
  audio_output_price_per_million_tokens_usd: price("output tokens that stand for sound"),
  image_input_price_per_image_usd: exact(amount("Price of one input image.", { max: MAX_PRICE_USD, unit: "USD" })),
  price_tiers: list(
    block(
      {
        above_input_tokens: integer("The tier counts for calls with more input tokens than this.", {
          min: 1,
          unit: "tokens",
        }),
        ...allOptional(tokenPrices),
      },
      "Other prices for long inputs. What a tier does not name stays as it is.",
      { name: "PriceTier" },
    ),
    "Prices for long inputs.",
  ),
  service_tier_multipliers: table(
    identifier,
    exact(amount("Factor on every price.", { max: 1000 })),
    "Factors on all prices, by the service tier that the provider reports; `fast` and `priority` are one. Without one the cost is unknown, but for the plain tier.",
  ),
  speed_multipliers: table(
    identifier,
    exact(amount("Factor on every price.", { max: 1000 })),
    "Factors on all prices, by the speed that the provider reports (`fast`). Without one the cost is unknown, but for `standard`.",
  ),
  inference_geo_multipliers: table(
    identifier,
    exact(amount("Factor on every price.", { max: 1000 })),
    "Factors on all prices, by the place that the provider reports (`us`). Without one the cost is unknown, but for `global`.",
  ),
  hosted_tool_prices_usd: table(
    identifier,
    exact(amount("Price of one use.", { max: MAX_PRICE_USD, unit: "USD" })),
    "Prices of tools that the provider executes, by use: `web_search`, `file_search`, `code_interpreter`, `image_generation`; `other`: uses that it does not name. Without one the cost of a call that used the tool is unknown.",
  ),
  pricing_source: line("Where the prices come from; copied to the rows."),
  pricing_updated_at: key(day, "The date of the prices; copied to the rows."),
  pricing_notes: text("Anything that an auditor should know about the prices."),
}
