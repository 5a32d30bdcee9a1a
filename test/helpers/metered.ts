/** The output of a recorded stream, as the router tells it from the frames, beside what its vendor reported. */
import { type Dialect, NO_REQUEST_FACTS } from "../../src/dialects/dialect.ts"
import { FrameSplitter } from "../../src/sse/frames.ts"
import { answerBytes, type Recording } from "./recordings.ts"

/** Features of recordings whose vendors bill for what they do not send, or send what they do not bill for. */
const UNLIKE: ReadonlySet<string> = new Set([
  // what other models wrote, and files that were made beside the stream
  "server_tool:advisor",
  "server_tool:bash_code_execution",
  // of several models
  "fallback",
  "redacted_thinking",
  // another text than the reasoning that is billed
  "reasoning_summary",
  "refusal",
])
/** OpenAI and its like do not send what the model asks of their own tools, or send what these found as if it had written that. */
const UNLIKE_OPENAI: ReadonlySet<string> = new Set(["server_tool", "compaction"])

export interface Metered {
  readonly name: string
  /** The vendor bills for the text that was sent, and for nothing else. */
  readonly isPlain: boolean
  readonly metered: number
  readonly reported: number
}

/** Null: the vendor reported nothing, or tokens of something that was not sent. */
export function metered(recording: Recording, dialect: Dialect): Metered | null {
  const observer = dialect.createObserver({ ...NO_REQUEST_FACTS, stream: true })
  const splitter = new FrameSplitter(Infinity)
  splitter.push(answerBytes(recording))
  while (splitter.next()) observer.frame(splitter.bytes, splitter.start, splitter.end)
  const { usage } = observer.facts()
  if (usage === null || usage.unreported === "output") return null
  const reported = observer.meter.comparable(usage)
  if (reported === null || reported === 0) return null
  const { features } = recording
  const isOpenAi = recording.dialect !== "messages"
  const isPlain = !features.some((feature) => UNLIKE.has(feature) || (isOpenAi && UNLIKE_OPENAI.has(feature)))
  return { name: recording.name, isPlain, metered: observer.meter.tokens, reported }
}
