/** Where a private engine says how busy it is, worked out once per load. */
import type { ProviderConfig } from "../config.ts"
import type { Origin } from "../snapshot.ts"

/** How the metrics of a private engine are read. */
export interface EngineMetricsRule {
  readonly engine: "vllm" | "sglang"
  readonly url: string
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly maxResponseBytes: number
  readonly tls: Origin["tls"]
  readonly proxy: string | null
}

export function engineMetricsRule(entry: ProviderConfig, { tls }: Origin): EngineMetricsRule | null {
  const { engine_metrics: metrics } = entry
  if (metrics === undefined) return null
  return {
    engine: metrics.engine,
    url: metrics.url ?? new URL("/metrics", entry.base_url).href,
    intervalMs: metrics.interval_ms,
    timeoutMs: metrics.timeout_ms,
    maxResponseBytes: metrics.max_response_bytes,
    tls,
    proxy: entry.proxy ?? null,
  }
}
