/** Bounds of calls, and those of their bodies among them. `Infinity` where the file says 0. */
import type { RequestConfig } from "../config.ts"

export interface RequestRule {
  readonly maxBodyBytes: number
  readonly maxDepth: number
  readonly maxValues: number
  /** Of the bodies of all calls in flight. */
  readonly maxMemoryBytes: number
  readonly maxMemoryBytesPerCaller: number
  readonly minBytesPerSecond: number
}

export interface Limits extends RequestRule {
  readonly maxResponseBytes: number
  readonly maxFrameBytes: number
  /** Requests may point at media of private networks. */
  readonly allowsPrivateMedia: boolean
  readonly drainDelayMs: number
  readonly drainMs: number
}

export function requestRule(config: RequestConfig): RequestRule {
  return {
    maxBodyBytes: bounded(config.max_body_bytes),
    maxDepth: bounded(config.max_depth),
    maxValues: bounded(config.max_values),
    maxMemoryBytes: bounded(config.max_memory_bytes),
    maxMemoryBytesPerCaller: bounded(config.max_memory_bytes_per_caller),
    minBytesPerSecond: config.min_bytes_per_second,
  }
}

function bounded(limit: number): number {
  return limit === 0 ? Infinity : limit
}
