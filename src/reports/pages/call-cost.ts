/** What a call cost, part by part, with the prices that it was reckoned with. */
import type { UsageRow } from "../../ledger/record.ts"
import type { TableBlock, Value } from "./block.ts"

export function costBlock(usage: UsageRow): TableBlock {
  const writes = usage.cache_write_5m_tokens === null && usage.cache_write_1h_tokens === null
  const rows = [
    part("Fresh input", usage.fresh_input_tokens, usage.input_price_nano_usd_per_million, usage.input_cost_nano_usd),
    part(
      "Cached input",
      usage.cached_input_tokens,
      usage.cached_input_price_nano_usd_per_million,
      usage.cached_input_cost_nano_usd,
    ),
    part(
      "Cache writes",
      writes ? null : (usage.cache_write_5m_tokens ?? 0) + (usage.cache_write_1h_tokens ?? 0),
      usage.cache_write_price_nano_usd_per_million,
      usage.cache_write_cost_nano_usd,
    ),
    part("Output", usage.output_tokens, usage.output_price_nano_usd_per_million, usage.output_cost_nano_usd),
    part("Images", usage.input_image_tokens, usage.image_input_price_nano_usd_per_million, usage.image_cost_nano_usd),
    part("Hosted tools", usage.hosted_tool_uses, null, usage.hosted_tool_cost_nano_usd),
  ]
  return {
    id: "cost",
    title: "Use and cost",
    show: "table",
    columns: [
      { key: "part", title: "Part", kind: "text" },
      { key: "tokens", title: "Used", kind: "tokens" },
      { key: "price", title: "Price per million", kind: "price" },
      { key: "cost", title: "Cost", kind: "money" },
    ],
    rows: rows.filter(([, used, , cost]) => used !== null || cost !== null),
    totals: ["Total", usage.total_tokens, null, usage.total_cost_nano_usd],
    hasRest: false,
    rowCount: rows.length,
    note: noteOf(usage),
    empty: "The call used nothing.",
  }
}

function part(name: string, tokens: Value, price: Value, cost: Value): Value[] {
  return [name, tokens, price, cost]
}

function noteOf(usage: UsageRow): string {
  const source =
    usage.pricing_source === null ? "" : ` Prices: ${usage.pricing_source}, ${usage.pricing_updated_at ?? "no date"}.`
  const unknown = usage.cost_unknown_reason === null ? "" : ` The cost is not known: ${usage.cost_unknown_reason}.`
  return `Usage is from: ${usage.usage_source}.${source}${unknown}`
}
