/** Every recorded exchange, replayed through a running router in its own dialect: bytes, usage and stop reason. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { ErrorCode } from "../src/error-catalogue.ts"
import { FrameSplitter } from "../src/sse/frames.ts"
import type { Step } from "./helpers/behaviours.ts"
import { cutEvery, reply, stream } from "./helpers/behaviours.ts"
import type { Answer } from "./helpers/client.ts"
import { readAnswer } from "./helpers/client.ts"
import { expectCommonHeaders, expectError } from "./helpers/expectations.ts"
import { bodyText, FakeUpstream, headerOf } from "./helpers/fake-upstream.ts"
import type { Gateway } from "./helpers/gateway.ts"
import { startGateway } from "./helpers/gateway.ts"
import { factsOf } from "./helpers/recorded-usage.ts"
import type { Recording } from "./helpers/recordings.ts"
import { allRecordingsOf, answerBytes, RECORDINGS_MISSING, recordingsOf } from "./helpers/recordings.ts"
import { DIALECTS, SAMPLES } from "./helpers/samples.ts"
import { sampled } from "./helpers/sample.ts"
import { handOutHeld } from "./helpers/stored-ids.ts"
import { at, FAILURE_TERMINAL, framesOf, jsonOf, terminalsOf } from "./helpers/streams.ts"

/** Recordings whose answer does not simply pass, and why. Everything else must be byte-exact. */
type Exception =
  /** The caller gets an error of the router instead. */
  | { readonly why: string; readonly status: number; readonly code: ErrorCode }
  /** The stream is passed up to the vendor's error, which becomes the router's own end. */
  | { readonly why: string; readonly brokenBy: string }

const NO_SUCH_MODEL = {
  why: "a model that the vendor does not have is the operator's fault, not the caller's",
  status: 503,
  code: "upstream-access-denied",
} as const

const EXCEPTIONS: Readonly<Record<string, Exception>> = {
  "chat/envoy-ai-gateway--chat-unknown-model.0": NO_SUCH_MODEL,
  "chat/pydantic-ai--test_groq--test_tool_regular_error.0": NO_SUCH_MODEL,
  "chat/pydantic-ai--test_model_name_suggestions--test_model_name_suggestion-groq.0": NO_SUCH_MODEL,
  "chat/pydantic-ai--test_model_name_suggestions--test_model_name_suggestion-openai-chat.0": NO_SUCH_MODEL,
  "chat/pydantic-ai--test_openai--test_text_response.0": {
    why: "a status 200 with plain text is no chat completion",
    status: 502,
    code: "upstream-failed",
  },
  "chat/pydantic-ai--test_groq--test_tool_use_failed_error_streaming.0": {
    why: "the vendor reports a failure after content and never ends its stream",
    brokenBy: "event: error",
  },
  "chat/pydantic-ai--test_openrouter--test_openrouter_stream_error.0": {
    why: "the vendor reports a failure beside a chunk's choices and then ends as if nothing had happened",
    brokenBy: '"error":{"code":400',
  },
}

const ALL = DIALECTS.flatMap((dialect) => recordingsOf(dialect))
const STREAMS = ALL.filter((recording) => recording.stream)
let upstream: FakeUpstream
let gateway: Gateway

function groupOf(recording: Recording): string {
  return `group-${ALL.indexOf(recording)}`
}

function vendorModelOf(recording: Recording): string {
  return `vendor/m-${ALL.indexOf(recording)}`
}

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const groups = ALL.map((recording): [string, Record<string, unknown>] => [
        groupOf(recording),
        {
          strategy: "static",
          targets: [{ provider: `upstream-${recording.dialect}`, model: vendorModelOf(recording) }],
        },
      ])
      config.models = { ...config.models, ...Object.fromEntries(groups) }
      config.callers = config.callers.map((caller) => ({
        ...caller,
        allow: ["default", ...groups.map(([name]) => name)],
      }))
    },
  })
  for (const { dialect, request } of ALL)
    if (request !== null) handOutHeld(gateway.directory, dialect, request, { provider: `upstream-${dialect}` })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** The recorded request, or a minimal one; every second one is written with line breaks and indentation. */
function requestFor(recording: Recording): string {
  const body =
    recording.request ?? (JSON.parse(SAMPLES[recording.dialect].request()) as Readonly<Record<string, unknown>>)
  const streamed = recording.request === null && recording.stream ? { stream: true } : {}
  return JSON.stringify({ ...body, ...streamed, model: groupOf(recording) }, null, ALL.indexOf(recording) % 2)
}

