import type { PageDefinition } from "./page.ts"

export const ROUTING: PageDefinition = {
  name: "routing",
  title: "Routing",
  about: "Why calls went where they went.",
  by: ["strategy", "group", "provider", "model", "project", "caller"],
  hasRange: true,
  blocks: [
    {
      show: "tiles",
      id: "headline",
      title: "Against the period before",
      figures: ["calls", "attempts", "fallbacks", "fallback_rate", "latency_p95"],
    },
    {
      show: "over-time",
      chart: "area",
      figure: "calls",
      by: "chosen",
      id: "decided",
      title: "Calls by {by}",
      half: true,
    },
    {
      show: "over-time",
      chart: "area",
      figure: "calls",
      by: "model",
      id: "models",
      title: "Calls by model that answered",
      half: true,
    },
    {
      show: "groups",
      by: ["group", "strategy", "model"],
      figures: ["calls", "errors", "fallbacks", "latency_p50", "cost_per_call"],
      id: "groups",
      title: "What groups chose",
    },
    { show: "part", part: "decisions", id: "decisions", title: "Decisions by reason" },
    { show: "part", part: "left-out", id: "left-out", title: "Why targets were left out" },
    { show: "part", part: "shadow", id: "shadow", title: "Shadow against live" },
    { show: "part", part: "score-terms", id: "score-terms", title: "Terms of the score" },
    { show: "part", part: "policies", id: "policies", title: "Runs of routing policies" },
  ],
}
