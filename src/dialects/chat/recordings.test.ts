/** Real exchanges: every request is understood and printed again, every answer is read, whatever happens to its frames. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  chatContext,
  chatFacts,
  chatOptions,
  counter,
  eventsFrom,
  framesOf,
  withoutFields,
} from "../../../test/helpers/chat-codec.ts"
import { recordingsOf, type Recording } from "../../../test/helpers/recordings.ts"
import { fold } from "../../canonical/fold.ts"
import { assertGrammar } from "../../canonical/grammar.ts"
import { isObject, parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { LossCode } from "../../canonical/loss.ts"
import type { FailureKind } from "../../canonical/reply.ts"
import type { Request } from "../../canonical/request.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import type { Frame } from "../codec.ts"
import { NO_REQUEST_FACTS } from "../dialect.ts"
import { chatCodec } from "./codec.ts"
import { ChatObserver } from "./observe.ts"
import { readChatUsage } from "./usage.ts"
import { stringOf } from "./wire.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

const RECORDINGS = recordingsOf("chat")
const REQUESTS = RECORDINGS.filter((recording) => recording.request !== null)
const STREAMS = RECORDINGS.filter((recording) => typeof recording.sse === "string")
const REPLIES = RECORDINGS.filter((recording) => recording.sse === undefined || recording.sse === null)

const named = (recordings: readonly Recording[]): [string, Recording][] => recordings.map((one) => [one.name, one])
const bodyOf = (value: unknown): JsonValue => parseExact(JSON.stringify(value))

/** A target that takes everything that the client may have meant. */
function facts(request: Request): TargetFacts {
  const field = request.cap?.field === "max_completion_tokens" ? "max_completion_tokens" : "max_tokens"
  return chatFacts({
    model: request.model,
    outputTokenField: field,
    developerRole: true,
    customTools: true,
    serviceTier: true,
    reasoningHistory: "reasoning",
  })
}

/** What is said in another way, and means the same: path in the body to the reason. */
const RESPELLED: readonly (readonly [path: RegExp, reason: string])[] = [
  [/^stream(_options(\.include_usage)?)?$/, "unary by silence; streamed calls ask for usage"],
  [/^tools\.\d+\.type$|^tool_choice\.type$/, "functions are named as such (Mistral and Hugging Face need not)"],
  [/^tool_choice$/, "Mistral's `any` is `required`"],
  [/^messages\.\d+\.prefix$/, "`prefix: false` is the default"],
  [/^messages\.\d+\.tool_calls\.\d+\.index$/, "an index means nothing in a request"],
  [/^messages\.\d+\.content\.\d+\.(type|document_url|file)$/, "Mistral's document_url is a file"],
  [/^reasoning(\.effort|\.enabled)?$|^reasoning_effort$/, "OpenRouter's reasoning.effort is reasoning_effort"],
  [/^thinking(\.type)?$/, "a switch of Z.ai's is the effort none, or a reasoning that is on"],
  [/^messages\.\d+\.reasoning$/, "sealed details hold the visible text too"],
]

/** Exchanges that lose something, by name. */
const LOSING: Readonly<Record<string, readonly LossCode[]>> = {
  // The client capped the answer at 0 and said nothing.
  "chat/envoy-ai-gateway--chat-bad-request.0": ["output-cap"],
}

describe("the request", () => {
  test.each(named(REQUESTS.filter(({ name }) => name in LOSING)))("%s loses something", (name, recording) => {
    const { request, losses } = chatCodec.readRequest(bodyOf(recording.request))
    const written = chatCodec.writeRequest(request, facts(request), counter())
    expect([...losses, ...written.losses].map((loss) => loss.code)).toEqual([...(LOSING[name] ?? [])])
  })

  test.each(named(REQUESTS.filter(({ name }) => !(name in LOSING))))(
    "%s is written as it was read",
    (_name, recording) => {
      const { request, losses } = chatCodec.readRequest(bodyOf(recording.request))
      const written = chatCodec.writeRequest(request, facts(request), counter())
      expect([...losses, ...written.losses]).toEqual([])
      const changes = differences(normal(bodyOf(recording.request)), normal(bodyOf(written.body)), "")
      const unexplained = changes.filter((path) => !RESPELLED.some(([form]) => form.test(path)))
      expect(unexplained).toEqual([])
    },
  )

  test.each(named(REQUESTS))("%s means the same a second time", (_name, recording) => {
    const { request } = chatCodec.readRequest(bodyOf(recording.request))
    const once = chatCodec.writeRequest(request, facts(request), counter()).body
    const again = chatCodec.readRequest(bodyOf(once)).request
    expect(chatCodec.writeRequest(again, facts(request), counter()).body).toEqual(once)
  })
})

