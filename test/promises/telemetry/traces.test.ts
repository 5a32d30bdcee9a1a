/** Calls are exported as spans, in the words of OTLP's published definitions. One router for the file. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken, VENDOR_MODEL } from "../../helpers/config.ts"
import { FakeUpstream, headerOf } from "../../helpers/fake-upstream.ts"
import { type LocalGateway, startGateway } from "../../helpers/gateway.ts"
import { attributesOf, OtlpReceiver, type Span, type Tree } from "../../helpers/otlp.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const COLLECTOR_KEY = "collector-key-5f1c9a77"
const PROMPT = "the launch code is 0451"
const TRACE = "0af7651916cd43dd8448eb211c80319c"
const PARENT = "b7ad6b7169203331"
const limited = newToken("limited")
let receiver: OtlpReceiver
let first: FakeUpstream
let second: FakeUpstream
let gateway: LocalGateway

const sampled = (trace = TRACE): Record<string, string> => ({ traceparent: `00-${trace}-${PARENT}-01` })
const unsampled = (trace: string): Record<string, string> => ({ traceparent: `00-${trace}-${PARENT}-00` })

/** Of the trace, once there are as many. */
function spans(trace: string, count: number): Promise<readonly Span[]> {
  return eventually(`${count} spans`, () => {
    const found = receiver.spans.filter(({ traceId }) => traceId === trace)
    return found.length >= count ? found : undefined
  })
}

beforeAll(async () => {
  receiver = new OtlpReceiver()
  first = (await FakeUpstream.start()).otherwise(vendorAnswer())
  second = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { first, second },
    env: { COLLECTOR_KEY },
    configure: (config) => {
      config.server["telemetry"] = {
        otlp: {
          endpoint: `${receiver.url}/otlp/`,
          headers: { "x-collector-key": "${COLLECTOR_KEY}" },
          batch_ms: 20,
          resource: { "deployment.environment.name": "test" },
          traces: { ratio: 0 },
          logs: { enabled: true, calls: true },
          metrics: { enabled: true, interval_ms: 1000 },
        },
      }
      config.callers[0] = { ...config.callers[0], metrics_admin: true }
      config.callers.push(callerEntry("limited", limited, ["default"], { quota: { day: { requests: 1 } } }))
    },
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop(), receiver.stop()])
})

test("a call is a SERVER span, its inference, and a span for each attempt, whose id the upstream gets", async () => {
  first.plan("no luck", reply(SAMPLES.chat.errorBody("no"), { status: 500 }))
  const body = {
    ...JSON.parse(SAMPLES.chat.request({ text: "no luck", stream: true })),
    temperature: 0.5,
    top_p: 0.25,
    seed: 7,
  }
  const answer = await gateway.call("chat", JSON.stringify(body), { headers: sampled() })
  expect(answer.status).toBe(200)
  const [server, inference, failed, served, ...others] = await spans(TRACE, 4)
  expect(others).toEqual([])
  expect([server?.name, server?.kind, server?.parentSpanId]).toEqual(["POST /v1/chat/completions", "server", PARENT])
  expect([inference?.name, inference?.kind, inference?.parentSpanId]).toEqual([
    `chat ${VENDOR_MODEL}`,
    "client",
    server!.spanId,
  ])
  for (const attempt of [failed!, served!])
    expect([attempt.name, attempt.kind, attempt.parentSpanId]).toEqual(["POST", "client", inference!.spanId])
  const parents = [first, second].map((upstream) => headerOf(upstream.received("no luck")[0]!.request, "traceparent"))
  expect(parents).toEqual([failed!, served!].map(({ spanId }) => `00-${TRACE}-${spanId}-01`))
  const [row] = gateway.records.usage().filter(({ request_id }) => request_id === answer.requestId)
  expect(server!.attributes).toMatchObject({
    "http.route": "/v1/chat/completions",
    "http.response.status_code": 200,
    "smart_router.request_id": answer.requestId,
    "smart_router.caller": "me-lab",
    "smart_router.attempts": 2,
    "smart_router.cost_usd": row!.total_cost_nano_usd! / 1e9,
  })
  expect(inference!.attributes).toMatchObject({
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "second-chat",
    "gen_ai.request.model": VENDOR_MODEL,
    "gen_ai.request.stream": true,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.top_p": 0.25,
    "gen_ai.request.seed": 7,
    "gen_ai.usage.input_tokens": row!.input_tokens,
    "gen_ai.usage.output_tokens": row!.output_tokens,
    "gen_ai.response.finish_reasons": [row!.stop_reason],
  })
  expect(failed!.attributes).toMatchObject({ "error.type": "server_error", "http.response.status_code": 500 })
  expect(served!.attributes).toMatchObject({ "http.request.resend_count": 1, "http.response.status_code": 200 })
  expect([server, inference, failed, served].map((span) => span!.isError)).toEqual([false, false, true, false])
  for (const span of [inference!, failed!, served!]) {
    expect(span.startMs).toBeGreaterThanOrEqual(server!.startMs)
    expect(span.endMs).toBeLessThanOrEqual(server!.endMs + 1)
  }
  expect(Object.keys({ ...served!.attributes, ...inference!.attributes })).not.toContain("server.address")
})

