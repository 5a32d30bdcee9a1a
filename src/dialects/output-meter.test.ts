/** Output is told from the text that was delivered, however it is cut into frames and whatever stands around it. */
import { describe, expect, test } from "bun:test"
import { metered } from "../../test/helpers/metered.ts"
import { RECORDINGS_MISSING, allRecordingsOf } from "../../test/helpers/recordings.ts"
import { DIALECTS as SHORT_NAMES, SAMPLES, type Dialect as ShortName } from "../../test/helpers/samples.ts"
import { NO_REQUEST_FACTS } from "./dialect.ts"
import type { DialectName } from "./name.ts"
import { type OutputMeter, replyMeter } from "./output-meter.ts"
import { DIALECTS } from "./registry.ts"

const NAMES: Readonly<Record<ShortName, DialectName>> = {
  chat: "openai-chat",
  responses: "openai-responses",
  messages: "anthropic",
}

/** Counted with o200k_base. */
const PROSE = {
  text: "The harbour was quiet when the first boats came back, their lamps still burning although the sun had been up for an hour. Nobody on the quay asked how the night had gone; one look at the empty crates was answer enough, and the women who had come with their carts turned round without a word.",
  tokens: 61,
}
const CODE = {
  text: "for (const [key, list] of bySubject) {\n  if (list.length === 0) continue\n  total += list.reduce((sum, one) => sum + one.tokens, 0)\n}\n",
  tokens: 44,
}
const CHINESE = { text: "春天来了，公园里的花都开了。孩子们在草地上奔跑，老人们坐在长椅上聊天。", tokens: 31 }

function meterOf(name: DialectName, frames: readonly string[]): OutputMeter {
  const observer = DIALECTS[name].createObserver({ ...NO_REQUEST_FACTS, stream: true })
  for (const frame of frames) {
    const bytes = Buffer.from(frame)
    observer.frame(bytes, 0, bytes.length)
  }
  return observer.meter
}

function cut(text: string, characters: number): readonly string[] {
  const pieces: string[] = []
  for (let at = 0; at < text.length; at += characters) pieces.push(text.slice(at, at + characters))
  return pieces
}

function expectAbout(tokens: number, expected: number): void {
  expect(Math.abs(tokens - expected) / expected).toBeLessThan(0.2)
}

describe.each([...SHORT_NAMES])("%s", (short) => {
  const name = NAMES[short]
  const { scale } = DIALECTS[name].tokens

  test.skipIf(RECORDINGS_MISSING)("what vendors have reported of the text that they sent is met within a tenth", () => {
    const compared = allRecordingsOf(short)
      .filter(({ sse }) => typeof sse === "string")
      .flatMap((recording) => metered(recording, DIALECTS[name]) ?? [])
      .filter(({ isPlain }) => isPlain)
    const sum = (of: "metered" | "reported"): number => compared.reduce((total, one) => total + one[of], 0)
    expect(compared.length).toBeGreaterThan(9)
    expect(Math.abs(sum("metered") - sum("reported")) / sum("reported")).toBeLessThan(0.1)
  })

  for (const characters of [40, 120, 200, 4000])
    test(`frames of ${characters} characters are told by what stands in them`, () => {
      for (const { text, tokens } of [PROSE, CODE, CHINESE]) {
        const long = text.repeat(20)
        expectAbout(meterOf(name, SAMPLES[short].frames(cut(long, characters))).tokens, tokens * 20 * scale)
      }
    })

  test("frames of a token each are counted, whatever their words are", () => {
    const words = Array.from({ length: 300 }, (_, index) => (index % 3 === 0 ? " understandably" : " a"))
    const { tokens } = meterOf(name, SAMPLES[short].frames(words))
    expect(tokens).toBeGreaterThanOrEqual(300)
    expect(tokens).toBeLessThan(300 * scale * 1.3)
  })

  test("a first frame of many words is corrected by none that follows, and blanks are no text", () => {
    const first = meterOf(name, SAMPLES[short].frames([PROSE.text])).tokens
    expectAbout(first, PROSE.tokens * scale)
    const more = meterOf(name, SAMPLES[short].frames([PROSE.text, ...Array.from({ length: 10 }, () => " ".repeat(80))]))
    expect(more.tokens - first).toBeLessThan(12)
  })
})

