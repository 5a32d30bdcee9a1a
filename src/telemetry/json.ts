/** OTLP in JSON: ids in hex, whole numbers of 64 bits as texts: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
import {
  CUMULATIVE,
  Key,
  STATUS_ERROR,
  type HistogramPoint,
  type LogHead,
  type MetricHead,
  type OtlpWriter,
  type PointTimes,
  type Resource,
  type Signal,
  type SpanHead,
} from "./otlp.ts"

const NAMES: Readonly<Record<Signal, readonly [resources: string, scopes: string, items: string]>> = {
  traces: ["resourceSpans", "scopeSpans", "spans"],
  logs: ["resourceLogs", "scopeLogs", "logRecords"],
  metrics: ["resourceMetrics", "scopeMetrics", "metrics"],
}
const HAS_REMOTE = 0x100
const IS_REMOTE = 0x200
const COMMA = Buffer.of(44)

export class JsonWriter implements OtlpWriter {
  readonly contentType = "application/json"
  /** Complete messages, a comma between. */
  #done = ""
  #open = ""
  /** Before the next attribute. */
  #comma = ""
  #hasPoints = false
  #type: MetricHead["type"] = "gauge"

  beginSpan(head: SpanHead): void {
    const parent = head.parentSpanId === null ? "" : `,"parentSpanId":"${head.parentSpanId}"`
    const flags = Number(head.isSampled) | HAS_REMOTE | (head.isParentRemote ? IS_REMOTE : 0)
    this.#begin(
      `{"traceId":"${head.traceId}","spanId":"${head.spanId}"${parent},"flags":${flags},"name":${quoted(head.name)},"kind":${head.kind},"startTimeUnixNano":"${nanos(head.startMs)}","endTimeUnixNano":"${nanos(head.endMs)}"`,
    )
  }

  endSpan(isError: boolean): void {
    this.#finish(isError ? `],"status":{"code":${STATUS_ERROR}}}` : "]}")
  }

  beginLog({ timeMs, severity, severityText, body, traceId, spanId }: LogHead): void {
    const time = nanos(timeMs)
    const ids = traceId === null || spanId === null ? "" : `,"traceId":"${traceId}","spanId":"${spanId}"`
    this.#begin(
      `{"timeUnixNano":"${time}","observedTimeUnixNano":"${time}","severityNumber":${severity},"severityText":${quoted(severityText)},"body":{"stringValue":${quoted(body)}}${ids}`,
    )
  }

  endLog(): void {
    this.#finish("]}")
  }

  beginMetric({ name, description, unit, type }: MetricHead): void {
    this.#type = type
    this.#hasPoints = false
    const kind = type === "counter" ? "sum" : type
    this.#open = `{"name":${quoted(name)},"description":${quoted(description)},"unit":${quoted(unit)},"${kind}":{"dataPoints":[`
  }

  beginNumber(times: PointTimes, value: number): void {
    this.#beginPoint(times, this.#type !== "gauge", `"asDouble":${number(value)}`)
  }

  beginHistogram(times: PointTimes, { bounds, counts, sum }: HistogramPoint): void {
    const buckets = Array.from(counts)
    const count = buckets.reduce((total, one) => total + one, 0)
    this.#beginPoint(
      times,
      true,
      `"count":"${count}","sum":${number(sum)},"bucketCounts":[${buckets.map((one) => `"${one}"`).join(",")}],"explicitBounds":[${bounds.join(",")}]`,
    )
  }

  #beginPoint({ startMs, timeMs }: PointTimes, hasStart: boolean, values: string): void {
    const start = hasStart ? `"startTimeUnixNano":"${nanos(startMs)}",` : ""
    this.#open += `${this.#hasPoints ? "," : ""}{${start}"timeUnixNano":"${nanos(timeMs)}",${values},"attributes":[`
    this.#hasPoints = true
    this.#comma = ""
  }

  endPoint(): void {
    this.#open += "]}"
  }

  endMetric(): void {
    const temporality = this.#type === "gauge" ? "" : `,"aggregationTemporality":${CUMULATIVE}`
    this.#finish(`]${temporality}${this.#type === "counter" ? ',"isMonotonic":true' : ""}}}`)
  }

  text(key: Key, value: string): void {
    this.#open += this.#comma + key.jsonText + escaped(value) + '"}}'
    this.#comma = ","
  }

  integer(key: Key, value: number): void {
    this.#open += `${this.#comma}${key.jsonInteger}${value}"}}`
    this.#comma = ","
  }

  double(key: Key, value: number): void {
    this.#open += `${this.#comma}${key.json}doubleValue":${number(value)}}}`
    this.#comma = ","
  }

  flag(key: Key, value: boolean): void {
    this.#open += `${this.#comma}${key.json}boolValue":${value}}}`
    this.#comma = ","
  }

  texts(key: Key, values: readonly string[]): void {
    const all = values.map((value) => `{"stringValue":${quoted(value)}}`).join(",")
    this.#open += `${this.#comma}${key.json}arrayValue":{"values":[${all}]}}}`
    this.#comma = ","
  }

  take(): Uint8Array {
    const taken = Buffer.from(this.#done)
    this.#done = ""
    return taken
  }

  request(signal: Signal, { attributes, scope }: Resource, pieces: readonly Uint8Array[]): Uint8Array {
    const [resources, scopes, items] = NAMES[signal]
    const named = attributes.map(([name, value]) => `${new Key(name).json}stringValue":${quoted(value)}}}`).join(",")
    const head = `{"${resources}":[{"resource":{"attributes":[${named}]},"${scopes}":[{"scope":${JSON.stringify(scope)},"${items}":[`
    const parted = pieces.flatMap((piece, index) => (index === 0 ? [piece] : [COMMA, piece]))
    return Buffer.concat([Buffer.from(head), ...parted, Buffer.from("]}]}]}")])
  }

  rejected(answer: Uint8Array): number {
    try {
      const read = JSON.parse(Buffer.from(answer).toString()) as {
        readonly partialSuccess?: Readonly<Record<string, unknown>> | null
      } | null
      const told = read?.partialSuccess ?? {}
      const count = Number(told["rejectedSpans"] ?? told["rejectedLogRecords"] ?? told["rejectedDataPoints"] ?? 0)
      return Number.isSafeInteger(count) && count > 0 ? count : 0
    } catch {
      return 0
    }
  }

  #begin(head: string): void {
    this.#open = `${head},"attributes":[`
    this.#comma = ""
  }

  #finish(end: string): void {
    this.#done += this.#done === "" ? this.#open + end : `,${this.#open}${end}`
    this.#open = ""
  }
}

/** What needs no escape is most of it. */
const PLAIN = /^[ !#-[\]-~]*$/

function quoted(text: string): string {
  return `"${escaped(text)}"`
}

function escaped(text: string): string {
  return PLAIN.test(text) ? text : JSON.stringify(text.toWellFormed()).slice(1, -1)
}

/** JSON of protobuf spells what JSON has no number for. */
function number(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"'
}

function nanos(ms: number): string {
  return `${Math.round(ms * 1000)}000`
}
