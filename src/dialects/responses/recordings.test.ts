/** Every recorded exchange: requests come out as they went in, streams are replies, and damage never breaks anything. */

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { Event } from "../../canonical/event.ts"
import { fold } from "../../canonical/fold.ts"
import { assertGrammar } from "../../canonical/grammar.ts"
import { isObject, parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Frame } from "../codec.ts"
import { recordingsOf, type Recording } from "../../../test/helpers/recordings.ts"
import {
  context,
  facts,
  framesFor,
  minter,
  options,
  readFrames,
  written,
} from "../../../test/helpers/responses-codec.ts"
import { faultsOfResponse } from "../../../test/helpers/responses-schema.ts"
import { meaningOf } from "../../../test/helpers/responses-meaning.ts"
import { terminalsOf } from "../../../test/helpers/streams.ts"
import { responsesCodec } from "./codec.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

const recordings = recordingsOf("responses")
const withRequest = recordings.filter(({ request }) => request !== null)
const streams = recordings.filter(({ sse }) => typeof sse === "string")
const answers = recordings.filter(({ status, body }) => status === 200 && body !== undefined)

function exact(value: unknown): JsonValue {
  return parseExact(JSON.stringify(value))
}

describe.skipIf(recordings.length === 0)("the request", () => {
  test.each(withRequest.map((recording): [string, Recording] => [recording.name, recording]))(
    "%s comes out as it went in",
    (_name, recording) => {
      const body = exact(recording.request)
      const { request, losses } = responsesCodec.readRequest(body)
      const sent = responsesCodec.writeRequest(request, facts(), minter())
      expect([...losses, ...sent.losses]).toEqual([])
      expect(meaningOf(sent.body)).toEqual(meaningOf(body))
    },
  )
})

/** The feature of answers that are no finished response. */
const QUEUED = "finish:queued"

/** Why a stream differs from its own terminal object; everything else has to be equal. */
const STREAM_EXCEPTIONS: readonly (readonly [name: RegExp, fields: readonly string[], reason: string])[] = [
  [/github-copilot-id-rotation/, ["id"], "the proxy names the response anew in every event"],
  [/responses_logprobs_streaming/, ["logprob"], "the vendor rounds in the terminal object"],
  [/openai-shell-container\.1\.stream/, ["text"], "written by hand: the deltas hold another text than the terminal"],
]

/** The vendor encrypts anew for the terminal object: payloads are compared by their presence. */
function comparable(events: readonly Event[], name: string): unknown {
  const folded = fold(events)
  if (!("reply" in folded)) return folded
  const ignored = STREAM_EXCEPTIONS.filter(([form]) => form.test(name)).flatMap(([, fields]) => fields)
  const text = JSON.stringify(folded.reply, (key, value: unknown) => {
    if (key === "payload" || key === "encrypted_content") return value === "" ? "" : "sealed"
    return ignored.includes(key) ? "ignored" : value
  })
  return JSON.parse(text)
}

function terminalOf(frames: readonly Frame[]): JsonValue | undefined {
  const objects = frames.flatMap(({ data }) => (data.startsWith("{") ? [parseExact(data)] : []))
  const last = objects.findLast((event) => isObject(event) && isObject(event["response"]))
  return isObject(last) ? last["response"] : undefined
}

describe.skipIf(recordings.length === 0)("recorded streams:", () => {
  test.each(streams.map((recording): [string, Recording] => [recording.name, recording]))(
    "%s reads as its terminal object",
    (name, recording) => {
      const frames = framesFor(recording.sse ?? "")
      const events = readFrames(frames)
      assertGrammar(events)
      const unary = readFrames([
        { data: JSON.stringify({ type: "response.completed", response: terminalOf(frames) ?? {} }) },
      ])
      expect(comparable(events, name)).toEqual(comparable(unary, name))
    },
  )

  test("whatever is lost, doubled, moved or cut, events keep the grammar and what is written has one end", () => {
    for (const recording of streams) {
      const frames = framesFor(recording.sse ?? "")
      const spot = fc.nat(frames.length - 1)
      expectProperty(
        fc.property(
          fc.array(fc.tuple(fc.constantFrom("drop", "double", "move", "cut"), spot, spot), { maxLength: 6 }),
          (damage) => {
            const events = readFrames(damage.reduce(damaged, frames))
            assertGrammar(events)
            expect(terminalsOf("responses", written(events))).toHaveLength(1)
          },
        ),
        12,
      )
    }
  })
})

