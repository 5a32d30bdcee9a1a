/**
 * OTLP in protobuf. Field numbers are those of
 * https://github.com/open-telemetry/opentelemetry-proto/tree/v1.8.0/opentelemetry/proto
 */
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
import { ByteWriter } from "./byte-writer.ts"

/** Field number and wire type. */
const varint = (field: number): number => field << 3
const fixed64 = (field: number): number => (field << 3) | 1
const bytes = (field: number): number => (field << 3) | 2
const fixed32 = (field: number): number => (field << 3) | 5

const SPAN_ATTRIBUTE = bytes(9)
const LOG_ATTRIBUTE = bytes(6)
const NUMBER_ATTRIBUTE = bytes(7)
const HISTOGRAM_ATTRIBUTE = bytes(9)
const RESOURCE_ATTRIBUTE = bytes(1)

const HAS_REMOTE = 0x100
const IS_REMOTE = 0x200
/** Texts of so many characters have one byte for each of the lengths around them, whatever they hold. */
const SHORT_CHARS = 24
const LONGEST_SHORT_KEY = 48

export class ProtoWriter implements OtlpWriter {
  readonly contentType = "application/x-protobuf"
  readonly #out = new ByteWriter()
  #attribute = SPAN_ATTRIBUTE
  #type: MetricHead["type"] = "gauge"

  beginSpan(head: SpanHead): void {
    const out = this.#out
    this.#attribute = SPAN_ATTRIBUTE
    out.open(bytes(2), 2)
    out.hexField(bytes(1), head.traceId)
    out.hexField(bytes(2), head.spanId)
    if (head.parentSpanId !== null) out.hexField(bytes(4), head.parentSpanId)
    out.textField(bytes(5), head.name)
    out.varintField(varint(6), head.kind)
    out.timeField(fixed64(7), head.startMs)
    out.timeField(fixed64(8), head.endMs)
    const flags = Number(head.isSampled) | HAS_REMOTE | (head.isParentRemote ? IS_REMOTE : 0)
    out.fixed32Field(fixed32(16), flags)
  }

  endSpan(isError: boolean): void {
    const out = this.#out
    if (isError) {
      out.open(bytes(15), 1)
      out.varintField(varint(3), STATUS_ERROR)
      out.close()
    }
    out.close()
  }

  beginLog(head: LogHead): void {
    const out = this.#out
    this.#attribute = LOG_ATTRIBUTE
    out.open(bytes(2), 2)
    out.timeField(fixed64(1), head.timeMs)
    out.varintField(varint(2), head.severity)
    out.textField(bytes(3), head.severityText)
    out.open(bytes(5), 1)
    out.textField(bytes(1), head.body)
    out.close()
    if (head.traceId !== null) out.hexField(bytes(9), head.traceId)
    if (head.spanId !== null) out.hexField(bytes(10), head.spanId)
    out.timeField(fixed64(11), head.timeMs)
  }

  endLog(): void {
    this.#out.close()
  }

  beginMetric({ name, description, unit, type }: MetricHead): void {
    const out = this.#out
    this.#type = type
    out.open(bytes(2), 2)
    out.textField(bytes(1), name)
    out.textField(bytes(2), description)
    if (unit !== "") out.textField(bytes(3), unit)
    out.open(bytes(type === "gauge" ? 5 : type === "counter" ? 7 : 9), 2)
  }

