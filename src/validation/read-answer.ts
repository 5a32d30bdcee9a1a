/** Answers of an upstream, read by the dialect of the target. */
import { createFold } from "../canonical/fold.ts"
import { checkGrammar, GrammarError } from "../canonical/grammar.ts"
import { parseExact, type JsonValue } from "../canonical/json.ts"
import type { Event } from "../canonical/event.ts"
import type { Target } from "../config/snapshot.ts"
import type { ReplyContext } from "../dialects/codec.ts"
import { FRAME, NO_REQUEST_FACTS } from "../dialects/dialect.ts"
import { CODECS, DIALECTS } from "../dialects/registry.ts"
import { readFields } from "../sse/fields.ts"
import { FrameSplitter } from "../sse/frames.ts"
import { readWhole, type UpstreamAnswer } from "../upstream/answer.ts"
import { because, BROKEN_STREAM, classifyFault, EMPTY_STREAM, MALFORMED } from "../upstream/failure.ts"
import type { Broken, Heard, StreamHeard } from "./check.ts"

export const LARGEST_ANSWER_BYTES: number = 8 << 20
const LARGEST_FRAME_BYTES = 1 << 20

/** Rejects where the answer breaks off or is too large. */
export async function readUnary(answer: UpstreamAnswer, { dialect }: Target, context: ReplyContext): Promise<Heard> {
  const bytes = await readWhole(answer, LARGEST_ANSWER_BYTES)
  const verdict = DIALECTS[dialect].judgeReply(bytes)
  if (verdict.kind === "fault") return { kind: "broken", failure: classifyFault(verdict.fault) }
  const read = CODECS[dialect].readReply(parsed(bytes), context)
  if ("failure" in read) return { kind: "broken", failure: MALFORMED }
  return { kind: "answer", reply: read.reply, usage: verdict.usage }
}

function parsed(bytes: Uint8Array): JsonValue | undefined {
  try {
    return parseExact(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}

/** `now`: milliseconds since the request was sent. Rejects where the answer breaks off. */
export async function readStream(
  answer: UpstreamAnswer,
  { dialect }: Target,
  context: ReplyContext,
  now: () => number,
): Promise<StreamHeard | Broken> {
  const reading = new StreamReading(dialect, context, now)
  for (let pieces = answer.take(); ;) {
    for (const piece of pieces) reading.push(piece)
    if (answer.complete) break
    const next = await answer.read()
    if (next === null) break
    pieces = next
  }
  return reading.end()
}

class StreamReading {
  readonly #observer
  readonly #reader
  readonly #splitter = new FrameSplitter(LARGEST_FRAME_BYTES)
  readonly #grammar = checkGrammar()
  readonly #fold = createFold()
  readonly #now: () => number
  #disorder: string | null = null
  #hasTerminal = false
  #isBehindEnd = false
  #contentFrames = 0
  #firstContentMs: number | null = null
  #frames = 0

  constructor(dialect: Target["dialect"], context: ReplyContext, now: () => number) {
    this.#observer = DIALECTS[dialect].createObserver({ ...NO_REQUEST_FACTS, stream: true })
    this.#reader = CODECS[dialect].createStreamReader(context)
    this.#now = now
  }

  push(piece: Uint8Array): void {
    this.#splitter.push(piece)
    while (this.#splitter.next()) this.#frame(this.#splitter.bytes, this.#splitter.start, this.#splitter.end)
  }

  #frame(bytes: Uint8Array, start: number, end: number): void {
    this.#frames++
    const is = this.#observer.frame(bytes, start, end)
    if ((is & FRAME.content) !== 0) {
      if (this.#hasTerminal) this.#isBehindEnd = true
      this.#contentFrames++
      this.#firstContentMs ??= this.#now()
    }
    if ((is & FRAME.terminal) !== 0) this.#hasTerminal = true
    const { event, data } = readFields(bytes, start, end)
    if (data === null) return
    for (const one of this.#reader.push(event === null ? { data } : { event, data })) this.#take(one)
  }

  #take(event: Event): void {
    try {
      this.#grammar.push(event)
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error
      this.#disorder ??= "its events do not stand in the order that the dialect has"
    }
    this.#fold.push(event)
  }

  end(): StreamHeard | Broken {
    const { fault } = this.#observer
    if (fault !== null) return { kind: "broken", failure: classifyFault(fault) }
    if (this.#frames === 0) return { kind: "broken", failure: EMPTY_STREAM }
    for (const one of this.#reader.end()) this.#take(one)
    const folded = this.#fold.result()
    if (folded === null || !("reply" in folded))
      return { kind: "broken", failure: because(BROKEN_STREAM, "stream-broken") }
    return {
      kind: "answer",
      reply: folded.reply,
      usage: this.#observer.facts().usage,
      hasTerminal: this.#hasTerminal,
      disorder: this.#isBehindEnd ? "content stands behind its end" : this.#disorder,
      firstContentMs: this.#firstContentMs,
      contentFrames: this.#contentFrames,
    }
  }
}
