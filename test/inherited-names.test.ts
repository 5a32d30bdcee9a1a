/**
 * Members, types and words that are named as every object's inherited members are (`constructor`, `__proto__`, …) are
 * ordinary: whatever a client or an upstream calls by them, no part of the router takes an inherited member for its own.
 */
import { describe, expect, test } from "bun:test"
import { parseExact } from "../src/canonical/json.ts"
import { NO_REQUEST_FACTS } from "../src/dialects/dialect.ts"
import { DIALECTS as REGISTRY } from "../src/dialects/registry.ts"
import { hostedToolsIn } from "../src/dialects/usage-words.ts"
import { RouterError } from "../src/errors.ts"
import { scanObject } from "../src/json/scan.ts"
import { goldenCases, type GoldenCase } from "./goldens/cases.ts"
import { writtenReply, writtenRequest, writtenStream } from "./goldens/translate.ts"
import { conversation } from "./helpers/conversation.ts"
import { drawnBy, sampled, SEED, WHOLE } from "./helpers/sample.ts"
import { ALL_SAMPLES, type Dialect } from "./helpers/samples.ts"
import { framesOf } from "./helpers/streams.ts"
import { ALL_PAIRS } from "./helpers/translating.ts"

const NAMES = Object.getOwnPropertyNames(Object.prototype)
const CONFIG_NAMES = { chat: "openai-chat", responses: "openai-responses", messages: "anthropic" } as const
const REQUESTS = 600
/** A stream takes as long as many requests. */
const STREAMS = 60
/** A whole run draws so many times more; all cases would take an hour. */
const MORE = WHOLE ? 4 : 1
const REPLACED = "a-name-to-replace"

/** Every text of a value in turn, and every object with a further member in turn; each as JSON with `REPLACED` in it. */
function changedIn(value: unknown): readonly string[] {
  const changes: string[] = []
  const walk = (part: unknown, put: (changed: unknown) => unknown): void => {
    if (typeof part === "string") changes.push(JSON.stringify(put(REPLACED)))
    else if (Array.isArray(part))
      part.forEach((entry, index) => walk(entry, (changed) => put(part.with(index, changed))))
    else if (typeof part === "object" && part !== null) {
      for (const further of [{ polluted: true, type: "text", text: "x" }, "polluted"])
        changes.push(JSON.stringify(put({ ...part, [REPLACED]: further })))
      for (const [key, member] of Object.entries(part)) walk(member, (changed) => put({ ...part, [key]: changed }))
    }
  }
  walk(value, (changed) => changed)
  return changes
}

function drawn<Case>(cases: readonly Case[], count: number): readonly Case[] {
  return drawnBy(SEED, cases, MORE * count)
}

function withNames(changes: readonly string[]): readonly string[] {
  return NAMES.flatMap((name) => changes.map((text) => text.replace(REPLACED, name)))
}

function expectUnpolluted(): void {
  expect(Reflect.get({}, "polluted")).toBeUndefined()
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(NAMES)
}

/** Whatever comes of it, it is a decision: no mistake of the program. */
function decided(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch (error) {
    if (error instanceof RouterError) return error.status < 500
    // that is how the helpers tell an upstream's failure
    return error instanceof Error && error.constructor === Error
  }
}

const CASES = goldenCases()

function casesOf(kind: GoldenCase["kind"], most: number): readonly GoldenCase[] {
  return drawn(
    CASES.filter((one) => one.kind === kind),
    most,
  )
}

describe("a request is read and written", () => {
  test.each(casesOf("requests", 6).map((one) => [`${one.name} ${one.from} ${one.to}`, one] as const))(
    "%s",
    (_, one) => {
      const failed = withNames(changedIn(one.fixture["body"])).filter(
        (text) => !decided(() => writtenRequest(parseExact(text), one)),
      )
      expect(failed).toEqual([])
      expectUnpolluted()
    },
  )

  test.each(sampled(ALL_PAIRS, 3))("%s for %s, a conversation with tools", (from, to) => {
    const failed = drawn(withNames(changedIn(conversation(from, "hello"))), REQUESTS).filter(
      (text) => !decided(() => writtenRequest(parseExact(text), { from, to })),
    )
    expect(failed).toEqual([])
    expectUnpolluted()
  })

  test.each(sampled(ALL_SAMPLES, 1).map(({ dialect }) => dialect))("%s: what routing reads of it", (dialect) => {
    const reading = REGISTRY[CONFIG_NAMES[dialect]]
    const failed = withNames(changedIn(conversation(dialect, "hello"))).filter(
      (text) =>
        !decided(() => {
          const body = scanObject(Buffer.from(text), 512)
          const shape = reading.shapeOf(body)
          const { toolCount, imageCount, toolChoice, reasoning, structuredOutput } = shape
          return [
            reading.peek(body),
            toolCount,
            imageCount,
            toolChoice,
            reasoning,
            structuredOutput,
            reading.stored.mayHold(body),
          ]
        }),
    )
    expect(failed).toEqual([])
  })
})

describe("an answer is read and written", () => {
  test.each(casesOf("replies", 6).map((one) => [`${one.name} ${one.from} ${one.to}`, one] as const))("%s", (_, one) => {
    const failed = withNames(changedIn(one.fixture["body"])).filter(
      (text) =>
        !decided(() => writtenReply(parseExact(text), one)) ||
        !decided(() => REGISTRY[CONFIG_NAMES[one.from]].judgeReply(Buffer.from(text))) ||
        !decided(() => REGISTRY[CONFIG_NAMES[one.from]].readFault(Buffer.from(text))),
    )
    expect(failed).toEqual([])
    expectUnpolluted()
  })

  test.each(casesOf("streams", 4).map((one) => [`${one.name} ${one.from} ${one.to}`, one] as const))(
    "%s, streamed",
    (_, one) => {
      const frames = one.fixture["stream"] as readonly string[]
      const streams = frames.flatMap((frame, at) =>
        spoiltFrames(frame).map((spoilt) => frames.with(at, spoilt).join("")),
      )
      const failed = drawn(streams, STREAMS).filter(
        (text) => !decided(() => writtenStream(text, one)) || !decided(() => observed(text, one.from)),
      )
      expect(failed).toEqual([])
      expectUnpolluted()
    },
  )
})

/** One frame with each change of its data; the name of its event follows its type. */
function spoiltFrames(frame: string): readonly string[] {
  const data = /^data: (\{.*\})$/m.exec(frame)?.[1]
  if (data === undefined) return []
  return withNames(changedIn(JSON.parse(data))).map((text) => {
    const { type } = JSON.parse(text) as { readonly type?: unknown }
    return `${typeof type === "string" ? `event: ${type}\n` : ""}data: ${text}\n\n`
  })
}

function observed(text: string, dialect: Dialect): void {
  const observer = REGISTRY[CONFIG_NAMES[dialect]].createObserver({ ...NO_REQUEST_FACTS, stream: true })
  for (const frame of framesOf(text)) {
    const bytes = Buffer.from(frame.text)
    observer.frame(bytes, 0, bytes.length)
  }
  observer.facts()
}

test("tools that an upstream counts under such names are counted", () => {
  const counts = hostedToolsIn(JSON.parse('{"constructor":2,"__proto__":3,"toString_calls":4}'))
  expect(Object.entries(counts ?? {})).toEqual([
    ["constructor", 2],
    ["__proto__", 3],
    ["toString", 4],
  ])
})
