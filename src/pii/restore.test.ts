import { expect, test } from "bun:test"
import fc from "fast-check"
import { expectProperty } from "../../test/helpers/property.ts"
import { expectLinear } from "../../test/helpers/linear.ts"
import { at } from "../../test/helpers/streams.ts"
import type { DialectName } from "../dialects/name.ts"
import { readFields } from "../sse/fields.ts"
import { FrameSplitter } from "../sse/frames.ts"
import { Placeholders } from "./placeholders.ts"
import { restoreAnswer } from "./restore-answer.ts"
import { restoreStream, StreamRestorer } from "./restore-stream.ts"
import { restoreText, type TextForm } from "./restore.ts"

const placeholders = new Placeholders("key")
const VALUES = ["jane@example.com", "+49 170 1234567", 'O"Neil\\n', "Zoë\n💡", "[EMAIL_"]
const OF_VALUES = VALUES.map((value, index) =>
  placeholders.of(["EMAIL", "PHONE", "NAME", "NAME", "ODD"][index] ?? "", value),
)
const ORIGINALS = placeholders.values
const LONGEST = Math.max(...OF_VALUES.map(({ length }) => length))

/** Texts of placeholders, their beginnings, and what looks like them. */
const piece = fc.oneof(
  fc.constantFrom(
    ...OF_VALUES,
    "[",
    "]",
    "[[",
    "[EMAIL_",
    "[EMAIL_BCDFGHJKLM]",
    "[PHONE",
    "é",
    "💡",
    " ",
    "\n",
    '"',
    "\\",
  ),
  fc.string({ unit: "grapheme", maxLength: 5 }),
  fc.tuple(fc.constantFrom(...OF_VALUES), fc.nat(LONGEST)).map(([placeholder, length]) => placeholder.slice(0, length)),
)
const wholeText = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""))
const cuts = fc.array(fc.nat(200), { maxLength: 12 })

/** As an upstream sends it: never cut inside of a character. */
function cutAt(whole: string, places: readonly number[]): readonly string[] {
  const characters = Array.from(whole)
  const sorted = [...new Set(places.map((place) => place % (characters.length + 1)))].toSorted((a, b) => a - b)
  return [0, ...sorted].map((from, index) => characters.slice(from, sorted[index] ?? characters.length).join(""))
}

interface Kind {
  readonly dialect: DialectName
  readonly form: TextForm
  /** Events that stand before, one for a piece, and those behind. */
  readonly frames: (pieces: readonly string[]) => readonly string[]
  /** The text that a client puts together; undefined: the event adds nothing to it. */
  readonly added: (event: Record<string, unknown>) => unknown
}

const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
const named = (value: { readonly type: string }): string => `event: ${value.type}\n${data(value)}`
const asText = (value: unknown): string => (typeof value === "string" ? value : "")

function chunk(delta: unknown, finish: string | null = null): string {
  return data({
    id: "c",
    object: "chat.completion.chunk",
    created: 1,
    model: "m",
    choices: [{ index: 0, delta, finish_reason: finish }],
  })
}

const chat = (member: (text: string) => unknown, path: readonly (string | number)[], form: TextForm): Kind => ({
  dialect: "openai-chat",
  form,
  frames: (pieces) => [
    chunk({ role: "assistant", content: null }),
    ...pieces.map((one) => chunk(member(one))),
    chunk({}, "stop"),
    "data: [DONE]\n\n",
  ],
  added: (event) => at(event, "choices", 0, "delta", ...path),
})

const responses = (name: string, form: TextForm): Kind => ({
  dialect: "openai-responses",
  form,
  frames: (pieces) => {
    const place = { output_index: 0, content_index: 0, item_id: "i" }
    return [
      named({ type: "response.created" }),
      ...pieces.map((delta, number) =>
        named({ type: `response.${name}.delta`, ...place, sequence_number: number, delta } as {
          readonly type: string
        }),
      ),
      named({ type: `response.${name}.done`, ...place }),
      named({ type: "response.completed" }),
    ]
  },
  added: (event) => (event["type"] === `response.${name}.delta` ? event["delta"] : undefined),
})

const messages = (type: string, member: string, form: TextForm): Kind => ({
  dialect: "anthropic",
  form,
  frames: (pieces) => [
    named({ type: "message_start" }),
    ...pieces.map((one) =>
      named({ type: "content_block_delta", index: 0, delta: { type, [member]: one } } as { readonly type: string }),
    ),
    named({ type: "content_block_stop", index: 0 } as { readonly type: string }),
    named({ type: "message_stop" }),
  ],
  added: (event) => at(event, "delta", member),
})

