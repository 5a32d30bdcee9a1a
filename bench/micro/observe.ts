/** `bun bench/micro/observe.ts`: judging and metering one delta of a stream. */
import type { DialectName } from "../../src/dialects/name.ts"
import { NO_REQUEST_FACTS } from "../../src/dialects/dialect.ts"
import { DIALECTS } from "../../src/dialects/registry.ts"
import { compare } from "./timing.ts"

const RUNS = 20_000
const encoder = new TextEncoder()
const SHORT = " thread"
const LONG = " the quick brown fox jumps over the lazy dog and runs away,".repeat(3).slice(0, 160)

const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`
const FRAMES: Readonly<Record<DialectName, (text: string) => string>> = {
  "openai-chat": (content) =>
    event({
      id: "chatcmpl-9f3a",
      object: "chat.completion.chunk",
      created: 1_780_000_000,
      model: "bench-large",
      choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }],
      usage: null,
    }),
  "openai-responses": (delta) =>
    `event: response.output_text.delta\n${event({
      type: "response.output_text.delta",
      sequence_number: 12,
      item_id: "msg_68a1b2c3d4e5f60718293a4b5c6d7e8f",
      output_index: 0,
      content_index: 0,
      delta,
    })}`,
  anthropic: (text) =>
    `event: content_block_delta\n${event({
      type: "content_block_delta",
      index: 0,
      delta: { type: "text_delta", text },
    })}`,
}

for (const [name, frameOf] of Object.entries(FRAMES) as [DialectName, (text: string) => string][]) {
  const runs = [SHORT, LONG].map((text) => {
    const bytes = encoder.encode(frameOf(text))
    const observer = DIALECTS[name].createObserver({ ...NO_REQUEST_FACTS, stream: true })
    observer.frame(bytes, 0, bytes.length)
    return [`a delta of ${text.length} characters`, () => observer.frame(bytes, 0, bytes.length)] as const
  })
  compare(name, RUNS, Object.fromEntries(runs))
}