function asksForUsage(recording: Recording): boolean {
  return (
    recording.dialect !== "chat" ||
    !recording.stream ||
    at(recording.request, "stream_options", "include_usage") === true
  )
}

/** What the upstream must receive: the request but for the model, and on chat streams the usage option. */
function expectedUpstreamBody(recording: Recording, request: string): string {
  const body = request.replace(JSON.stringify(groupOf(recording)), JSON.stringify(vendorModelOf(recording)))
  if (asksForUsage(recording)) return body
  if (recording.request !== null && "stream_options" in recording.request)
    throw new Error(`not foreseen: ${recording.name}`)
  return body.replace(/\}$/u, ',"stream_options":{"include_usage":true}}')
}

/** What the client must receive: the answer's bytes, without the usage frame that it did not ask for. */
function expectedAnswer(recording: Recording): string {
  const bytes = answerBytes(recording).toString()
  if (asksForUsage(recording)) return bytes
  const own = (json: unknown): boolean =>
    Array.isArray(at(json, "choices")) &&
    at(json, "choices", 0) === undefined &&
    at(json, "usage", "prompt_tokens") !== undefined
  return framesOf(bytes)
    .filter((frame) => !own(jsonOf(frame)))
    .map((frame) => frame.text)
    .join("")
}

async function replay(
  recording: Recording,
): Promise<{ readonly answer: Answer; readonly sent: string; readonly request: string }> {
  const head = { status: recording.status, headers: capitalised(recording.response_headers) }
  const bytes = answerBytes(recording)
  const gate = Promise.withResolvers<void>()
  const pieces = piecesOf(recording, bytes, gate.promise)
  const marker = JSON.stringify(vendorModelOf(recording))
  upstream.plan(marker, recording.stream ? stream(pieces, head) : reply(bytes, head))
  const request = requestFor(recording)
  const path =
    recording.path?.includes("beta=true") === true ? `${SAMPLES[recording.dialect].path}?beta=true` : undefined
  const response = await gateway.open(recording.dialect, request, path === undefined ? {} : { path })
  const answer = await readAnswer(response, () => gate.resolve())
  const [exchange] = upstream.received(marker)
  return { answer, request, sent: exchange === undefined ? "" : bodyText(exchange.request) }
}

/** Odd pieces; a stream that breaks goes on only when the client has seen what comes before. */
function piecesOf(recording: Recording, bytes: Buffer, seen: Promise<void>): readonly Step[] {
  const exception = EXCEPTIONS[recording.name]
  const cut =
    exception !== undefined && "brokenBy" in exception
      ? bytes.lastIndexOf("\n\n", bytes.indexOf(exception.brokenBy)) + 2
      : 0
  if (cut > 0) return [bytes.subarray(0, cut), { until: seen }, bytes.subarray(cut)]
  return cutEvery(bytes, Math.max(1, Math.ceil(bytes.length / 29)))
}

function capitalised(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { "content-type": given, ...others } = headers
  return { ...others, ...(given === undefined ? {} : { "Content-Type": given }) }
}

function expectRow(recording: Recording, answer: Answer): void {
  const rows = gateway.records.usage(answer.requestId)
  expect(rows).toHaveLength(1)
  const facts = factsOf(recording)
  const expected = {
    status: 200,
    error: null,
    stream: recording.stream ? 1 : 0,
    inbound_dialect: SAMPLES[recording.dialect].configName,
    target_model: vendorModelOf(recording),
    stop_reason: facts.stopReason,
    usage_source: facts.usage !== null ? "provider" : recording.request?.["background"] === true ? "none" : "estimated",
    ...facts.usage,
    upstream_reported_total_cost_nano_usd:
      facts.reportedCostUsd === null ? null : Math.round(facts.reportedCostUsd * 1e9),
  }
  expect(Object.fromEntries(Object.keys(expected).map((key) => [key, at(rows[0], key)]))).toEqual(expected)
}

function expectException(recording: Recording, exception: Exception, answer: Answer): void {
  if ("code" in exception) {
    expectError(answer, recording.dialect, exception.status, exception.code)
    expect(gateway.records.usage(answer.requestId)).toMatchObject([{ status: exception.status, error: exception.code }])
    return
  }
  const before = expectedAnswer(recording).split(exception.brokenBy)[0] ?? ""
  const whole = before.slice(0, before.lastIndexOf("\n\n") + 2)
  expect(answer.text).toStartWith(whole)
  expect(terminalsOf(recording.dialect, answer.text.slice(whole.length))).toEqual([FAILURE_TERMINAL[recording.dialect]])
  expect(framesOf(answer.text.slice(whole.length))).toHaveLength(1)
  const [row] = gateway.records.usage(answer.requestId)
  expect(row?.error).toBeString()
  expect(row?.status).not.toBe(200)
}