const KINDS: readonly (readonly [name: string, kind: Kind])[] = [
  ["chat text", chat((content) => ({ content }), ["content"], "text")],
  ["chat refusal", chat((refusal) => ({ refusal }), ["refusal"], "text")],
  [
    "chat arguments",
    chat(
      (text) => ({ tool_calls: [{ index: 0, function: { arguments: text } }] }),
      ["tool_calls", 0, "function", "arguments"],
      "json",
    ),
  ],
  [
    "chat custom input",
    chat((input) => ({ tool_calls: [{ index: 0, custom: { input } }] }), ["tool_calls", 0, "custom", "input"], "text"),
  ],
  [
    "chat function call",
    chat((text) => ({ function_call: { arguments: text } }), ["function_call", "arguments"], "json"),
  ],
  ["responses text", responses("output_text", "text")],
  ["responses arguments", responses("function_call_arguments", "json")],
  ["responses custom input", responses("custom_tool_call_input", "text")],
  ["messages text", messages("text_delta", "text", "text")],
  ["messages arguments", messages("input_json_delta", "partial_json", "json")],
]

function eventsOf(stream: Uint8Array | string): readonly Record<string, unknown>[] {
  const splitter = new FrameSplitter(Infinity)
  splitter.push(Buffer.from(stream))
  const events: Record<string, unknown>[] = []
  while (splitter.next()) {
    const { data: text } = readFields(splitter.bytes, splitter.start, splitter.end)
    if (text !== null && text !== "[DONE]") events.push(JSON.parse(text) as Record<string, unknown>)
  }
  return events
}

function textOf(stream: Uint8Array | string, { added }: Kind): string {
  return eventsOf(stream)
    .map((event) => asText(added(event)))
    .join("")
}

test.each(KINDS)("%s: however it is cut, the restored stream is the restored whole", (_name, kind) => {
  expectProperty(
    fc.property(wholeText, cuts, (whole, places) => {
      const restored = restoreStream(Buffer.from(kind.frames(cutAt(whole, places)).join("")), kind.dialect, ORIGINALS)
      expect(textOf(restored, kind)).toBe(restoreText(whole, kind.form, ORIGINALS))
    }),
    300,
  )
})

test.each(KINDS)("%s: a text waits for no more than a placeholder's length, and no event waits", (_name, kind) => {
  expectProperty(
    fc.property(wholeText, cuts, (whole, places) => {
      const restorer = new StreamRestorer(kind.dialect, ORIGINALS)
      let came = ""
      for (const frame of kind.frames(cutAt(whole, places))) {
        const left = restorer.frame(Buffer.from(frame))
        const [own] = eventsOf(frame)
        const sent = eventsOf(left)
        // the event itself leaves at once, last
        if (own !== undefined) expect(sent.at(-1)?.["type"]).toBe(own["type"])
        came += textOf(frame, kind)
        const held = [...restorer.held.values()]
          .flatMap((texts) => [...texts.values()].map(({ text: waiting }) => waiting))
          .join("")
        expect(held.length).toBeLessThan(LONGEST)
        expect(came.endsWith(held)).toBe(true)
      }
      expect(restorer.held.size).toBe(0)
    }),
    300,
  )
})

test.each(KINDS)("%s: a stream without placeholders keeps its bytes", (_name, kind) => {
  const frames = kind.frames(["a [b", "] \\u0041", " 💡 [EMAIL", "S]"])
  expect(textOf(frames.join(""), kind)).toBe("a [b] \\u0041 💡 [EMAILS]")
  expect(textOf(restoreStream(Buffer.from(frames.join("")), kind.dialect, ORIGINALS), kind)).toBe(
    "a [b] \\u0041 💡 [EMAILS]",
  )
  const plain = kind.frames(["a [b", "] c"]).join("")
  expect(Buffer.from(restoreStream(Buffer.from(plain), kind.dialect, ORIGINALS)).toString()).toBe(plain)
})

test("several texts of a stream wait apart, and end where they end", () => {
  const [email = "", phone = ""] = OF_VALUES
  const choice = (index: number, delta: object, finish: string | null = null): string =>
    data({ id: "c", choices: [{ index, delta, finish_reason: finish }] })
  const stream = [
    choice(0, { content: email.slice(0, 5) }),
    choice(1, { content: phone.slice(0, 3) }),
    choice(0, { content: email.slice(5) }),
    choice(1, { content: phone.slice(3) }, "stop"),
    choice(0, { content: "[EM" }),
    choice(0, {}, "stop"),
    "data: [DONE]\n\n",
  ].join("")
  const texts = ["", ""]
  for (const event of eventsOf(restoreStream(Buffer.from(stream), "openai-chat", ORIGINALS)))
    texts[Number(at(event, "choices", 0, "index"))] += asText(at(event, "choices", 0, "delta", "content"))
  expect(texts).toEqual([`${VALUES[0]}[EM`, VALUES[1]!])
})

