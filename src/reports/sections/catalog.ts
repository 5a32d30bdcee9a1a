import { breakdownQuery, isWanted } from "../breakdown.ts"
import { columnOf } from "../figure-makers.ts"
import type { CatalogEntry, Column, Row, SectionDefinition, Table } from "../section.ts"
import { capabilityTables, knownTargets } from "./catalog-capabilities.ts"

const COLUMNS: readonly Column[] = [
  columnOf("group", "text", "Group", "The group that the target is active in."),
  columnOf("provider", "text", "Provider", "The provider."),
  columnOf("model", "text", "Model", "The model."),
  columnOf("dialect", "text", "Dialect", "The dialect of the target."),
  columnOf("input_price_per_million_usd", "money", "Input price", "Of a million tokens of input; empty: unknown."),
  columnOf("output_price_per_million_usd", "money", "Output price", "Of a million tokens of output; empty: unknown."),
  columnOf("pricing_source", "text", "Prices from", "Where the prices come from."),
  columnOf("pricing_date", "text", "Prices of", "The date of the prices."),
  columnOf("tools", "text", "Tools", "Whether tools may be sent."),
  columnOf("structured_outputs", "text", "Structured", "Whether structured output may be asked for."),
  columnOf("reasoning", "text", "Reasoning", "How reasoning is asked for."),
  columnOf("images", "text", "Images", "Whether images may be sent."),
  columnOf("validation", "text", "Validation", "Whether the target was validated, and whether that still counts."),
  columnOf("validated_on", "text", "Validated", "The date of the validation."),
]

const CALLS = columnOf("calls", "count", "Calls", "Calls that the target served in the range.")

function cellsOf(entry: CatalogEntry): Row {
  const { inputPrice, outputPrice, pricingSource, pricingDate, tools, structuredOutputs, reasoning, images } = entry
  return [
    entry.group,
    entry.provider,
    entry.model,
    entry.dialect,
    inputPrice,
    outputPrice,
    pricingSource,
    pricingDate,
    tools,
    structuredOutputs,
    reasoning,
    images,
    entry.validation,
    entry.validatedOn,
  ]
}

export const CATALOG: SectionDefinition = {
  id: "catalog",
  title: "Catalogue",
  about: "Models and targets: what is active in which group, what is only known, what they can do, and what they cost.",
  takesBy: false,
  build: async (asked, sources) => {
    const { queries } = sources
    const catalog = (await sources.catalog?.()) ?? null
    const by = ["group", "provider", "model"] as const
    const [rows] = await queries([
      { ...breakdownQuery(asked, { id: "", title: "", by, figures: ["calls"] }), top: 1000 },
    ])
    const calls = new Map(rows?.groups.map(({ key, figures }) => [JSON.stringify(key), figures.sums.calls ?? 0n]))
    const entries = catalog ?? []
    const callsOf = ({ group, provider, model }: CatalogEntry): bigint =>
      calls.get(JSON.stringify([group, provider, model])) ?? 0n
    const table = (
      status: CatalogEntry["status"],
      columns: readonly Column[],
      rowOf: (entry: CatalogEntry) => Row,
    ): Omit<Table, "id" | "title" | "empty"> => {
      const all = entries.filter((entry) => entry.status === status).map(rowOf)
      const hidden = Math.max(0, all.length - asked.top)
      const notes = hidden === 0 ? [] : [`${hidden} more are left out: a larger top shows them.`]
      return { columns, rows: all.slice(0, asked.top), restOf: 0, totals: null, notes }
    }
    const missing = "The catalogue stands in the configuration, which is not known here: give --config FILE."
    return {
      tables: [
        {
          id: "active",
          title: "Active targets",
          empty: catalog === null ? missing : "No group has a target.",
          ...table("active", [...COLUMNS, CALLS], (entry) => [...cellsOf(entry), callsOf(entry)]),
        },
        {
          id: "catalogue",
          title: "Models that no group uses",
          empty: catalog === null ? missing : "Every model of the catalogue is active.",
          ...table("catalogue", COLUMNS.slice(1), (entry) => cellsOf(entry).slice(1)),
        },
        ...(isWanted(asked, "capabilities") || isWanted(asked, "declarations")
          ? capabilityTables(asked, await knownTargets(asked, sources, entries), catalog === null ? missing : null)
          : []),
      ],
      charts: [],
      notes: [],
    }
  },
}