const chunk = (choice: object, more: object = {}): string =>
  `data: ${JSON.stringify({ id: "c", choices: [{ index: 0, finish_reason: null, ...choice }], ...more })}\n\n`
const first = chunk({ delta: { role: "assistant", content: "Well" } })

describe("what is no text of the model", () => {
  const plain = meterOf("openai-chat", [first, chunk({ delta: { content: PROSE.text } })]).tokens

  test("padding and marks around a delta", () => {
    const padded = chunk({ delta: { content: PROSE.text } }, { obfuscation: "x9Kq".repeat(200), service_tier: "flex" })
    expect(meterOf("openai-chat", [first, padded]).tokens).toBe(plain)
  })

  test("the same reasoning under a second name", () => {
    const once = chunk({ delta: { reasoning: PROSE.text } })
    const details = [{ type: "reasoning.text", text: PROSE.text, format: "unknown", index: 0 }]
    const twice = chunk({
      delta: { reasoning: PROSE.text, reasoning_content: PROSE.text, reasoning_details: details },
    })
    expect(meterOf("openai-chat", [first, twice]).tokens).toBe(meterOf("openai-chat", [first, once]).tokens)
  })

  test("signatures, and results of tools that the provider runs", () => {
    const event = (type: string, data: object): string =>
      `event: ${type}\ndata: ${JSON.stringify({ type, index: 0, ...data })}\n\n`
    const text = event("content_block_delta", { delta: { type: "text_delta", text: PROSE.text } })
    const sealed = event("content_block_delta", { delta: { type: "signature_delta", signature: "Eq9".repeat(400) } })
    const found = event("content_block_start", {
      content_block: { type: "web_search_tool_result", content: [{ type: "web_search_result", title: PROSE.text }] },
    })
    expect(meterOf("anthropic", [text, sealed, found]).tokens).toBe(meterOf("anthropic", [text]).tokens)
  })
})

test("arguments of tools count as they come, and each call takes some tokens of its own", () => {
  const call = (name: string | undefined, words: string): string =>
    chunk({
      delta: { tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name, arguments: words } }] },
    })
  const none = meterOf("openai-chat", [call("look_up", "")]).tokens
  expect(none).toBe(DIALECTS["openai-chat"].tokens.callTokens)
  const words = cut(JSON.stringify({ query: PROSE.text }), 80).map((piece) => call(undefined, piece))
  expectAbout(meterOf("openai-chat", [call("look_up", ""), ...words]).tokens - none, PROSE.tokens + 5)
})

test("a frame of a form that is not known counts by its length", () => {
  const strange = `data: {"choices":[{"index":0,"message":{"content":${JSON.stringify(PROSE.text.repeat(10))}}}]}\n\n`
  expect(meterOf("openai-chat", [first, strange]).tokens).toBeGreaterThan(PROSE.tokens * 8)
})

test("a whole answer without usage is told by its text, not by its marks", () => {
  const bodies: readonly (readonly [DialectName, object])[] = [
    [
      "openai-chat",
      { id: "x".repeat(400), choices: [{ index: 0, message: { role: "assistant", content: PROSE.text } }] },
    ],
    [
      "openai-responses",
      {
        output: [{ type: "message", content: [{ type: "output_text", text: PROSE.text }] }],
        tools: [{ name: "x".repeat(900) }],
      },
    ],
    ["anthropic", { type: "message", content: [{ type: "text", text: PROSE.text }] }],
  ]
  for (const [name, body] of bodies) {
    const none = { kind: "answer", usage: null, stopReason: null, serviceTier: null } as const
    const meter = replyMeter(Buffer.from(JSON.stringify(body)), none, DIALECTS[name])
    expectAbout(meter?.tokens ?? 0, PROSE.tokens * DIALECTS[name].tokens.scale)
  }
})