  beginNumber({ startMs, timeMs }: PointTimes, value: number): void {
    const out = this.#out
    this.#attribute = NUMBER_ATTRIBUTE
    out.open(bytes(1), 1)
    if (this.#type !== "gauge") out.timeField(fixed64(2), startMs)
    out.timeField(fixed64(3), timeMs)
    out.doubleField(fixed64(4), value)
  }

  beginHistogram({ startMs, timeMs }: PointTimes, { bounds, counts, sum }: HistogramPoint): void {
    const out = this.#out
    this.#attribute = HISTOGRAM_ATTRIBUTE
    out.open(bytes(1), 2)
    out.timeField(fixed64(2), startMs)
    out.timeField(fixed64(3), timeMs)
    let count = 0
    for (let bucket = 0; bucket < counts.length; bucket++) count += counts[bucket] ?? 0
    out.fixed64Field(fixed64(4), count)
    out.doubleField(fixed64(5), sum)
    out.open(bytes(6), 2)
    for (let bucket = 0; bucket < counts.length; bucket++) out.fixed64(counts[bucket] ?? 0)
    out.close()
    out.open(bytes(7), 2)
    for (const bound of bounds) out.double(bound)
    out.close()
  }

  endPoint(): void {
    this.#out.close()
  }

  endMetric(): void {
    const out = this.#out
    if (this.#type !== "gauge") out.varintField(varint(2), CUMULATIVE)
    if (this.#type === "counter") out.varintField(varint(3), 1)
    out.close()
    out.close()
  }

  text(key: Key, value: string): void {
    const out = this.#out
    if (value.length > SHORT_CHARS || key.proto.length > LONGEST_SHORT_KEY) return this.#longText(key, value)
    out.reserve(key.proto.length + 3 * SHORT_CHARS + 8)
    const start = out.shortAttribute(this.#attribute, key.proto)
    out.shortText(start, key.proto.length, value)
  }

  #longText(key: Key, value: string): void {
    const out = this.#out
    out.open(this.#attribute, 1)
    out.raw(key.proto)
    out.open(bytes(2), 1)
    out.textField(bytes(1), value)
    out.close()
    out.close()
  }

  integer(key: Key, value: number): void {
    const out = this.#out
    out.open(this.#attribute, 1)
    out.raw(key.proto)
    out.open(bytes(2), 1)
    out.varintField(varint(3), value)
    out.close()
    out.close()
  }

  double(key: Key, value: number): void {
    const out = this.#out
    out.open(this.#attribute, 1)
    out.raw(key.proto)
    out.open(bytes(2), 1)
    out.doubleField(fixed64(4), value)
    out.close()
    out.close()
  }

  flag(key: Key, value: boolean): void {
    const out = this.#out
    out.open(this.#attribute, 1)
    out.raw(key.proto)
    out.open(bytes(2), 1)
    out.varintField(varint(2), Number(value))
    out.close()
    out.close()
  }

  texts(key: Key, values: readonly string[]): void {
    const out = this.#out
    out.open(this.#attribute, 1)
    out.raw(key.proto)
    out.open(bytes(2), 1)
    out.open(bytes(5), 1)
    for (const value of values) {
      out.open(bytes(1), 1)
      out.textField(bytes(1), value)
      out.close()
    }
    out.close()
    out.close()
    out.close()
  }

  take(): Uint8Array {
    return this.#out.take()
  }

  /** The messages of all signals have the same numbers: resource 1, scope's part 2, and in it scope 1, items 2. */
  request(_signal: Signal, { attributes, scope }: Resource, pieces: readonly Uint8Array[]): Uint8Array {
    const head = new ByteWriter()
    const writer = new ProtoWriter()
    writer.#attribute = RESOURCE_ATTRIBUTE
    for (const [name, value] of attributes) writer.text(new Key(name), value)
    head.bytesField(bytes(1), writer.take())
    const named = new ByteWriter()
    named.textField(bytes(1), scope.name)
    named.textField(bytes(2), scope.version)
    const scopeHead = new ByteWriter()
    scopeHead.bytesField(bytes(1), named.take())
    const inner = [scopeHead.take(), ...pieces]
    head.lengthField(bytes(2), lengthOf(inner))
    const outer = [head.take(), ...inner]
    const whole = new ByteWriter()
    whole.lengthField(bytes(1), lengthOf(outer))
    return Buffer.concat([whole.take(), ...outer])
  }

  /** `partial_success`: 1, in it the number: 1. */
  rejected(answer: Uint8Array): number {
    if (answer[0] !== bytes(1) || answer[2] !== varint(1)) return 0
    let count = 0
    for (let at = 3, scale = 1; at < answer.length; at++, scale *= 128) {
      const byte = answer[at] ?? 0
      count += (byte & 0x7f) * scale
      if (byte < 0x80) return count
    }
    return 0
  }
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((length, piece) => length + piece.length, 0)
}
