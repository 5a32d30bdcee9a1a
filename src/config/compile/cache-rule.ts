/** How answers are kept, for a group and as a whole. */
import type { CacheConfig, GroupConfig } from "../config.ts"

export interface CacheRule {
  /** Of memory, in each process. */
  readonly maxBytes: number
  readonly ttlMs: number
  /** Streamed calls are answered from the cache, and their answers are kept. */
  readonly streams: boolean
  /** Answers are kept where the state is, too, for the other processes. */
  readonly shared: boolean
}

/** Of one group. */
export interface GroupCache extends CacheRule {
  /** All callers of the group get the same answers; else each has its own. */
  readonly isForAll: boolean
}

/** Null: nothing is kept. */
export function cacheRule({ enabled, max_bytes, default_ttl, streams, shared }: CacheConfig): CacheRule | null {
  return enabled ? { maxBytes: max_bytes, ttlMs: default_ttl, streams, shared } : null
}

/** Null: calls of the group never meet the cache. */
export function groupCache({ cache }: GroupConfig, rule: CacheRule | null): GroupCache | null {
  return rule === null || cache === "off" ? null : { ...rule, isForAll: cache === "shared" }
}
