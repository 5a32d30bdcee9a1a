/** The largest events that upstreams send in streams. */
import { SAMPLES, type Dialect } from "../../test/helpers/samples.ts"
import { ALL_PAIRS, groupOf } from "../../test/helpers/translating.ts"
import { denseText, events, prose, text, type LoopCase } from "./inputs.ts"

const LARGEST_FRAME = 7_000_000
const VALUE_PAIRS = 30_000
const base64 = (): string => "QUJDREVG".repeat(LARGEST_FRAME / 11)
const event = (value: { readonly type: string; readonly [name: string]: unknown }): string =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`
const pairs = (): readonly object[] => Array.from({ length: VALUE_PAIRS }, (_, at) => ({ at }))

/** Events that cannot be cut, and how many of a stream's come behind them. */
const UNCUT: Readonly<Record<Dialect, { readonly before: number; readonly made: () => readonly string[] }>> = {
  chat: {
    before: 3,
    made: () =>
      [
        { images: [{ type: "image_url", image_url: { url: `data:image/png;base64,${base64()}` } }] },
        { annotations: pairs() },
      ].map((delta) => `data: ${JSON.stringify({ id: "c", choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`),
  },
  responses: {
    before: 1,
    made: () =>
      [
        { id: "ig_1", type: "image_generation_call", status: "completed", result: base64() },
        { id: "ci_1", type: "code_interpreter_call", status: "completed", code: "", outputs: pairs() },
      ].flatMap((item, at) => [
        event({ type: "response.output_item.added", output_index: at + 1, item: { id: item.id, type: item.type } }),
        event({ type: "response.output_item.done", output_index: at + 1, item }),
      ]),
  },
  messages: {
    before: 2,
    made: () =>
      [base64(), pairs()].flatMap((content, at) => [
        event({
          type: "content_block_start",
          index: at + 1,
          content_block: { type: "web_fetch_tool_result", tool_use_id: `t${at}`, content: { type: "novel", content } },
        }),
        event({ type: "content_block_stop", index: at + 1 }),
      ]),
  },
}

/** Long thinking, and a call with long arguments, between the first and the last events of a stream. */
const LONG: Readonly<Record<Dialect, (value: string) => readonly string[]>> = {
  chat: (value) =>
    [
      { reasoning_content: value },
      { tool_calls: [{ index: 0, id: "c1", function: { name: "f", arguments: value } }] },
    ].map((delta) => `data: ${JSON.stringify({ id: "c", choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`),
  responses: (value) => {
    const place = { output_index: 1, item_id: "rs_1", content_index: 0 }
    const part = { type: "reasoning_text", text: value }
    const item = { id: "rs_1", type: "reasoning", summary: [], content: [part] }
    const call = { id: "fc_1", type: "function_call", call_id: "c1", name: "f", arguments: value }
    const at = { output_index: 2, item_id: "fc_1" }
    return [
      event({ type: "response.output_item.added", output_index: 1, item: { ...item, content: [] } }),
      event({ type: "response.reasoning_text.delta", ...place, delta: value }),
      event({ type: "response.reasoning_text.done", ...place, text: value }),
      event({ type: "response.output_item.done", output_index: 1, item }),
      event({ type: "response.output_item.added", output_index: 2, item: { ...call, arguments: "" } }),
      event({ type: "response.function_call_arguments.delta", ...at, delta: value }),
      event({ type: "response.function_call_arguments.done", ...at, arguments: value }),
      event({ type: "response.output_item.done", output_index: 2, item: call }),
    ]
  },
  messages: (value) => [
    event({ type: "content_block_start", index: 1, content_block: { type: "thinking", thinking: "" } }),
    event({ type: "content_block_delta", index: 1, delta: { type: "thinking_delta", thinking: value } }),
    event({ type: "content_block_stop", index: 1 }),
    event({
      type: "content_block_start",
      index: 2,
      content_block: { type: "tool_use", id: "c1", name: "f", input: {} },
    }),
    event({
      type: "content_block_delta",
      index: 2,
      delta: { type: "input_json_delta", partial_json: JSON.stringify({ value }) },
    }),
    event({ type: "content_block_stop", index: 2 }),
  ],
}

/** Whole items in the last event, of which nothing came before. */
const ONLY_AT_THE_END = (value: string): string => {
  const content = [{ type: "output_text", annotations: [], logprobs: [], text: value }]
  const output = [{ id: "msg_1", type: "message", role: "assistant", status: "completed", content }]
  const response = { id: "resp_1", object: "response", status: "completed", model: "m", output }
  return (
    event({ type: "response.created", response: { ...response, status: "in_progress", output: [] } }) +
    event({ type: "response.completed", response })
  )
}

const LONG_TEXTS: readonly LoopCase[] = ALL_PAIRS.flatMap(([client, target]) => [
  {
    name: `stream, 6 MB of thinking and of arguments: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10, { stream: true }),
    answer: () => {
      const all = SAMPLES[target].frames()
      const { before } = UNCUT[target]
      return events(
        [...all.slice(0, -before), ...LONG[target](prose(LARGEST_FRAME - 1_000_000)), ...all.slice(-before)].join(""),
      )
    },
  },
  {
    name: `stream, a failure with 6 MB of words: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10, { stream: true }),
    answer: () => {
      const error = { type: "invalid_request_error", code: "x", message: prose(LARGEST_FRAME - 1_000_000) }
      const failed =
        target === "chat"
          ? `data: ${JSON.stringify({ error })}\n\n`
          : target === "messages"
            ? event({ type: "error", error })
            : event({ type: "response.failed", response: { id: "r", status: "failed", error } })
      return events((SAMPLES[target].frames()[0] ?? "") + failed)
    },
  },
  ...(target === "responses"
    ? [
        {
          name: `stream, 6 MB in its last event alone: ${target} for ${client}`,
          client,
          body: () => text(client, groupOf("far", target), 10, { stream: true }),
          answer: () => events(ONLY_AT_THE_END(prose(LARGEST_FRAME - 1_000_000))),
        },
      ]
    : []),
  {
    name: `stream, 30 MB of text in frames of 7 MB: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10, { stream: true }),
    answer: () =>
      events(
        SAMPLES[target]
          .frames(Array.from({ length: target === "responses" ? 1 : 5 }, () => prose(LARGEST_FRAME - 1_000_000)))
          .join(""),
      ),
  },
])

const LARGE_EVENTS: readonly LoopCase[] = ALL_PAIRS.flatMap(([client, target]) => [
  {
    name: `stream, a frame of 7 MB of text: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10, { stream: true }),
    answer: () => events(SAMPLES[target].frames([prose(LARGEST_FRAME - 1_000_000)]).join("")),
  },
  {
    name: `stream, a frame of 7 MB of values: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10, { stream: true }),
    answer: () => {
      const [first = "", ...rest] = SAMPLES[target].frames()
      return events(first.replace(/\}\n\n$/u, `,"novelty":${denseText(LARGEST_FRAME)}}\n\n`) + rest.join(""))
    },
  },
  {
    name: `stream, a frame of 5 MB of base64 and one of 60,000 values: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10, { stream: true }),
    answer: () => {
      const all = SAMPLES[target].frames()
      const { before, made } = UNCUT[target]
      return events([...all.slice(0, -before), ...made(), ...all.slice(-before)].join(""))
    },
  },
  {
    name: `stream, 30 MB of small frames: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10, { stream: true }),
    answer: () => events(SAMPLES[target].frames(Array.from({ length: 150_000 }, () => "word ")).join("")),
  },
])

export const STREAM_CASES: readonly LoopCase[] = [...LARGE_EVENTS, ...LONG_TEXTS]
