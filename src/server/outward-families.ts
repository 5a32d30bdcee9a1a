/** The families about what stands behind the router: private engines, and receivers of telemetry. */
import type { FamilyWriter } from "../metrics/exposition.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { EngineLoad } from "../routing/live-view.ts"
import { DROPS } from "../telemetry/exporter.ts"
import type { SignalStatus } from "../telemetry/telemetry.ts"

/** As private engines tell it; nothing of those that do not. */
export function writeEngines(out: FamilyWriter, { snapshot, live, clock }: Gateway): void {
  const now = clock.monotonicMs()
  const loads = new Map<string, EngineLoad>()
  for (const { targets } of snapshot.groups.values())
    for (const target of targets) {
      const load = target.provider.engineMetrics === null ? null : live.engineLoad(target, now)
      if (load !== null) loads.set(target.provider.name, load)
    }
  out.family("smart_router_engine_running_requests", "gauge", "Requests that a private engine works on.")
  for (const [provider, { running }] of loads) out.sample({ provider }, running)
  out.family("smart_router_engine_waiting_requests", "gauge", "Requests that wait in a private engine.")
  for (const [provider, { waiting }] of loads) out.sample({ provider }, waiting)
  out.family("smart_router_engine_cache_usage_ratio", "gauge", "Use of the cache of a private engine, from 0 to 1.")
  for (const [provider, { cacheUsage }] of loads) if (cacheUsage !== null) out.sample({ provider }, cacheUsage)
}

/** Nothing where nothing is exported. */
export function writeExports(out: FamilyWriter, signals: readonly SignalStatus[]): void {
  if (signals.length === 0) return
  out.family(
    "smart_router_telemetry_queued",
    "gauge",
    "Spans of calls, log records and points that wait for an export.",
  )
  for (const { signal, queued } of signals) out.sample({ signal }, queued)
  out.family("smart_router_telemetry_exported_total", "counter", "Those that were exported.")
  for (const { signal, exported } of signals) out.sample({ signal }, exported)
  out.family("smart_router_telemetry_dropped_total", "counter", "Those that are lost.")
  for (const { signal, dropped } of signals) for (const reason of DROPS) out.sample({ signal, reason }, dropped[reason])
}