/** Nulls and empty lists are nothing, one text part is its text, one stop sequence a list of one. */
function normal(value: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    const list = value as readonly JsonValue[]
    const only = list.length === 1 ? list[0] : undefined
    const isText = isObject(only) && only["type"] === "text" && Object.keys(only).length === 2
    return isText ? (only["text"] ?? null) : list.map(normal)
  }
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== null && one !== undefined && !(Array.isArray(one) && one.length === 0))
      .map(([key, one]) => [key, normal(key === "stop" && typeof one === "string" ? [one] : (one as JsonValue))]),
  )
}

function differences(before: JsonValue | undefined, after: JsonValue | undefined, path: string): readonly string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  if (!isContainer(before) || !isContainer(after)) return [path]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) => differences(before[key], after[key], path === "" ? key : `${path}.${key}`))
}

function isContainer(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null
}

/** Answers with status 200 that are failures. */
const FAILING: Readonly<Record<string, FailureKind>> = {
  "chat/pydantic-ai--test_openai--test_text_response.0": "protocol",
  "chat/pydantic-ai--test_groq--test_tool_use_failed_error_streaming.0": "invalid-request",
  "chat/pydantic-ai--test_openrouter--test_openrouter_stream_error.0": "invalid-request",
}

describe("the reply", () => {
  test.each(named(REPLIES.filter(({ status }) => status !== 200)))("%s is read as an error", (_name, recording) => {
    const failure = chatCodec.readError(recording.status, bodyOf(recording.body))
    expect(failure.status).toBe(recording.status)
    expect(failure.message).toBe(messageIn(recording))
  })

  const answers = REPLIES.filter(({ status }) => status === 200)
  test.each(named(answers.filter(({ name }) => name in FAILING)))("%s is a failure", (name, recording) => {
    const body = recording.body === undefined || recording.body === null ? undefined : bodyOf(recording.body)
    expect(chatCodec.readReply(body, chatContext())).toMatchObject({ failure: { kind: FAILING[name] } })
  })

  test.each(named(answers.filter(({ name }) => !(name in FAILING))))(
    "%s is read and written back",
    (_name, recording) => {
      const result = chatCodec.readReply(bodyOf(recording.body), chatContext())
      if ("failure" in result) throw new Error(result.failure.message)
      expect(result.losses).toEqual([])
      expect(result.reply.usage?.outputTokens).toBe(
        readChatUsage((recording.body as JsonObject)["usage"])?.outputTokens,
      )
      const written = chatCodec.writeReply(result.reply, chatOptions())
      const back = chatCodec.readReply(bodyOf(written.body), chatContext())
      if ("failure" in back) throw new Error(back.failure.message)
      expect(withoutFields(back.reply.blocks)).toEqual(withoutFields(result.reply.blocks))
      expect(back.reply.stop.is).toBe(result.reply.stop.is)
    },
  )
})

function messageIn(recording: Recording): string {
  return stringOf(((recording.body as JsonObject)["error"] as JsonObject)["message"]) ?? ""
}

const textOf = (recording: Recording): string => recording.sse ?? ""

describe("the stream", () => {
  test.each(named(STREAMS.filter(({ name }) => name in FAILING)))("%s reads as a failure", (name, recording) => {
    const events = eventsFrom(framesOf(textOf(recording)), chatCodec.createStreamReader(chatContext()))
    assertGrammar(events)
    expect(fold(events)).toMatchObject({ failure: { kind: FAILING[name] } })
  })

  test.each(named(STREAMS.filter(({ name }) => !(name in FAILING))))("%s reads as its reply", (_name, recording) => {
    const frames = framesOf(textOf(recording))
    const events = eventsFrom(frames, chatCodec.createStreamReader(chatContext()))
    assertGrammar(events)
    const folded = fold(events)
    if ("failure" in folded) throw new Error(folded.failure.message)
    const result = chatCodec.readReply(accumulated(frames), chatContext())
    if ("failure" in result) throw new Error(result.failure.message)
    const { reply } = result
    expect(withoutFields(folded.reply.blocks)).toEqual(withoutFields(reply.blocks))
    expect(folded.reply.stop).toEqual(reply.stop)
    expect(folded.reply.usage).toEqual(reply.usage)
  })

  test.each(named(STREAMS.filter(({ name }) => !(name in FAILING))))(
    "%s has the same usage for its reader and its observer",
    (_name, recording) => {
      const observer = new ChatObserver({ ...NO_REQUEST_FACTS, model: "m", stream: true })
      for (const block of textOf(recording).split(/(?<=\n\n)/)) {
        const bytes = Buffer.from(block)
        observer.frame(bytes, 0, bytes.length)
      }
      const events = eventsFrom(framesOf(textOf(recording)), chatCodec.createStreamReader(chatContext()))
      const folded = fold(events)
      const usage = "reply" in folded ? folded.reply.usage : folded.usage
      const seen = observer.facts().usage
      expect(observer.fault).toBeNull()
      expect(usage?.freshInputTokens).toBe(seen?.freshInputTokens)
      expect(usage?.cacheReadTokens ?? 0).toBe(seen?.cachedInputTokens ?? 0)
      expect(usage?.outputTokens).toBe(seen?.outputTokens)
      expect(usage?.reasoningTokens ?? null).toBe(seen?.reasoningTokens ?? null)
    },
  )

  test.each(named(STREAMS))("%s keeps the grammar when it is cut, doubled and shuffled", (_name, recording) => {
    const frames = framesOf(textOf(recording)).slice(0, 60)
    const mutation = fc.record({
      kind: fc.constantFrom("drop", "double", "swap", "truncate", "stop"),
      at: fc.nat({ max: Math.max(0, frames.length - 1) }),
    })
    expectProperty(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const mutated = mutations.reduce<readonly Frame[]>((now, { kind, at }) => mutate(now, kind, at), frames)
        assertGrammar(eventsFrom(mutated, chatCodec.createStreamReader(chatContext())))
      }),
      20,
    )
  })
})