test("a stream that breaks off says what it held, before its error", () => {
  const stream = [chunk({ content: "see [EMAIL" }), data({ error: { message: "broken" } })].join("")
  const events = eventsOf(restoreStream(Buffer.from(stream), "openai-chat", ORIGINALS))
  expect(events.map((event) => at(event, "choices", 0, "delta", "content") ?? at(event, "error", "message"))).toEqual([
    "see ",
    "[EMAIL",
    "broken",
  ])
})

const [EMAIL = "", , QUOTED = ""] = OF_VALUES
const ANSWERS: Readonly<Record<DialectName, (text: string, args: string, input: unknown) => object>> = {
  "openai-chat": (said, args) => ({
    id: EMAIL,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: said,
          tool_calls: [{ id: EMAIL, function: { name: "f", arguments: args } }],
        },
      },
    ],
  }),
  "openai-responses": (said, args) => ({
    id: EMAIL,
    output: [
      { type: "message", role: "assistant", content: [{ type: "output_text", text: said }] },
      { type: "function_call", call_id: EMAIL, name: "f", arguments: args },
    ],
  }),
  anthropic: (said, _args, input) => ({
    id: EMAIL,
    content: [
      { type: "text", text: said },
      { type: "tool_use", id: EMAIL, name: "f", input },
    ],
  }),
}

test.each(Object.entries(ANSWERS) as [DialectName, (typeof ANSWERS)[DialectName]][])(
  "a whole answer in %s has its originals back, and nothing else changes",
  (dialect, made) => {
    const bytes = Buffer.from(
      JSON.stringify(made(`Hi ${EMAIL}`, `{"to":"${QUOTED}"}`, { to: QUOTED, [EMAIL]: 1 }), null, 1),
    )
    const restored = JSON.parse(Buffer.from(restoreAnswer(bytes, dialect, ORIGINALS)).toString()) as unknown
    expect(restored).toEqual(
      made(`Hi ${VALUES[0]}`, JSON.stringify({ to: VALUES[2] }), { to: VALUES[2], [VALUES[0]!]: 1 }),
    )
    const plain = Buffer.from(JSON.stringify(made("Hi", "{}", {}), null, 1))
    expect(restoreAnswer(plain, dialect, ORIGINALS)).toBe(plain)
  },
)

test("reasoning keeps its placeholders, so that its signature holds", () => {
  const answer = {
    content: [
      { type: "thinking", thinking: EMAIL, signature: "s" },
      { type: "text", text: EMAIL },
    ],
  }
  const restored = JSON.parse(
    Buffer.from(restoreAnswer(Buffer.from(JSON.stringify(answer)), "anthropic", ORIGINALS)).toString(),
  ) as unknown
  expect(restored).toEqual({
    content: [
      { type: "thinking", thinking: EMAIL, signature: "s" },
      { type: "text", text: VALUES[0] },
    ],
  })
})

const HOSTILE: Readonly<Record<string, (count: number) => Iterable<string>>> = {
  "choices that each hold a beginning": (count) =>
    Array.from({ length: count }, (_, index) => data({ choices: [{ index, delta: { content: "[" } }] })),
  "choices that each end": (count) => [
    data({
      choices: Array.from({ length: count }, (_, index) => ({ index, delta: { content: "[" }, finish_reason: "stop" })),
    }),
  ],
}

for (const [what, frames] of Object.entries(HOSTILE))
  test(`the work on a stream is in proportion to it: ${what}`, () => {
    expectLinear(
      (count) => {
        const events = [...frames(count)].map((text) => Buffer.from(text))
        return () => {
          const restorer = new StreamRestorer("openai-chat", ORIGINALS)
          for (const event of events) restorer.frame(event)
        }
      },
      2000,
      Infinity,
    )
  })

test("the work on an event hardly grows with the number of originals", () => {
  const letters = "BCDFGHJKLM"
  const name = (index: number): string =>
    String(index)
      .padStart(10, "0")
      .replaceAll(/\d/g, (digit) => letters[Number(digit)]!)
  const event = Buffer.from(data({ choices: [{ index: 0, delta: { content: "[EMAIL_Z" } }] }))
  expectLinear(
    (count) => {
      const originals = new Map(Array.from({ length: count }, (_, index) => [`[EMAIL_${name(index)}]`, "a@b.de"]))
      return () => {
        const restorer = new StreamRestorer("openai-chat", originals)
        for (let turn = 0; turn < count; turn++) restorer.frame(event)
      }
    },
    1000,
    Infinity,
  )
})
