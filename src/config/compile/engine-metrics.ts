/** Where a private engine says how busy it is, worked out once per load. */
import type { ProviderConfig } from "../config.ts"
import type { EngineMetricsRule, Origin } from "../snapshot.ts"

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