function mutate(frames: readonly Frame[], kind: string, at: number): readonly Frame[] {
  const frame = frames[at]
  if (frame === undefined) return frames
  const [before, after] = [frames.slice(0, at), frames.slice(at + 1)]
  if (kind === "drop") return [...before, ...after]
  if (kind === "double") return [...before, frame, frame, ...after]
  if (kind === "swap") return [...before, ...after.slice(0, 1), frame, ...after.slice(1)]
  if (kind === "truncate") return [...before, { ...frame, data: frame.data.slice(0, frame.data.length / 2) }, ...after]
  return before
}

interface Accumulated {
  content: string
  reasoning: string
  readonly parts: { thinking: string }
  readonly details: Record<string, JsonValue>[]
  readonly calls: Map<JsonValue, { id?: JsonValue; name: JsonValue; args: string }>
  readonly steps: Map<JsonValue, JsonValue>
  readonly annotations: JsonValue[]
  finish: JsonValue
  usage: JsonValue
  head: JsonObject
}

/** The reply that the chunks add up to, gathered in the plainest way. */
function accumulated(frames: readonly Frame[]): JsonValue {
  const all: Accumulated = {
    content: "",
    reasoning: "",
    parts: { thinking: "" },
    details: [],
    calls: new Map(),
    steps: new Map(),
    annotations: [],
    finish: null,
    usage: null,
    head: {},
  }
  for (const { data } of frames) if (data !== "[DONE]") gather(all, JSON.parse(data) as JsonObject)
  const thinking = all.parts.thinking === "" ? [] : [{ type: "thinking", thinking: all.parts.thinking }]
  const content = thinking.length === 0 ? all.content : [...thinking, { type: "text", text: all.content }]
  const toolCalls = [...all.calls.values()].map(({ id, name, args }) => {
    return { id: id ?? null, function: { name, arguments: args } }
  })
  const message: JsonObject = {
    content,
    reasoning: all.reasoning,
    reasoning_details: all.details,
    executed_tools: [...all.steps.values()],
    annotations: all.annotations,
    tool_calls: toolCalls,
  }
  return { ...all.head, choices: [{ index: 0, message, ...(all.finish as JsonObject | null) }], usage: all.usage }
}

function gather(all: Accumulated, chunk: JsonObject): void {
  all.usage = chunk["usage"] ?? (chunk["x_groq"] as JsonObject | undefined)?.["usage"] ?? all.usage
  const [choice] = (chunk["choices"] ?? []) as readonly JsonObject[]
  if (choice === undefined) return
  const delta = (choice["delta"] ?? {}) as Record<string, JsonValue>
  if (typeof delta["content"] === "string") all.content += delta["content"]
  for (const part of (Array.isArray(delta["content"]) ? delta["content"] : []) as JsonObject[]) {
    for (const piece of part["thinking"] as JsonObject[]) all.parts.thinking += stringOf(piece["text"]) ?? ""
  }
  all.reasoning += (delta["reasoning_content"] ?? delta["reasoning"] ?? "") as string
  for (const detail of (delta["reasoning_details"] ?? []) as Record<string, JsonValue>[]) {
    const last = all.details.at(-1)
    if (last === undefined || last["index"] !== detail["index"]) all.details.push({ ...detail })
    else last["text"] = `${stringOf(last["text"])}${stringOf(detail["text"])}`
  }
  for (const call of (delta["tool_calls"] ?? []) as JsonObject[]) gatherCall(all, call)
  for (const step of (delta["executed_tools"] ?? []) as JsonObject[]) all.steps.set(step["index"] ?? 0, step)
  all.annotations.push(...((delta["annotations"] ?? []) as JsonValue[]))
  if (choice["finish_reason"]) all.finish = { ...choice, delta: null }
}

function gatherCall(all: Accumulated, call: JsonObject): void {
  const known = all.calls.get(call["index"] ?? 0)
  const { name, arguments: args } = call["function"] as JsonObject
  const text = typeof args === "string" ? args : ""
  if (known === undefined) all.calls.set(call["index"] ?? 0, { id: call["id"] ?? null, name: name ?? null, args: text })
  else known.args += text
}
