/** Protobuf and JSON say the same, in the words of the published definitions. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { readOtlp, type Tree } from "../../test/helpers/otlp.ts"
import { expectProperty } from "../../test/helpers/property.ts"
import { JsonWriter } from "./json.ts"
import { Key, type OtlpWriter, type Signal } from "./otlp.ts"
import { ProtoWriter } from "./proto.ts"

const RESOURCE = {
  attributes: [
    ["service.name", "smart-router"],
    ["deployment.environment.name", "prüfung 🛰"],
  ],
  scope: { name: "smart-router", version: "0.1.0" },
} as const
const TIME = 1_764_200_000_123.456

function bothOf(signal: Signal, write: (out: OtlpWriter) => void): readonly [Tree, Tree] {
  const read = (out: OtlpWriter): Tree => {
    write(out)
    const first = out.take()
    write(out)
    return readOtlp(signal, out.contentType, out.request(signal, RESOURCE, [first, out.take()]))
  }
  return [read(new ProtoWriter()), read(new JsonWriter())]
}

const span = (name: string, parentSpanId: string | null) => ({
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentSpanId,
  isParentRemote: parentSpanId !== null,
  isSampled: true,
  name,
  kind: 3,
  startMs: TIME,
  endMs: TIME + 812.4,
})

describe("a span", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ minLength: 100, maxLength: 400 }))
  test("is the same in both forms, whatever its attributes hold", () => {
    expectProperty(
      fc.property(
        text,
        fc.array(text, { maxLength: 4 }),
        fc.maxSafeInteger(),
        // JSON has no -0
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
        fc.boolean(),
        (name, texts, whole, number, flag) => {
          const [proto, json] = bothOf("traces", (out) => {
            out.beginSpan(span(name, flag ? "00f067aa0ba902b7" : null))
            texts.forEach((value, index) => out.text(new Key(`text.${index}.${"k".repeat(index * 25)}`), value))
            out.integer(new Key("whole"), whole)
            out.double(new Key("number"), number)
            out.flag(new Key("flag"), flag)
            out.texts(new Key("texts"), texts)
            out.endSpan(flag)
          })
          expect(proto).toEqual(json)
        },
      ),
      60,
    )
  })

  test("has the ids, times and attributes that were written", () => {
    const [proto] = bothOf("traces", (out) => {
      out.beginSpan(span("chat m", "00f067aa0ba902b7"))
      out.integer(new Key("seed"), -3)
      out.endSpan(true)
    })
    const scope = proto["resourceSpans"][0].scopeSpans[0]
    expect(scope.scope).toEqual(RESOURCE.scope)
    expect(scope.spans).toHaveLength(2)
    expect(scope.spans[1]).toEqual({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      parentSpanId: "00f067aa0ba902b7",
      flags: 0x301,
      name: "chat m",
      kind: "SPAN_KIND_CLIENT",
      startTimeUnixNano: "1764200000123456000",
      endTimeUnixNano: "1764200000935856000",
      attributes: [{ key: "seed", value: { intValue: "-3" } }],
      status: { code: "STATUS_CODE_ERROR" },
    })
  })
})

test("a log record is the same in both forms", () => {
  for (const ids of [
    { traceId: null, spanId: null },
    { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" },
  ]) {
    const [proto, json] = bothOf("logs", (out) => {
      out.beginLog({ timeMs: TIME, severity: 13, severityText: "WARN", body: `line "1"\n${"ü".repeat(300)}`, ...ids })
      out.text(new Key("smart_router.log.path"), "/a")
      out.endLog()
    })
    expect(proto).toEqual(json)
    expect(proto["resourceLogs"][0].scopeLogs[0].logRecords[0].severityNumber).toBe("SEVERITY_NUMBER_WARN")
  }
})

test("metrics are the same in both forms", () => {
  const times = { startMs: TIME, timeMs: TIME + 60_000 }
  const [proto, json] = bothOf("metrics", (out) => {
    for (const type of ["counter", "gauge"] as const) {
      out.beginMetric({ name: `smart_router.${type}`, description: "What it says.", unit: "s", type })
      for (const value of [0, 1.5, 2 ** 52]) {
        out.beginNumber(times, value)
        out.text(new Key("smart_router.group"), "fast")
        out.endPoint()
      }
      out.endMetric()
    }
    out.beginMetric({ name: "h", description: "d", unit: "By", type: "histogram" })
    out.beginHistogram(times, { bounds: [0.5, 1], counts: new Float64Array([1, 0, 2 ** 40]), sum: 7.25 })
    out.text(new Key("smart_router.group"), "fast")
    out.endPoint()
    out.endMetric()
  })
  expect(proto).toEqual(json)
  const { metrics } = proto["resourceMetrics"][0].scopeMetrics[0]
  expect(metrics[0].sum).toMatchObject({
    aggregationTemporality: "AGGREGATION_TEMPORALITY_CUMULATIVE",
    isMonotonic: true,
  })
  expect(metrics[2].histogram.dataPoints[0]).toMatchObject({ count: String(2 ** 40 + 1), sum: 7.25 })
})

test("a receiver says in its answer how much it did not take", () => {
  expect(new ProtoWriter().rejected(Buffer.of(0x0a, 3, 0x08, 0xac, 0x02))).toBe(300)
  expect(new ProtoWriter().rejected(new Uint8Array())).toBe(0)
  expect(new JsonWriter().rejected(Buffer.from('{"partialSuccess":{"rejectedSpans":"300"}}'))).toBe(300)
  for (const text of ["", "null", "{", '{"partialSuccess":null}', '{"partialSuccess":{"rejectedSpans":-1}}'])
    expect(new JsonWriter().rejected(Buffer.from(text))).toBe(0)
})
