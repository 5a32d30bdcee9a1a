/** Reports for administrators: where they are, and how much they tell. */
import type { z } from "zod"
import {
  amount,
  block,
  byDefault,
  duration,
  flag,
  integer,
  key,
  list,
  optional,
  pattern,
  ruled,
  type Rule,
  type Shape,
  text,
} from "./field.ts"
import { identifier } from "./forms.ts"
import { exact } from "./prices.ts"

/** Paths of the product's own, which no report may hide. */
const TAKEN = ["/admin/auth", "/admin/api", "/anthropic", "/docs", "/healthz", "/metrics", "/readyz", "/v1", "/version"]

function isBelow(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`)
}

const prefixIsFree: Rule = (value) => {
  const prefix = String(value["path_prefix"])
  const taken = TAKEN.find((path) => isBelow(prefix, path) || isBelow(path, prefix))
  const call = /^\/(?:chat|responses|messages|models|usage|codex)(?:\/|$)/.test(prefix)
  if (taken === undefined && !call && !prefix.includes("//")) return null
  return { path: ["path_prefix"], message: `Something else is served at ${taken ?? prefix}.` }
}

const BASELINE_PRICE = { max: 100_000, unit: "USD per million tokens" } as const

const baseline: Shape = {
  id: key(identifier, "The id of the baseline."),
  name: optional(text("The name of the baseline.")),
  version: optional(text("The version of the baseline.")),
  input_price_per_million_usd: exact(amount("Its price of input.", BASELINE_PRICE)),
  output_price_per_million_usd: exact(amount("Its price of output.", BASELINE_PRICE)),
  pricing_source: optional(text("Where its prices come from.")),
  pricing_updated_at: optional(text("The date of its prices.")),
  notes: optional(text("Notes on the baseline.")),
}

export const adminReports: z.ZodType = byDefault(
  ruled(
    block(
      {
        enabled: byDefault(flag("Serve reports to administrators."), false),
        path_prefix: byDefault(
          pattern(/^\/[A-Za-z0-9/_-]*[A-Za-z0-9_-]$/, "a path such as /admin/reports", "Where the reports are."),
          "/admin/reports",
        ),
        default_since: byDefault(duration("The range of a report that is asked for without one."), "24h"),
        max_range: byDefault(
          duration(
            "The longest range that is answered; the console offers the ranges that fit. `400d` lets it offer a year.",
          ),
          "31d",
        ),
        max_rows: byDefault(integer("The most rows of a table.", { min: 1, max: 1000, unit: "rows" }), 500),
        export_markdown: byDefault(flag("Offer reports as Markdown."), true),
        baselines: byDefault(
          list(block(baseline, "A price to compare with.", { name: "Baseline" }), "Prices to compare with."),
          [],
        ),
        security: byDefault(
          block(
            {
              enabled: byDefault(
                flag("Serve what is recorded of sign-ins, refusals, reports that were read, and exports."),
                false,
              ),
              retention_days: byDefault(
                integer(
                  "How long that is kept, where these reports are served; older events are deleted. 0: for good.",
                  {
                    max: 36_500,
                    unit: "days",
                  },
                ),
                90,
              ),
            },
            "Reports on security.",
            { name: "SecurityReports" },
          ),
          {},
        ),
      },
      "Reports, for browsers and programs: [the API](admin.md#the-api-of-reports).",
      { name: "AdminReports" },
    ),
    prefixIsFree,
  ),
  {},
)
