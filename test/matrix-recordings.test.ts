/** Every recorded answer of a vendor, given to clients of the two other dialects: what it says must arrive. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { accumulate } from "./helpers/accumulate.ts"
import type { Meaning } from "./helpers/answer-meaning.ts"
import { meaningOfBody, meaningOfStream } from "./helpers/answer-meaning.ts"
import { cutEvery, reply, stream } from "./helpers/behaviours.ts"
import type { Answer } from "./helpers/client.ts"
import { expectError } from "./helpers/expectations.ts"
import { FakeUpstream } from "./helpers/fake-upstream.ts"
import type { Gateway } from "./helpers/gateway.ts"
import { startGateway } from "./helpers/gateway.ts"
import type { ExpectedUsage } from "./helpers/recorded-usage.ts"
import { factsOf } from "./helpers/recorded-usage.ts"
import type { Recording } from "./helpers/recordings.ts"
import { answerBytes, RECORDINGS_MISSING, recordingsOf } from "./helpers/recordings.ts"
import { sampledByKind } from "./helpers/sample.ts"
import type { Dialect } from "./helpers/samples.ts"
import { DIALECTS, SAMPLES } from "./helpers/samples.ts"
import { FAILURE_TERMINAL, SUCCESS_TERMINAL, terminalsOf } from "./helpers/streams.ts"
import { FOREIGN_PAIRS, groupOf, translating } from "./helpers/translating.ts"

/** Recordings that do not simply arrive, and why. Everything else must. */
type Exception =
  /** The caller gets the router's error instead. */
  | { readonly why: string; readonly failed: true }
  /** The stream ends with the router's error. */
  | { readonly why: string; readonly broken: true }
  /** This part of the meaning is another one. */
  | { readonly why: string; readonly differs: readonly (keyof Meaning)[]; readonly loss?: string }

const QUEUED = { why: "a background call that was only queued is no answer", failed: true } as const
const COMPACTION = {
  why: "what the model made of the conversation so far is shown as text, or nothing would tell the next turn",
  differs: ["text"],
  loss: "reply-content",
} as const
const PAUSED = {
  why: "only Anthropic's clients can go on from a pause",
  differs: ["stop"],
  loss: "reply-stop",
} as const
const BROKEN = { why: "the vendor reports a failure inside its stream", broken: true } as const

const EXCEPTIONS: Readonly<Record<string, Exception>> = {
  "chat/pydantic-ai--test_openai--test_text_response.0": { why: "plain text is no chat completion", failed: true },
  "chat/pydantic-ai--test_groq--test_tool_use_failed_error_streaming.0": BROKEN,
  "chat/pydantic-ai--test_openrouter--test_openrouter_stream_error.0": BROKEN,
  "messages/vercel-ai--anthropic--spliced-message-start.stream": {
    why: "a second answer inside of the first: nobody had that conversation",
    broken: true,
  },
  "messages/vercel-ai--anthropic--anthropic-compaction.1.json": COMPACTION,
  "messages/vercel-ai--anthropic--anthropic-compaction.1.stream": COMPACTION,
  "messages/pydantic-ai--test_anthropic--test_pause_turn_web_search_vcr.0": PAUSED,
  "messages/pydantic-ai--test_anthropic--test_pause_turn_web_search_streaming_vcr.0": PAUSED,
  "responses/pydantic-ai--test_openai_responses--test_background_mode_vcr.0": QUEUED,
  "responses/pydantic-ai--test_openai_responses--test_background_mode_with_tool_vcr.0": QUEUED,
  "responses/pydantic-ai--test_openai_responses--test_background_mode_with_tool_vcr.2": QUEUED,
  "responses/vercel-ai--openai--responses--openai-shell-container.1.stream": {
    why: "written by hand: its deltas hold another text than its end",
    differs: ["text"],
  },
}

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

async function ask(client: Dialect, recording: Recording): Promise<Answer> {
  const marker = `recorded <${client} ${recording.name}>`
  const bytes = answerBytes(recording)
  const pieces = cutEvery(bytes, Math.max(1, Math.ceil(bytes.length / 11)))
  upstream.plan(marker, recording.stream ? stream(pieces) : reply(bytes))
  const model = groupOf("upstream", recording.dialect)
  return gateway.call(client, SAMPLES[client].request({ model, stream: recording.stream, text: marker }))
}

const SOUND = DIALECTS.flatMap((dialect) => recordingsOf(dialect)).filter(({ status }) => status === 200)

type Case = readonly [name: string, recording: Recording, client: Dialect, exception: Exception | undefined]

