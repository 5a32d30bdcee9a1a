/** Sample answers that report other usage. */
import { SAMPLES, type Dialect } from "./samples.ts"
import { at } from "./streams.ts"

type Json = Readonly<Record<string, unknown>>

export interface Reported {
  /** What the vendor reports in the end. */
  readonly usage: Json
  /** Other top-level members of the answer (of the response object, of the Chat chunks, of the message). */
  readonly more?: Json
  /** Of a stream: what was reported before; Messages: in `message_start`. */
  readonly before?: Json
}

export function unaryReporting(dialect: Dialect, { usage, more = {} }: Reported): string {
  return JSON.stringify({ ...(JSON.parse(SAMPLES[dialect].unary()) as Json), usage, ...more })
}

export function framesReporting(dialect: Dialect, reported: Reported): readonly string[] {
  return SAMPLES[dialect].frames().flatMap((frame) => REPORTS[dialect](frame, reported))
}

const REPORTS: Readonly<Record<Dialect, (frame: string, reported: Reported) => readonly string[]>> = {
  chat: (frame, { usage, more = {}, before }) => {
    if (frame.includes("[DONE]")) return [frame]
    const chunk = jsonIn(frame)
    if (chunk["usage"] === null) return [frameOf({ ...chunk, ...more, usage: before ?? null })]
    return [frameOf({ ...chunk, ...more, usage })]
  },
  responses: (frame, { usage, more = {} }) => {
    const event = jsonIn(frame)
    if (event["type"] !== "response.completed") return [frame]
    return [frameOf({ ...event, response: { ...(event["response"] as Json), ...more, usage } })]
  },
  messages: (frame, { usage, more = {}, before }) => {
    const event = jsonIn(frame)
    if (event["type"] === "message_start") {
      const first = before ?? { input_tokens: 1, output_tokens: 1 }
      return [frameOf({ ...event, message: { ...(at(event, "message") as Json), ...more, usage: first } })]
    }
    return event["type"] === "message_delta" ? [frameOf({ ...event, usage })] : [frame]
  },
}

function jsonIn(frame: string): Json {
  return JSON.parse(frame.slice(frame.indexOf("data: ") + "data: ".length)) as Json
}

function frameOf(value: Json): string {
  const type = value["type"]
  return `${typeof type === "string" ? `event: ${type}\n` : ""}data: ${JSON.stringify(value)}\n\n`
}

/** All input and all output of an answer, by the dialect that it is in. */
export function totalsOf(dialect: Dialect, usage: unknown): { readonly input: number; readonly output: number } {
  const count = (name: string): number => {
    const value = at(usage, name)
    return typeof value === "number" ? value : 0
  }
  if (dialect === "chat") return { input: count("prompt_tokens"), output: count("completion_tokens") }
  const input = count("input_tokens")
  const cached = dialect === "messages" ? count("cache_read_input_tokens") + count("cache_creation_input_tokens") : 0
  return { input: input + cached, output: count("output_tokens") }
}
