/** The questions of the console's pages for one range. */
import type { Query, Search } from "../../src/reports/query.ts"

export interface Page {
  readonly name: string
  readonly queries: readonly Query[]
}

const MONEY = ["total_cost_nano_usd", "calls", "errors", "total_tokens", "unknown_cost_calls"] as const
const TOKENS = ["fresh_input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens"] as const

// oxlint-disable-next-line max-lines-per-function -- one list
export function pages(from: number, to: number, zone: string): readonly Page[] {
  const base = { from, to, zone, where: [], by: [], histograms: [] } as const
  const span = to - from
  const slot = span > 100 * 86_400_000 ? "week" : "day"
  const where = [{ dimension: "project", is: ["project-3"] }] as const
  return [
    {
      name: "overview",
      queries: [
        { ...base, measures: [...MONEY, ...TOKENS], histograms: ["latency_ms", "ttfb_ms"] },
        {
          ...base,
          from: from - span,
          to: from,
          measures: [...MONEY, ...TOKENS],
          histograms: ["latency_ms", "ttfb_ms"],
        },
        { ...base, slot, by: ["model"], top: 8, measures: ["total_cost_nano_usd", "calls"] },
        { ...base, by: ["project"], top: 10, measures: ["total_cost_nano_usd", "calls"] },
      ],
    },
    {
      name: "spend",
      queries: [
        { ...base, slot, by: ["project"], top: 10, measures: [...MONEY] },
        {
          ...base,
          by: ["caller", "model"],
          top: 100,
          measures: [...MONEY, ...TOKENS, "input_cost_nano_usd", "output_cost_nano_usd"],
        },
      ],
    },
    {
      name: "performance",
      queries: [
        {
          ...base,
          slot,
          measures: ["calls"],
          histograms: ["latency_ms", "ttfb_ms", "upstream_ms", "overhead_ms", "tokens_per_second"],
        },
        { ...base, by: ["provider", "model"], top: 50, measures: ["calls"], histograms: ["latency_ms", "ttfb_ms"] },
      ],
    },
    {
      name: "reliability",
      queries: [
        { ...base, slot, by: ["error"], top: 10, measures: ["errors", "calls"] },
        { ...base, by: ["blame", "provider"], top: 50, measures: ["errors", "calls", "attempts", "fallbacks"] },
      ],
    },
    {
      name: "one project",
      queries: [
        { ...base, where, slot, by: ["caller"], top: 10, measures: [...MONEY] },
        { ...base, where, by: ["model", "status"], top: 50, measures: [...MONEY], histograms: ["latency_ms"] },
      ],
    },
  ]
}

export function searches(from: number, to: number): readonly (readonly [name: string, search: Search])[] {
  const base = { from, to, where: [], sort: "newest", limit: 50 } as const
  return [
    ["newest", base],
    ["by caller", { ...base, where: [{ dimension: "caller", is: ["app-399"] }] }],
    [
      "by model and error",
      {
        ...base,
        where: [
          { dimension: "model", is: ["vendor-model-7-2026"] },
          { dimension: "error", is: ["internal-error"] },
        ],
      },
    ],
    ["nobody's", { ...base, where: [{ dimension: "caller", is: ["nobody"] }] }],
    ["dearest", { ...base, sort: "cost" }],
    ["slowest of a project", { ...base, sort: "latency", where: [{ dimension: "project", is: ["project-3"] }] }],
    ["dear and rare", { ...base, where: [{ measure: "total_cost_nano_usd", min: 60_000_000 }] }],
  ]
}
