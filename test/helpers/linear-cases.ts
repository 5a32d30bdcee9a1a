/** Requests and streams that are made to take long, each of any size, and the work on them. */
import { defaultFacts, type TargetFacts } from "../../src/canonical/target.ts"
import type { JsonObject } from "../../src/canonical/json.ts"
import type { Codec, ReplyOptions, StreamReader } from "../../src/dialects/codec.ts"
import { CODECS, DIALECTS as KNOWN } from "../../src/dialects/registry.ts"
import { scanObject } from "../../src/json/scan.ts"
import { DIALECTS, SAMPLES, type Dialect } from "./samples.ts"

const times = <Part>(count: number, part: (index: number) => Part): Part[] =>
  Array.from({ length: count }, (_, at) => part(at))
const schema = (count: number): JsonObject => {
  const names = times(count, (at) => `p${at}`)
  const properties = Object.fromEntries(names.map((name) => [name, { type: "string" }]))
  return { type: "object", properties, required: names, additionalProperties: false }
}
const user = { role: "user", content: "hello" }

type Shapes = Readonly<Record<string, (count: number) => JsonObject>>

const CHAT: Shapes = {
  messages: (count) => ({
    messages: times(count, (at) => ({ role: at % 2 === 0 ? "user" : "assistant", content: "x" })),
  }),
  parts: (count) => ({ messages: [{ role: "user", content: times(count, () => ({ type: "text", text: "x" })) }] }),
  tools: (count) => ({
    messages: [user],
    tools: times(count, (at) => ({ type: "function", function: { name: `t.${at}` } })),
  }),
  properties: (count) => ({
    messages: [user],
    tools: [{ type: "function", function: { name: "t", strict: true, parameters: schema(count) } }],
  }),
  "allowed tools": (count) => ({
    messages: [user],
    tools: times(count, (at) => ({ type: "function", function: { name: `t${at}` } })),
    tool_choice: {
      type: "allowed_tools",
      allowed_tools: {
        mode: "auto",
        tools: times(count, (at) => ({ type: "function", function: { name: `t${at}` } })),
      },
    },
  }),
  calls: (count) => ({
    messages: [
      user,
      {
        role: "assistant",
        tool_calls: times(count, (at) => ({
          id: `c${at}`,
          type: "function",
          function: { name: "t", arguments: "{}" },
        })),
      },
      ...times(count, (at) => ({ role: "tool", tool_call_id: `c${count - 1 - at}`, content: "x" })),
    ],
  }),
}

const RESPONSES: Shapes = {
  items: (count) => ({ input: times(count, () => ({ ...user })) }),
  namespaces: (count) => ({
    input: "hello",
    tools: times(count, (at) => ({
      type: "namespace",
      name: `n${at}`,
      description: "some tools",
      tools: [{ type: "function", name: "t", parameters: schema(1) }],
    })),
  }),
  "allowed tools": (count) => ({
    input: "hello",
    tools: times(count, (at) => ({ type: "function", name: `t${at}`, parameters: schema(1) })),
    tool_choice: {
      type: "allowed_tools",
      mode: "auto",
      tools: times(count, (at) => ({ type: "function", name: `t${at}` })),
    },
  }),
  calls: (count) => ({
    input: [
      user,
      ...times(count, (at) => ({ type: "function_call", call_id: `c${at}`, name: "t", arguments: "{}" })),
      ...times(count, (at) => ({ type: "function_call_output", call_id: `c${count - 1 - at}`, output: "x" })),
    ],
  }),
}

const MESSAGES: Shapes = {
  messages: (count) => ({
    messages: times(count, (at) => ({ role: at % 2 === 0 ? "user" : "assistant", content: "x" })),
  }),
  blocks: (count) => ({ messages: [{ role: "user", content: times(count, () => ({ type: "text", text: "x" })) }] }),
  tools: (count) => ({ messages: [user], tools: times(count, (at) => ({ name: `t${at}`, input_schema: schema(1) })) }),
  calls: (count) => ({
    messages: [
      user,
      { role: "assistant", content: times(count, (at) => ({ type: "tool_use", id: `c${at}`, name: "t", input: {} })) },
      {
        role: "user",
        content: times(count, (at) => ({ type: "tool_result", tool_use_id: `c${count - 1 - at}`, content: "x" })),
      },
    ],
  }),
}

const SHAPES: Readonly<Record<Dialect, Shapes>> = { chat: CHAT, responses: RESPONSES, messages: MESSAGES }
type Prepare = (count: number) => () => unknown

export const REQUESTS: readonly {
  readonly dialect: Dialect
  readonly name: string
  readonly make: (count: number) => JsonObject
}[] = DIALECTS.flatMap((dialect) => Object.entries(SHAPES[dialect]).map(([name, make]) => ({ dialect, name, make })))
const codecOf = (dialect: Dialect): Codec => CODECS[SAMPLES[dialect].configName]

