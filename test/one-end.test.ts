/** A recorded stream, cut after each of its events: exactly one end at the client, exactly one row. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { stream } from "./helpers/behaviours.ts"
import { expectError } from "./helpers/expectations.ts"
import { FakeUpstream } from "./helpers/fake-upstream.ts"
import type { Gateway } from "./helpers/gateway.ts"
import { startGateway } from "./helpers/gateway.ts"
import type { Recording } from "./helpers/recordings.ts"
import { answerBytes, RECORDINGS_MISSING, recordingsOf } from "./helpers/recordings.ts"
import { sampled, WHOLE } from "./helpers/sample.ts"
import type { Dialect } from "./helpers/samples.ts"
import { DIALECTS, SAMPLES } from "./helpers/samples.ts"
import type { Frame } from "./helpers/streams.ts"
import { at, FAILURE_TERMINAL, framesOf, jsonOf, terminalsOf } from "./helpers/streams.ts"

/** At most so many cuts of one recording; they are spread over it. */
const CUTS = WHOLE ? 16 : 6
/** Recordings whose own end is an error stand in `recordings.test.ts`. */
const STREAMS = DIALECTS.flatMap((dialect) => {
  const sound = recordingsOf(dialect).filter(
    ({ stream: streamed, features }) => streamed && !features.some((feature) => feature.startsWith("error")),
  )
  return sampled(
    sound.filter((recording) => answerBytes(recording).length < 13_000),
    4,
  )
})
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** Whether the frames hold a reason why the vendor stopped: then a clean end is a finished answer. */
function stopped(frames: readonly Frame[]): boolean {
  return frames.map(jsonOf).some((json) => {
    const reasons = [
      at(json, "choices", 0, "finish_reason"),
      at(json, "delta", "stop_reason"),
      at(json, "message", "stop_reason"),
    ]
    return reasons.some((reason) => typeof reason === "string" && reason !== "")
  })
}

/** The ends that a stream may have after these frames. A reset may overtake what was sent before it. */
function expectedEnds(
  dialect: Dialect,
  frames: readonly Frame[],
  how: "clean" | "reset",
): readonly (readonly string[])[] {
  const own = terminalsOf(dialect, textOf(frames))
  const failed = [FAILURE_TERMINAL[dialect]]
  if (how === "reset") return own.length > 0 ? [own, failed] : [failed]
  return own.length > 0 ? [own] : stopped(frames) ? [[]] : [failed]
}

function textOf(frames: readonly Frame[]): string {
  return frames.map(({ text }) => text).join("")
}

async function cutAfter(
  recording: Recording,
  frames: readonly Frame[],
  count: number,
  how: "clean" | "reset",
): Promise<void> {
  const { dialect } = recording
  const marker = `cut <${recording.name} ${count} ${how}>`
  const sent = frames.slice(0, count)
  const steps = sent.map(({ text }) => text)
  upstream.plan(marker, stream(how === "clean" ? steps : [...steps, { end: "reset" }]))
  const answer = await gateway.call(dialect, SAMPLES[dialect].request({ stream: true, text: marker }))
  const allowed = expectedEnds(dialect, sent, how)
  const rows = gateway.records.usage(answer.requestId)
  expect(rows).toHaveLength(1)
  if (answer.status !== 200) {
    // Before the first content the failure is still an answer of its own.
    expect(allowed).toContainEqual([FAILURE_TERMINAL[dialect]])
    expectError(answer, dialect, 502, "upstream-failed")
    return
  }
  const ends = terminalsOf(dialect, answer.text)
  expect(allowed).toContainEqual(ends)
  const failed = ends[0] === FAILURE_TERMINAL[dialect]
  expect({ marker, status: rows[0]?.status }).toEqual({ marker, status: failed ? 502 : 200 })
  const passed = failed ? textOf(framesOf(answer.text).slice(0, -1)) : answer.text
  if (how === "clean") expect(passed).toBe(textOf(sent))
  else expect(textOf(sent)).toStartWith(passed)
}

describe.skipIf(RECORDINGS_MISSING)("a stream that is cut after any event", () => {
  test.each(STREAMS.map((recording) => [recording.name, recording] as const))(
    "has one end and one row: %s",
    async (_, recording) => {
      const frames = framesOf(answerBytes(recording).toString())
      const step = Math.ceil(frames.length / CUTS)
      const counts = frames.map((__, index) => index).filter((index) => index % step === 0 || index > frames.length - 4)
      await Promise.all(
        [...counts, frames.length].flatMap((count) =>
          (["clean", "reset"] as const).map((how) => cutAfter(recording, frames, count, how)),
        ),
      )
    },
  )
})
