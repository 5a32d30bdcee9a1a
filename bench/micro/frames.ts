/** `bun bench/micro/frames.ts`: cutting a stream's chunks into frames. */
import { FrameSplitter } from "../../src/sse/frames.ts"
import { compare } from "./timing.ts"

const RUNS = 20_000
const MAX_FRAME_BYTES = 8_388_608
const encoder = new TextEncoder()

const event = `data: ${JSON.stringify({
  id: "chatcmpl-9f3a",
  object: "chat.completion.chunk",
  created: 1_780_000_000,
  model: "bench-large",
  choices: [{ index: 0, delta: { content: " thread" }, logprobs: null, finish_reason: null }],
  usage: null,
})}\n\n`
const one = encoder.encode(event)
const eight = encoder.encode(event.repeat(8))
const [firstHalf, secondHalf] = [one.subarray(0, one.length >> 1), one.subarray(one.length >> 1)]

compare(`an event of ${one.length} bytes`, RUNS, {
  "one event a chunk": () => framesOf(one),
  "eight events a chunk": () => framesOf(eight),
  "one event in two chunks": () => framesOf(firstHalf, secondHalf),
})

function framesOf(...chunks: readonly Uint8Array[]): number {
  const splitter = new FrameSplitter(MAX_FRAME_BYTES)
  let frames = 0
  for (const chunk of chunks) {
    splitter.push(chunk)
    while (splitter.next()) frames++
  }
  return frames
}