function factsOf(dialect: Dialect): TargetFacts {
  const facts = defaultFacts({ dialect, label: "one" }, "model")
  return { ...facts, nameRules: { ...facts.nameRules, namespaces: dialect === "responses" } }
}

let minted = 0
const mint = (prefix: string): string => `${prefix}${minted++}`

type Events = Readonly<Record<string, (count: number) => readonly string[]>>
const data = (value: JsonObject): string => `data: ${JSON.stringify(value)}\n\n`
const chunk = (delta: JsonObject): string => data({ id: "x", model: "m", choices: [{ index: 0, delta }] })

const STREAMS: Readonly<Record<Dialect, Events>> = {
  chat: {
    texts: (count) => times(count, () => chunk({ content: "word" })),
    calls: (count) =>
      times(count, (at) =>
        chunk({ tool_calls: [{ index: at, id: `c${at}`, function: { name: "t", arguments: "{}" } }] }),
      ),
    "pieces of calls, the last first": (count) =>
      times(count, (at) =>
        chunk({ tool_calls: [{ index: count - at, id: `c${at}`, function: { name: "t", arguments: "{" } }] }),
      ),
  },
  responses: {
    texts: (count) => times(count, () => data({ type: "response.output_text.delta", output_index: 0, delta: "word" })),
    "items without an index": (count) => [
      ...times(count, (at) =>
        data({
          type: "response.output_item.added",
          item: { type: "function_call", id: `f${at}`, call_id: `c${at}`, name: "t", arguments: "" },
        }),
      ),
      ...times(count, (at) => data({ type: "response.function_call_arguments.delta", item_id: `f${at}`, delta: "{}" })),
      data({
        type: "response.completed",
        response: {
          status: "completed",
          output: times(count - 1, (at) => ({
            type: "function_call",
            id: `f${at}`,
            call_id: `c${at}`,
            name: "t",
            arguments: "{}",
          })),
        },
      }),
    ],
  },
  messages: {
    texts: (count) =>
      times(count, () => data({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "word" } })),
    calls: (count) =>
      times(count, (index) =>
        data({
          type: "content_block_start",
          index,
          content_block: { type: "tool_use", id: `c${index}`, name: "t", input: {} },
        }),
      ),
  },
}

export const ANSWERS: readonly {
  readonly dialect: Dialect
  readonly name: string
  readonly make: (count: number) => readonly string[]
}[] = DIALECTS.flatMap((dialect) => Object.entries(STREAMS[dialect]).map(([name, make]) => ({ dialect, name, make })))

/** Reads a request of one dialect and writes it for another. */
export function translated(dialect: Dialect, target: Dialect, make: (count: number) => JsonObject): Prepare {
  return (count) => {
    const body = { model: "m", max_tokens: 10, ...make(count) }
    return () => codecOf(target).writeRequest(codecOf(dialect).readRequest(body).request, factsOf(target), mint)
  }
}

/** Scans a body, and tells what routing needs of it. */
export function scanned(dialect: Dialect, make: (count: number) => JsonObject): Prepare {
  const known = KNOWN[SAMPLES[dialect].configName]
  return (count) => {
    const bytes = Buffer.from(JSON.stringify({ model: "m", ...make(count) }))
    return () => {
      const body = scanObject(bytes, 512)
      known.peek(body)
      known.stored.mayHold(body)
      const shape = known.shapeOf(body)
      return [shape.messageCount, shape.textChars, shape.imageCount, shape.toolCount, shape.hostedToolCount]
    }
  }
}

/** Reads a stream of one dialect and writes it in another. */
export function streamed(dialect: Dialect, client: Dialect, make: (count: number) => readonly string[]): Prepare {
  const beginning = dialect === "messages" ? SAMPLES.messages.frames().slice(0, 1) : []
  return (count) => {
    const frames = [...beginning, ...make(count)].map((frame) => ({
      data: frame.replace(/^[\s\S]*?data: /u, "").trimEnd(),
    }))
    return () => {
      const reader = readerOf(dialect)
      const writer = codecOf(client).createStreamWriter(optionsOf(client))
      let written = 0
      for (const frame of frames) for (const event of reader.push(frame)) written += String(writer.push(event)).length
      for (const event of reader.end()) written += String(writer.push(event)).length
      return written
    }
  }
}

function readerOf(dialect: Dialect): StreamReader {
  const { context } = codecOf(dialect).writeRequest(
    codecOf(dialect).readRequest(plain(dialect)).request,
    factsOf(dialect),
    mint,
  )
  return codecOf(dialect).createStreamReader(context)
}

function optionsOf(dialect: Dialect): ReplyOptions {
  const clientBody = plain(dialect)
  const { request } = codecOf(dialect).readRequest(clientBody)
  return { request, clientBody, model: null, mint, now: () => 1, estimatedUsage: null }
}

function plain(dialect: Dialect): JsonObject {
  return JSON.parse(SAMPLES[dialect].request({ stream: true })) as JsonObject
}