describe("who decides what is exported:", () => {
  const quiet = "1af7651916cd43dd8448eb211c80319c"
  test("a client that does not sample is heard, and so is a ratio of 0, but for errors of known callers", async () => {
    const refused = "2af7651916cd43dd8448eb211c80319c"
    const stranger = "3af7651916cd43dd8448eb211c80319c"
    await gateway.call("chat", SAMPLES.chat.request({ text: "quiet" }), { headers: unsampled(quiet) })
    await gateway.call("chat", SAMPLES.chat.request({ text: "untraced" }))
    await gateway.call("chat", SAMPLES.chat.request(), { token: newToken(), headers: unsampled(stranger) })
    for (const trace of [quiet, refused])
      await gateway.call("chat", SAMPLES.chat.request(), { token: limited, headers: unsampled(trace) })
    const [server, ...others] = await spans(refused, 1)
    expect(others).toEqual([])
    expect(server!.attributes).toMatchObject({ "error.type": "quota-exhausted", "http.response.status_code": 429 })
    expect(headerOf(first.received("quiet")[0]!.request, "traceparent")).toMatch(new RegExp(`^00-${quiet}-.{16}-00$`))
    expect(headerOf(first.received("untraced")[0]!.request, "traceparent")).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    expect(receiver.spans.filter(({ traceId }) => traceId === quiet || traceId === stranger)).toEqual([])
  })

  test("every dialect has the same spans", async () => {
    for (const [index, sample] of ALL_SAMPLES.entries()) {
      const trace = `4af7651916cd43dd8448eb211c8031${index}c`
      await gateway.call(sample.dialect, sample.request(), { headers: sampled(trace) })
      expect((await spans(trace, 3)).map(({ kind }) => kind)).toEqual(["server", "client", "client"])
    }
  })
})

