/** What is exported of calls and of the router, and under which names. */
import type { OtlpConfig, TelemetryConfig } from "../config.ts"

export type GenAiNames = TelemetryConfig["gen_ai_names"]
export type CallerLabel = TelemetryConfig["caller_labels"][number]

export interface MetricsRule {
  readonly names: GenAiNames
  readonly callerLabels: readonly CallerLabel[]
  /** Callers with series of their own. */
  readonly maxCallers: number
}

export interface TraceRule {
  /** From 0 to 1. */
  readonly ratio: number
  readonly followsParent: boolean
  /** `Infinity`: no call is slow. */
  readonly slowMs: number
  /** Spans name the hosts of providers. */
  readonly showsHosts: boolean
}

export interface ExportRule {
  /** Without a slash at its end. */
  readonly endpoint: string
  readonly protocol: OtlpConfig["protocol"]
  readonly headers: Readonly<Record<string, string>>
  readonly isCompressed: boolean
  readonly timeoutMs: number
  readonly batchMs: number
  readonly maxQueue: number
  readonly resource: readonly (readonly [name: string, value: string])[]
  /** Null: none are exported. */
  readonly traces: TraceRule | null
  readonly logs: { readonly ofCalls: boolean } | null
  readonly metrics: { readonly intervalMs: number } | null
}

export function metricsRule(entry: TelemetryConfig): MetricsRule {
  return { names: entry.gen_ai_names, callerLabels: [...new Set(entry.caller_labels)], maxCallers: entry.max_callers }
}

/** Null: nothing is exported. */
export function exportRule({ otlp }: TelemetryConfig): ExportRule | null {
  if (otlp === undefined) return null
  const { traces, logs, metrics } = otlp
  return {
    endpoint: otlp.endpoint.replace(/\/+$/, ""),
    protocol: otlp.protocol,
    headers: otlp.headers,
    isCompressed: otlp.compression === "gzip",
    timeoutMs: otlp.timeout_ms,
    batchMs: otlp.batch_ms,
    maxQueue: otlp.max_queue,
    resource: [["service.name", otlp.service_name], ...Object.entries(otlp.resource)],
    traces: traces.enabled
      ? {
          ratio: traces.ratio,
          followsParent: traces.parent,
          slowMs: traces.slow_ms === 0 ? Infinity : traces.slow_ms,
          showsHosts: traces.server_address,
        }
      : null,
    logs: logs.enabled ? { ofCalls: logs.calls } : null,
    metrics: metrics.enabled ? { intervalMs: metrics.interval_ms } : null,
  }
}
