/** A far end that behaves: it answers each request in the dialect of its path, unary or streamed as asked. */
import { reply, stream } from "./behaviours.ts"
import type { Behaviour, UpstreamRequest } from "./fake-upstream.ts"
import { bodyText } from "./fake-upstream.ts"
import type { Sample } from "./samples.ts"
import { SAMPLES } from "./samples.ts"
import { at } from "./streams.ts"

export function sampleFor(request: UpstreamRequest): Sample {
  if (request.target.includes("/chat/completions")) return SAMPLES.chat
  return request.target.includes("/responses") ? SAMPLES.responses : SAMPLES.messages
}

/** Answers with `text`; a stream sends it word by word. */
export function vendorAnswer(text = "Hi there"): Behaviour {
  return async (exchange) => {
    const sample = sampleFor(exchange.request)
    const streamed = at(JSON.parse(bodyText(exchange.request)), "stream") === true
    await (streamed ? stream(sample.frames(wordsOf(text))) : reply(sample.unary(text)))(exchange)
  }
}

/** The bytes that `vendorAnswer(text)` sends as its body. */
export function vendorBytes(sample: Sample, streamed: boolean, text = "Hi there"): string {
  return streamed ? sample.frames(wordsOf(text)).join("") : sample.unary(text)
}

function wordsOf(text: string): readonly string[] {
  return text.match(/\S+|\s+/gu) ?? []
}