test("a traceparent that is none begins a trace of its own", async () => {
  for (const [index, traceparent] of [
    `00-${TRACE}-${PARENT}-01-more`,
    `00-${"0".repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `ff-${TRACE}-${PARENT}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    "x".repeat(4000),
  ].entries()) {
    await gateway.call("chat", SAMPLES.chat.request({ text: `odd ${index};` }), { headers: { traceparent } })
    const sent = headerOf(first.received(`odd ${index};`)[0]!.request, "traceparent")
    expect(sent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    expect(sent).not.toContain(TRACE)
  }
})

test("calls are log records with the ids of their trace, and metrics have the figures of a scrape", async () => {
  const trace = "5af7651916cd43dd8448eb211c80319c"
  const { requestId } = await gateway.call("chat", SAMPLES.chat.request(), { headers: sampled(trace) })
  const records = (): readonly Tree[] =>
    receiver.of("logs").flatMap(({ value }) => value["resourceLogs"][0].scopeLogs[0].logRecords)
  const record = await eventually("its record", () => records().find(({ traceId }) => traceId === trace))
  expect(record["body"]).toEqual({ stringValue: "call" })
  expect(attributesOf(record)).toMatchObject({ "smart_router.request_id": requestId, "smart_router.caller": "me-lab" })
  const calls = gateway.records.usage().length
  const counted = await eventually("as many calls in the metrics", () => {
    const metrics = receiver.of("metrics").at(-1)?.value["resourceMetrics"][0].scopeMetrics[0].metrics as
      | Tree[]
      | undefined
    const points = metrics?.find(({ name }) => name === "smart_router.caller_requests")?.["sum"].dataPoints as Tree[]
    const sum = points?.reduce((total, point) => total + point["asDouble"], 0)
    return sum === calls ? metrics : undefined
  })
  const scrape = readExposition((await get(gateway, "/metrics")).text)
  const filled = [...scrape.families.values()].filter(({ samples }) => samples.length > 0)
  const beside = filled.filter(({ name }) => name.startsWith("smart_router_worker"))
  expect(counted).toHaveLength(filled.length - beside.length)
  expect(counted.map(({ name }) => name)).toContain("gen_ai.client.inference.usage.input_tokens")
})

test("nothing of what is exported is refused by the definitions, secret, or content", async () => {
  await gateway.call("chat", SAMPLES.chat.request({ text: PROMPT }), {
    headers: sampled("6af7651916cd43dd8448eb211c80319c"),
  })
  await spans("6af7651916cd43dd8448eb211c80319c", 3)
  expect(receiver.faults).toEqual([])
  const exported = JSON.stringify(receiver.messages.map(({ value }) => value))
  const secrets = [
    ...gateway.prepared.secrets,
    gateway.token,
    limited,
    COLLECTOR_KEY,
    PROMPT,
    "127.0.0.1",
    gateway.directory,
  ]
  for (const secret of secrets) expect(exported).not.toContain(secret)
  const [message] = receiver.of("traces")
  expect(message!.headers.get("x-collector-key")).toBe(COLLECTOR_KEY)
  const resource = attributesOf(message!.value["resourceSpans"][0].resource)
  expect(resource).toMatchObject({ "service.name": "smart-router", "deployment.environment.name": "test" })
})

test("a reload takes JSON, gzip and hosts, and can end it all; then upstreams get no traceparent", async () => {
  const trace = "7af7651916cd43dd8448eb211c80319c"
  gateway.prepared.rewrite((config) => {
    const { otlp } = config.server["telemetry"] as { readonly otlp: object }
    const traces = { server_address: true }
    config.server["telemetry"] = { otlp: { ...otlp, protocol: "json", compression: "gzip", traces } }
  })
  gateway.requestReload()
  const attempt = await eventually("spans in JSON", async () => {
    await gateway.call("chat", SAMPLES.chat.request(), { headers: sampled(trace) })
    return receiver.of("traces").some(({ headers }) => headers.get("content-encoding") === "gzip")
      ? receiver.spans.findLast(({ name }) => name === "POST")
      : undefined
  })
  expect(attempt.attributes).toMatchObject({ "server.address": "127.0.0.1", "server.port": first.port })
  expect(receiver.faults).toEqual([])
  gateway.prepared.rewrite((config) => {
    config.server["telemetry"] = {}
  })
  gateway.requestReload()
  let turn = 0
  await eventually("a call without a trace", async () => {
    const marker = `turn ${turn++};`
    await gateway.call("chat", SAMPLES.chat.request({ text: marker }), { headers: sampled(trace) })
    return headerOf(first.received(marker)[0]!.request, "traceparent") === undefined ? true : undefined
  })
})
