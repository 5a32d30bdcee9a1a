/** What is done in a thread with a large event of a stream comes to the same as what is done at once with a small one. */
import { describe, expect, test } from "bun:test"
import { createFold } from "../../canonical/fold.ts"
import { FRAME, NO_REQUEST_FACTS, type StreamObserver } from "../../dialects/dialect.ts"
import type { DialectName } from "../../dialects/name.ts"
import { restore, stateOf } from "../../dialects/observer-state.ts"
import { CODECS, DIALECTS as KNOWN } from "../../dialects/registry.ts"
import { readFields } from "../../sse/fields.ts"
import { FrameSplitter } from "../../sse/frames.ts"
import { chatContext } from "../../../test/helpers/chat-codec.ts"
import { recordingsOf } from "../../../test/helpers/recordings.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../../test/helpers/samples.ts"
import { judgedFrame } from "./judged-frame.ts"
import type { Sizes } from "./pieces.ts"
import { smallFrames } from "./small-frames.ts"

const STREAMING = { ...NO_REQUEST_FACTS, stream: true }

/** Samples, and recordings where there are any. */
function streamsOf(dialect: Dialect): readonly Uint8Array[] {
  const recorded = recordingsOf(dialect).flatMap(({ sse }) => (typeof sse === "string" ? [Buffer.from(sse)] : []))
  return [Buffer.from(SAMPLES[dialect].frames(["some ", "words, ü and 🦜🦜"]).join("")), ...recorded]
}

function framesIn(bytes: Uint8Array): readonly Uint8Array[] {
  const frames: Uint8Array[] = []
  const splitter = new FrameSplitter(Infinity)
  splitter.push(bytes)
  while (splitter.next()) frames.push(splitter.bytes.slice(splitter.start, splitter.end))
  return frames
}

function seenBy(observer: StreamObserver, { stored }: (typeof KNOWN)[DialectName]): unknown {
  return {
    facts: observer.facts(),
    fault: observer.fault,
    finished: observer.finished,
    counts: observer.meter.counts,
    ids: stored.returned(observer.answer(), true),
  }
}

describe.each(DIALECTS)("%s", (dialect) => {
  const { configName: name } = SAMPLES[dialect]

  test("an observer whose state crosses before every event sees what one sees that stays", () => {
    for (const stream of streamsOf(dialect)) {
      const here = KNOWN[name].createObserver(STREAMING)
      const there = KNOWN[name].createObserver(STREAMING)
      for (const frame of framesIn(stream)) {
        const order = { dialect: name, state: structuredClone(stateOf(there)), use: { is: "pass" } as const }
        const { verdict, state, bytes } = structuredClone(judgedFrame(frame, order))
        restore(there, state)
        expect([verdict, bytes]).toEqual([here.frame(frame, 0, frame.length), null])
        expect(seenBy(there, KNOWN[name])).toEqual(seenBy(here, KNOWN[name]))
      }
    }
  })

  test("events in pieces of a few characters are the same answer", () => {
    for (const stream of streamsOf(dialect)) {
      const frames = framesIn(stream)
      expect(replyOf(name, frames, SHORT)).toEqual(replyOf(name, frames, null))
    }
  })
})

test("what an observer keeps of a large event is bounded, and what stands highest stays", () => {
  const output = Array.from({ length: 300 }, (_, at) => ({ id: `msg_${at}`, type: "message", content: deep(500) }))
  const response = { id: "resp_1", status: "completed", instructions: "x".repeat(3_000_000), output, usage: USAGE }
  const type = "response.completed"
  const frame = Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, response })}\n\n`)
  const dialect = KNOWN["openai-responses"]
  const observer = dialect.createObserver(STREAMING)
  const order = { dialect: dialect.name, state: stateOf(observer), use: { is: "pass" } as const }
  const { verdict, state } = judgedFrame(frame, order)
  expect(JSON.stringify(state).length).toBeLessThan(1 << 19)
  restore(observer, state)
  expect([verdict, observer.facts().usage?.outputTokens]).toEqual([FRAME.terminal, 7])
  expect(dialect.stored.returned(observer.answer(), true).filter(({ kind }) => kind === "item")).toHaveLength(300)
})

const USAGE = { input_tokens: 11, output_tokens: 7, total_tokens: 18 }
const deep = (count: number): object[] => Array.from({ length: count }, (_, at) => ({ logprobs: [{ at }, {}, {}] }))

test("an event that cannot be cut is translated up to a size, and what no reader knows is left out", () => {
  const frame = (delta: object, more: object = {}): string =>
    JSON.stringify({ id: "c", choices: [{ index: 0, delta, finish_reason: null }], ...more })
  const made = (data: string): number | null => smallFrames({ event: null, data }, "openai-chat", [])?.length ?? null
  expect(made(frame({ images: [{ url: "x".repeat(9_000_000) }] }))).toBeNull()
  expect(made(frame({ annotations: Array.from({ length: 70_000 }, () => ({})) }))).toBeNull()
  expect(made(frame({ content: "x".repeat(9_000_000) }))).toBeGreaterThan(9_000_000)
  expect(made(frame({ content: "hi" }, { novelty: Array.from({ length: 70_000 }, () => ({})) }))).toBeLessThan(200)
})

const SHORT = { pieceChars: 3, longChars: 20_000 }

/** `sizes`: every frame is cut into such pieces; null: none is. */
function replyOf(name: keyof typeof CODECS, frames: readonly Uint8Array[], sizes: Sizes | null): unknown {
  const reader = CODECS[name].createStreamReader(chatContext())
  const folding = createFold()
  const take = (frame: Uint8Array): void => {
    const { event, data } = readFields(frame, 0, frame.length)
    if (data === null) return
    for (const one of reader.push(event === null ? { data } : { event, data })) folding.push(one)
  }
  for (const frame of frames) {
    const cut =
      sizes === null ? null : smallFrames(readFields(frame, 0, frame.length), name, reader.items?.() ?? [], sizes)
    for (const one of cut === null ? [frame] : framesIn(cut)) take(one)
  }
  for (const one of reader.end()) folding.push(one)
  return folding.result()
}