/** The recordings whose exception is of a kind (`undefined` has none), for each client of another dialect. */
function casesOf(isOfKind: (exception: Exception | undefined) => boolean): readonly Case[] {
  return FOREIGN_PAIRS.flatMap(([client, target]) =>
    SOUND.filter(({ dialect, name }) => dialect === target && isOfKind(EXCEPTIONS[name])).map((recording): Case => [
      `${recording.name} for a ${client} client`,
      recording,
      client,
      EXCEPTIONS[recording.name],
    ]),
  )
}

describe.skipIf(RECORDINGS_MISSING)("an answer in another dialect", () => {
  const isFailed = (exception: Exception | undefined): boolean => exception !== undefined && "failed" in exception
  const isBroken = (exception: Exception | undefined): boolean => exception !== undefined && "broken" in exception

  test.each([...casesOf(isFailed)])("is the router's error where it is none: %s", async (_, recording, client) => {
    expectError(await ask(client, recording), client, 502, "upstream-failed")
  })

  test.each([...casesOf(isBroken)])("ends as a failure where the vendor's does: %s", async (_, recording, client) => {
    const answer = await ask(client, recording)
    expect(answer.status).toBe(200)
    expect(terminalsOf(client, answer.text)).toEqual([FAILURE_TERMINAL[client]])
  })

  const arriving = sampledByKind(
    casesOf((exception) => !isFailed(exception) && !isBroken(exception)),
    ([, { dialect, stream: streamed }, client]) => [`${dialect} ${client} ${streamed}`],
    60,
  )
  test.each([...arriving])("says the same: %s", async (_, recording, client, exception) => {
    const answer = await ask(client, recording)
    expect(answer.status).toBe(200)
    await expectMeaning(client, recording, answer, exception)
    expectUsage(client, recording, answer)
  })
})

async function expectMeaning(
  client: Dialect,
  recording: Recording,
  answer: Answer,
  exception: Exception | undefined,
): Promise<void> {
  const told = settled(
    recording.stream
      ? meaningOfStream(recording.dialect, answerBytes(recording).toString())
      : meaningOfBody(recording.dialect, recording.body),
  )
  const got = recording.stream ? meaningOfStream(client, answer.text) : meaningOfBody(client, JSON.parse(answer.text))
  const differs = exception !== undefined && "differs" in exception ? exception.differs : []
  // Claude declines by a reason; in the other dialects a refusal is an answer with words of its own
  if (recording.dialect === "messages" && told.stop === "filtered") {
    expect(got.refusal).not.toBe("")
    Object.assign(told, { refusal: got.refusal, stop: client === "chat" ? "end" : told.stop })
  }
  for (const part of ["text", "refusal", "reasoning", "calls", "stop"] as const) {
    if (differs.includes(part)) expect(got[part]).not.toEqual(told[part])
    else expect([part, got[part]]).toEqual([part, told[part]])
  }
  if (exception !== undefined && "loss" in exception)
    expect(gateway.records.losses(answer.requestId).map(({ code }) => code)).toContain(exception.loss)
  if (!recording.stream) return
  const isShort = client === "responses" && (got.stop === "length" || (got.stop === "filtered" && got.refusal === ""))
  expect(terminalsOf(client, answer.text)).toEqual([isShort ? "response.incomplete" : SUCCESS_TERMINAL[client]])
  const accumulated = meaningOfBody(client, await accumulate(client, answer.bytes))
  // the accumulator for Chat keeps only the last piece of what its vendor does not send
  expect(client === "chat" ? { ...accumulated, reasoning: got.reasoning } : accumulated).toEqual(got)
}

/** Some vendors never say why an answer ended; a clean end is one all the same. */
function settled(told: Meaning): Meaning {
  return { ...told, stop: told.stop ?? (told.calls.length > 0 ? "tool-calls" : "end") }
}

function expectUsage(client: Dialect, recording: Recording, answer: Answer): void {
  const told = factsOf(recording)
  const [row] = gateway.records.usage(answer.requestId)
  expect(row).toMatchObject({ status: 200, error: null, inbound_dialect: SAMPLES[client].configName })
  expect(row?.target_dialect).toBe(SAMPLES[recording.dialect].configName)
  if (told.usage === null) return
  expect(row).toMatchObject(told.usage)
  const seen = factsOf({ ...recording, dialect: client, sse: null, body: undefined, text: answer.text })
  expect(comparable(seen.usage)).toEqual(comparable(told.usage))
}

/** What all three dialects can say. */
function comparable(usage: ExpectedUsage | null): unknown {
  return { input: usage?.input_tokens, cached: usage?.cached_input_tokens, output: usage?.output_tokens }
}
