/** What the response cache answered and saved, the same table wherever it stands. */
import type { Breakdown } from "./breakdown.ts"

export const CACHE_BY_GROUP: Breakdown = {
  id: "cache_by_group",
  title: "Response cache by group",
  by: ["group"],
  figures: ["calls", "cache_hits", "cache_misses", "cache_hit_percent", "cache_saved_tokens", "cache_saved_usd"],
  bar: "cache_hits",
}
