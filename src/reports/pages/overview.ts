import type { PageDefinition } from "./page.ts"
import { ANY } from "./subjects.ts"

export const OVERVIEW: PageDefinition = {
  name: "overview",
  title: "Overview",
  about: "How much is asked, what it costs, and what needs a look.",
  by: ANY,
  hasRange: true,
  blocks: [
    { show: "part", part: "now", id: "now", title: "Right now", live: true },
    {
      show: "tiles",
      id: "headline",
      title: "Against the period before",
      figures: ["calls", "error_rate", "cost", "tokens", "latency_p95", "ttfb_p95"],
    },
    { show: "over-time", chart: "area", figure: "cost", by: "chosen", id: "cost", title: "Cost by {by}", half: true },
    {
      show: "over-time",
      chart: "area",
      figure: "calls",
      by: "chosen",
      id: "calls",
      title: "Calls by {by}",
      half: true,
    },
    {
      show: "changes",
      figure: "cost",
      by: "chosen",
      id: "changes",
      title: "What changed most, by {by}",
      half: true,
    },
    {
      show: "figures-over-time",
      figures: ["latency_p50", "latency_p95", "ttfb_p95"],
      id: "latency",
      title: "Latency",
      half: true,
    },
  ],
}
