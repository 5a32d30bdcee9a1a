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

export const STREAM_CASES: readonly LoopCase[] = ALL_PAIRS.flatMap(([client, target]) => [
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