describe.skipIf(RECORDINGS_MISSING)("the recording", () => {
  test.each(ALL.map((recording) => [recording.name, recording] as const))(
    "%s passes byte for byte, or fails as foreseen",
    async (name, recording) => {
      const { answer, sent, request } = await replay(recording)
      expect(sent).toBe(expectedUpstreamBody(recording, request))
      const exception = EXCEPTIONS[name]
      if (exception !== undefined) return expectException(recording, exception, answer)
      expect(answer.status).toBe(recording.status)
      expect(answer.text).toBe(expectedAnswer(recording))
      expectCommonHeaders(answer, recording.dialect)
      if (recording.status === 200) {
        expect(answer.headers.get("content-type")).toBe(
          recording.response_headers["content-type"] ?? "application/json",
        )
        expectRow(recording, answer)
      } else expect(gateway.records.usage(answer.requestId)).toMatchObject([{ status: recording.status }])
    },
  )

  test("is there for every exception", () => {
    const names = new Set(DIALECTS.flatMap((dialect) => allRecordingsOf(dialect)).map(({ name }) => name))
    expect(Object.keys(EXCEPTIONS).filter((name) => !names.has(name))).toEqual([])
  })

  test("with `?beta=true` goes to Anthropic targets and to no others", () => {
    for (const { request } of upstream.exchanges) {
      if (!request.target.startsWith("/v1/messages")) expect(request.target).not.toContain("beta")
    }
    expect(upstream.exchanges.some(({ request }) => request.target === "/v1/messages?beta=true")).toBe(true)
    expect(upstream.exchanges.filter(({ request }) => headerOf(request, "cookie") !== undefined)).toEqual([])
  })

  test("leaves nothing of what was said in log or database", async () => {
    await gateway.stop()
    const said = ALL.flatMap(({ request }) => JSON.stringify(request ?? "").match(/"content":"[^"\\]{24,60}/gu) ?? [])
    const samples = sampled(said, 40).map((match) => match.slice('"content":"'.length))
    expect(samples.length).toBeGreaterThan(10)
    expect(gateway.records.leaks([...samples, gateway.token, ...gateway.prepared.secrets])).toEqual([])
  })
})

/** Frames that the splitter finds in the pieces. */
function split(pieces: readonly Uint8Array[]): { readonly frames: string[]; readonly rest: string } {
  const splitter = new FrameSplitter(8 * 1024 * 1024)
  const frames: string[] = []
  for (const piece of pieces) {
    splitter.push(piece)
    while (splitter.next())
      frames.push(Buffer.from(splitter.bytes.subarray(splitter.start, splitter.end)).toString("latin1"))
  }
  return { frames, rest: Buffer.from(splitter.remainder()).toString("latin1") }
}

/** Offsets to cut at: all of them in a small stream, a spread of them in a large one. */
function offsetsIn(length: number): readonly number[] {
  const step = length <= 2500 ? 1 : Math.ceil(length / (length < 40_000 ? 60 : 7))
  return Array.from({ length: Math.floor((length - 1) / step) }, (_, index) => 1 + index * step)
}

describe.skipIf(RECORDINGS_MISSING)("a recorded stream that is cut anywhere", () => {
  test.each(STREAMS.map((recording) => [recording.name, recording] as const))(
    "has the same frames: %s",
    (_, recording) => {
      for (const bytes of [
        answerBytes(recording),
        Buffer.from(answerBytes(recording).toString().replaceAll("\n", "\r\n")),
      ]) {
        const whole = split([bytes])
        expect(whole.frames.join("") + whole.rest).toBe(bytes.toString("latin1"))
        for (const offset of sampled(offsetsIn(bytes.length), 60)) {
          if (!Bun.deepEquals(split([bytes.subarray(0, offset), bytes.subarray(offset)]), whole))
            throw new Error(`cut at ${offset}`)
        }
        for (const size of sampled(bytes.length < 12_000 ? [1, 2, 13, 333] : [97, 4096], 1)) {
          expect(split(cutEvery(bytes, size))).toEqual(whole)
        }
      }
    },
  )
})
