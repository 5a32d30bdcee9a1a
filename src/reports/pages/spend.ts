import type { PageDefinition } from "./page.ts"
import { ANY } from "./subjects.ts"

export const SPEND: PageDefinition = {
  name: "spend",
  title: "Spend",
  about: "Spend by caller and model, against its budget.",
  by: ANY,
  hasRange: true,
  blocks: [
    {
      show: "tiles",
      id: "headline",
      title: "Against the period before",
      figures: ["cost", "cost_per_call", "coverage", "unknown_cost_calls", "reported_cost", "cached_share"],
    },
    { show: "over-time", chart: "area", figure: "cost", by: "chosen", id: "cost", title: "Cost by {by}" },
    {
      show: "groups",
      by: ["chosen"],
      share: "cost",
      figures: ["cost", "calls", "input_cost", "cached_cost", "cache_write_cost", "output_cost", "unknown_cost_calls"],
      id: "shares",
      title: "Shares of the cost, by {by}",
      note: "Calls of unknown cost used something that has no price; they are not in the sums.",
    },
    { show: "part", part: "budgets", id: "budgets", title: "Budgets" },
    { show: "part", part: "savings", id: "savings", title: "Savings against a baseline" },
    {
      show: "groups",
      by: ["project", "model"],
      figures: ["cost", "calls", "input_tokens", "output_tokens", "unknown_cost_calls"],
      id: "chargeback",
      title: "Chargeback: projects and models",
      note: "Print the page or save the table as CSV; every call of the range is in the total.",
    },
  ],
}