function damaged(frames: readonly Frame[], [how, at, to]: readonly [string, number, number]): readonly Frame[] {
  const frame = frames[at]
  if (frame === undefined) return frames
  const rest = frames.toSpliced(at, 1)
  if (how === "drop") return rest
  if (how === "double") return frames.toSpliced(to, 0, frame)
  return how === "move" ? rest.toSpliced(to, 0, frame) : frames.with(at, { data: frame.data.slice(0, to) })
}

test("hostile frames never throw and never break the grammar", () => {
  const types = [
    "response.created",
    "response.completed",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.annotation.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_text.done",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.done",
  ]
  const item = fc.record(
    {
      type: fc.constantFrom("message", "reasoning", "function_call", "custom_tool_call", "web_search_call", 7),
      call_id: fc.constantFrom("c", "", null),
      name: fc.constantFrom("f", "", 3),
      content: fc.constantFrom([], [{ type: "output_text", text: "x" }, { type: "odd" }], "x", null),
      summary: fc.constantFrom([{ text: "s" }], {}),
      encrypted_content: fc.constantFrom("gAAA", null),
      arguments: fc.constantFrom("{}", {}, null),
    },
    { requiredKeys: [] },
  )
  const event = fc.record(
    {
      type: fc.constantFrom(...types),
      output_index: fc.constantFrom(0, 1, -1, "0", null),
      content_index: fc.constantFrom(0, 1, null),
      delta: fc.constantFrom("a", "", 4, null),
      text: fc.constantFrom("ab", null),
      part: fc.constantFrom({ type: "output_text", text: "a" }, { type: "refusal" }, { type: "reasoning_text" }, 1),
      annotation: fc.constantFrom({ type: "url_citation", url: "u" }, {}, null),
      item: fc.oneof(item, fc.constant(null)),
      response: fc.constantFrom({ id: "r", output: [] }, { output: [{ type: "message" }] }, [], null),
    },
    { requiredKeys: ["type"] },
  )
  expectProperty(
    fc.property(fc.array(event, { maxLength: 14 }), (events) => {
      const read = readFrames(events.map((one) => ({ data: JSON.stringify(one) })))
      assertGrammar(read)
      expect(terminalsOf("responses", written(read))).toHaveLength(1)
    }),
    1500,
  )
})

describe.skipIf(recordings.length === 0)("unary answers", () => {
  test("are replies, and as such the same to a client", () => {
    for (const { body, name } of answers.filter(({ features }) => !features.includes(QUEUED))) {
      const read = responsesCodec.readReply(exact(body), context())
      if (!("reply" in read)) throw new Error(`${name}: ${read.failure.message}`)
      const again = responsesCodec.writeReply(read.reply, options())
      expect([name, ...again.losses]).toEqual([name])
      expect(faultsOfResponse(again.body)).toEqual([])
      const output = (value: JsonValue): unknown => meaningOf({ input: (value as JsonObject)["output"] }, true)
      expect(output(again.body)).toEqual(output(exact(body)))
    }
  })

  test("are failures where a background call was only queued", () => {
    const queued = answers.filter(({ features }) => features.includes(QUEUED))
    const read = queued.map(({ body }) => responsesCodec.readReply(exact(body), context()))
    expect(read.map((one) => ("failure" in one ? one.failure.kind : "a reply"))).toEqual(queued.map(() => "protocol"))
  })

  test("keep the vendor's words where they are errors", () => {
    for (const { status, body } of recordings.filter((recording) => recording.status !== 200)) {
      const failure = responsesCodec.readError(status, exact(body))
      expect(failure).toMatchObject({ kind: "invalid-request", status: 400 })
      expect(JSON.stringify(body)).toContain(JSON.stringify(failure.message))
    }
  })
})
