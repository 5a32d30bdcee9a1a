/** How long the conversations of a group stay on one target. */
import type { GroupConfig } from "../config.ts"
import type { Group } from "../snapshot.ts"

/** `dynamic_score` may have its own block, under the name that it has in other deployments. */
export function affinityOf({ affinity, strategy, routing_policy: policy }: GroupConfig): Group["affinity"] {
  const scored = strategy === "dynamic_score" ? policy?.dynamic_score?.affinity : undefined
  const { enabled, ttl_seconds: seconds, max_entries: maxEntries } = affinity ?? scored ?? AFFINITY
  return enabled && maxEntries > 0 ? { ttlMs: seconds * 1000, maxEntries } : null
}

const AFFINITY = { enabled: true, ttl_seconds: 600, max_entries: 10_000 } as const
