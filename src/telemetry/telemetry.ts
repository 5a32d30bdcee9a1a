/** What the router exports over OTLP: spans of calls, log records, metrics. Follows the configuration in force. */
import { isDeepStrictEqual } from "node:util"
import type { ExportRule, GenAiNames } from "../config/compile/telemetry-rule.ts"
import type { CallRecord } from "../ledger/record.ts"
import type { FamilyWriter } from "../metrics/exposition.ts"
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { CallTrace } from "./call-trace.ts"
import { serverSpanId } from "./call-trace.ts"
import { writeCall, writeCallSpans, type TracedCall } from "./call-spans.ts"
import { Exporter, noExports, type ExportCounts } from "./exporter.ts"
import { JsonWriter } from "./json.ts"
import { writeLogFields, severityOf, type Level } from "./log-fields.ts"
import { MetricsMessage } from "./metrics-message.ts"
import { SIGNALS, type OtlpWriter, type Signal } from "./otlp.ts"
import { ProtoWriter } from "./proto.ts"

export interface TelemetryMeans {
  readonly clock: Clock
  /** Its own troubles are told here, and exported nowhere. */
  readonly log: Log
  readonly version: string
  /** Tells this process from others. */
  readonly instance: string
}

export interface SignalStatus extends ExportCounts {
  readonly signal: Signal
  readonly queued: number
}

/** Writes all families. */
export type CollectMetrics = (out: FamilyWriter) => void | Promise<void>

interface Running {
  readonly rule: ExportRule
  readonly names: GenAiNames
  readonly writer: OtlpWriter
  /** Metrics are written beside calls. */
  readonly metricsWriter: OtlpWriter
  readonly exporters: Readonly<Partial<Record<Signal, Exporter>>>
  readonly timer: Timer | null
}

const SCOPE = "smart-router"

export class Telemetry {
  readonly #means: TelemetryMeans
  readonly #counts: Readonly<Record<Signal, ExportCounts>> = {
    traces: noExports(),
    logs: noExports(),
    metrics: noExports(),
  }
  readonly #startMs: number
  #running: Running | null = null
  #collect: CollectMetrics | null = null
  #isCollecting = false
  #closing: Promise<unknown> = Promise.resolve()

  constructor(means: TelemetryMeans) {
    this.#means = means
    this.#startMs = means.clock.now()
  }

  /** Where the metrics come from. */
  collects(collect: CollectMetrics): void {
    this.#collect = collect
  }

  /** From now on by this rule; null: nothing is exported. What waits is sent where it was to go. */
  follow(rule: ExportRule | null, names: GenAiNames): void {
    const before = this.#running
    if (before !== null && before.names === names && isDeepStrictEqual(before.rule, rule)) return
    if (before !== null) this.#closing = Promise.all([this.#closing, end(before)])
    this.#running = rule === null ? null : this.#start(rule, names)
  }

  /** A call has ended whose trace is known. */
  ended(call: TracedCall, record: CallRecord): void {
    const running = this.#running
    const trace = call.tracing
    if (running === null || trace === null) return
    const { rule, writer, names, exporters } = running
    if (rule.traces !== null && isExported(trace, record, rule.traces.slowMs)) {
      writeCallSpans(writer, call, trace, record, { names, showsHosts: rule.traces.showsHosts })
      exporters.traces?.push(writer.take())
    }
    if (rule.logs?.ofCalls === true) this.#logCall(running, trace, record)
  }

  #logCall({ writer, exporters }: Running, trace: CallTrace, { usage }: CallRecord): void {
    const level = usage.status >= 500 ? "error" : "info"
    const { number, text } = severityOf(level)
    const timeMs = usage.ts + usage.latency_ms
    const spanId = serverSpanId(trace)
    writer.beginLog({ timeMs, severity: number, severityText: text, body: "call", traceId: trace.traceId, spanId })
    writeCall(writer, usage)
    writer.endLog()
    exporters.logs?.push(writer.take())
  }

  /** The router has logged something about itself. */
  logged(level: Level, message: string, fields: Readonly<Record<string, unknown>> | undefined): void {
    const running = this.#running
    if (running === null || running.rule.logs === null) return
    const { writer, exporters } = running
    const { number, text } = severityOf(level)
    const timeMs = this.#means.clock.now()
    writer.beginLog({ timeMs, severity: number, severityText: text, body: message, traceId: null, spanId: null })
    writeLogFields(writer, fields)
    writer.endLog()
    exporters.logs?.push(writer.take())
  }

  /** Of the signals that are exported. */
  status(): readonly SignalStatus[] {
    const exporters = this.#running?.exporters ?? {}
    return SIGNALS.flatMap((signal) => {
      const exporter = exporters[signal]
      return exporter === undefined ? [] : [{ signal, queued: exporter.queued, ...this.#counts[signal] }]
    })
  }

  /** Exports the last of everything. Never rejects. */
  async close(): Promise<void> {
    const running = this.#running
    if (running?.rule.metrics !== undefined && running.rule.metrics !== null) await this.#exportMetrics(running)
    this.#running = null
    if (running !== null) await end(running)
    await this.#closing
  }

  #start(rule: ExportRule, names: GenAiNames): Running {
    const { clock, log, version, instance } = this.#means
    const isJson = rule.protocol === "json"
    const newWriter = (): OtlpWriter => (isJson ? new JsonWriter() : new ProtoWriter())
    const writer = newWriter()
    const attributes = [...rule.resource, ["service.version", version], ["service.instance.id", instance]] as const
    const resource = { attributes: [...new Map(attributes)], scope: { name: SCOPE, version } }
    const exporters = Object.fromEntries(
      SIGNALS.filter((signal) => rule[signal] !== null).map((signal) => [
        signal,
        new Exporter({ ...rule, url: `${rule.endpoint}/v1/${signal}`, resource, writer }, this.#counts[signal], {
          signal,
          clock,
          log,
        }),
      ]),
    )
    const timer = rule.metrics === null ? null : clock.every(rule.metrics.intervalMs, () => void this.#exportNow())
    timer?.unref()
    return { rule, names, writer, metricsWriter: newWriter(), exporters, timer }
  }

  async #exportNow(): Promise<void> {
    const running = this.#running
    if (running !== null) await this.#exportMetrics(running)
  }

  /** Never rejects. */
  async #exportMetrics({ metricsWriter, exporters }: Running): Promise<void> {
    if (this.#isCollecting || this.#collect === null) return
    this.#isCollecting = true
    try {
      const { clock, log } = this.#means
      const message = new MetricsMessage(metricsWriter, { startMs: this.#startMs, timeMs: clock.now() })
      try {
        await this.#collect(message)
        const { bytes, points } = message.end()
        exporters.metrics?.push(bytes, points)
      } catch (error) {
        log.error("metrics could not be collected for an export", { error })
      }
    } finally {
      this.#isCollecting = false
    }
  }
}

function isExported({ isSampled }: CallTrace, { usage }: CallRecord, slowMs: number): boolean {
  if (isSampled || usage.latency_ms >= slowMs) return true
  // without a token anybody could fill the queue
  return usage.error !== null && usage.caller_id !== ""
}

async function end({ exporters, timer }: Running): Promise<void> {
  timer?.close()
  await Promise.all(Object.values(exporters).map((exporter) => exporter.close()))
}
