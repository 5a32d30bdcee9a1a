/**
 * The messages of OTLP as they are written: spans, log records, metrics, and the request around a batch of them. `proto.ts`
 * and `json.ts` write the same: https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */

export type Signal = "traces" | "logs" | "metrics"
export const SIGNALS: readonly Signal[] = ["traces", "logs", "metrics"]

/** Numbers of the protocol. */
export const SPAN_KIND = { server: 2, client: 3 } as const
export const STATUS_ERROR = 2
export const CUMULATIVE = 2

/** The name of an attribute, in the forms in which it is written. */
export class Key {
  readonly name: string
  /** `KeyValue.key`, as a field of protobuf. */
  readonly proto: Uint8Array
  readonly json: string
  /** Before a value that is a text, and before one that is a whole number. */
  readonly jsonText: string
  readonly jsonInteger: string

  constructor(name: string) {
    this.name = name
    const bytes = Buffer.from(name)
    if (bytes.length > LONGEST_KEY) throw new Error(`the attribute name is too long: ${name}`)
    this.proto = Buffer.concat([Buffer.of(0x0a, bytes.length), bytes])
    this.json = `{"key":${JSON.stringify(name)},"value":{"`
    this.jsonText = `${this.json}stringValue":"`
    this.jsonInteger = `${this.json}intValue":"`
  }
}

const LONGEST_KEY = 127
const keys = new Map<string, Key>()

/** Kept: for names of a closed list. */
export function keyOf(name: string): Key {
  let key = keys.get(name)
  if (key === undefined) {
    key = new Key(name)
    keys.set(name, key)
  }
  return key
}

/** Hex ids, Unix milliseconds with fractions. */
export interface SpanHead {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | null
  readonly isParentRemote: boolean
  readonly isSampled: boolean
  readonly name: string
  readonly kind: number
  readonly startMs: number
  readonly endMs: number
}

export interface LogHead {
  readonly timeMs: number
  /** https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber */
  readonly severity: number
  readonly severityText: string
  readonly body: string
  /** Null: it belongs to no call that is traced. */
  readonly traceId: string | null
  readonly spanId: string | null
}

export interface MetricHead {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly type: "counter" | "gauge" | "histogram"
}

/** What a data point is about. */
export interface PointTimes {
  /** When the process began to count. */
  readonly startMs: number
  readonly timeMs: number
}

export interface HistogramPoint {
  readonly bounds: readonly number[]
  /** Of each bucket alone; one more than bounds. */
  readonly counts: ArrayLike<number>
  readonly sum: number
}

/** Attributes of what was begun last. */
export interface AttributeWriter {
  text(key: Key, value: string): void
  /** A whole number. */
  integer(key: Key, value: number): void
  double(key: Key, value: number): void
  flag(key: Key, value: boolean): void
  texts(key: Key, values: readonly string[]): void
}

/** Writes messages one behind the other; `take` hands out those that are complete. */
export interface OtlpWriter extends AttributeWriter {
  readonly contentType: string
  beginSpan(head: SpanHead): void
  endSpan(isError: boolean): void
  beginLog(head: LogHead): void
  endLog(): void
  beginMetric(head: MetricHead): void
  /** Attributes follow. */
  beginNumber(times: PointTimes, value: number): void
  beginHistogram(times: PointTimes, point: HistogramPoint): void
  endPoint(): void
  endMetric(): void
  /** All messages since the last time, for `request`. */
  take(): Uint8Array
  /** The body of one export. */
  request(signal: Signal, resource: Resource, pieces: readonly Uint8Array[]): Uint8Array
  /** How many items the receiver did not take, as its answer says. */
  rejected(answer: Uint8Array): number
}

/** The process that tells, and the part of it. */
export interface Resource {
  readonly attributes: readonly (readonly [name: string, value: string])[]
  readonly scope: { readonly name: string; readonly version: string }
}
