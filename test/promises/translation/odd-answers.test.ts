/** Odd answers of real Chat servers mean to clients of other dialects what their servers meant. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { meaningOfBody, meaningOfStream, type Meaning } from "../../helpers/answer-meaning.ts"
import { reply, stream } from "../../helpers/behaviours.ts"
import { parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { at } from "../../helpers/streams.ts"
import { groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

type Json = Readonly<Record<string, unknown>>

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const TOOLS = {
  messages: [{ name: "look", input_schema: { type: "object", properties: {} } }],
  responses: [
    { type: "function", name: "look", parameters: { type: "object", properties: {} }, strict: false },
    { type: "custom", name: "apply_patch", description: "Do not wrap the patch in JSON." },
  ],
} as const

type Client = keyof typeof TOOLS
const CLIENTS: readonly Client[] = ["messages", "responses"]

function asked(client: Client, streamed: boolean, marker: string): string {
  const model = groupOf("upstream", "chat")
  const turn = [{ role: "user", content: marker }]
  const own = client === "messages" ? { messages: turn, max_tokens: 500 } : { input: turn }
  return JSON.stringify({ model, stream: streamed, ...own, tools: TOOLS[client] })
}

const call = (args: unknown, own: Json = { id: "c1" }, name = "look"): Json => ({
  index: 0,
  type: "function",
  ...own,
  function: { name, arguments: args },
})
const looked = (args: unknown): Partial<Meaning>["calls"] => [{ id: expect.anything(), name: "look", arguments: args }]

interface Odd {
  readonly choices: readonly Json[]
  /** The choices of each chunk; left out: there is no such stream. */
  readonly chunks?: readonly (readonly Json[])[]
  readonly usage?: Json
  /** What the client is told of the output. */
  readonly output?: number
  readonly means: Partial<Meaning>
}

const message = (own: Json, finish: string | null = "tool_calls", index = 0): Json => ({
  index,
  message: { role: "assistant", ...own },
  finish_reason: finish,
})
const delta = (own: Json, finish: string | null = null, index = 0): Json => ({
  index,
  delta: own,
  finish_reason: finish,
})

const ODD: Readonly<Record<string, Odd>> = {
  "one answer in two choices of one number": {
    choices: [message({ content: "Let me see." }, "stop"), message({ content: null, tool_calls: [call('{"x":1}')] })],
    chunks: [[delta({ content: "Let me see." }), delta({ tool_calls: [call('{"x":1}')] })], [delta({}, "tool_calls")]],
    means: { text: "Let me see.", calls: looked({ x: 1 })!, stop: "tool-calls" },
  },
  "one answer in two choices of two numbers": {
    choices: [
      message({ content: "Let me see." }, "tool_calls"),
      message({ content: "", tool_calls: [call('{"x":1}')] }, "tool_calls", 1),
    ],
    chunks: [
      [delta({ content: "Let me see." })],
      [delta({ tool_calls: [call('{"x"')] }, null, 1)],
      [delta({ tool_calls: [{ index: 0, function: { arguments: ":1}" } }] }, null, 1)],
      [delta({}, "stop"), delta({}, "tool_calls", 1)],
    ],
    means: { text: "Let me see.", calls: looked({ x: 1 })!, stop: "tool-calls" },
  },
  "two answers although one was asked for": {
    choices: [message({ content: "One." }, "stop"), message({ content: "Two." }, "stop", 1)],
    chunks: [[delta({ content: "One." }), delta({ content: "Two." }, null, 1)], [delta({}, "stop")]],
    means: { text: "One.", calls: [], stop: "end" },
  },
  "a second whole call under the index of the first": {
    choices: [message({ content: null, tool_calls: [call('{"x":"}{"}{"x":2}')] })],
    chunks: [
      [delta({ tool_calls: [call('{"x":"}{"}', { id: "" })] })],
      [delta({ tool_calls: [call('{"x":2}', { id: "" })] })],
      [delta({}, "tool_calls")],
    ],
    means: { calls: [...looked({ x: "}{" })!, ...looked({ x: 2 })!], stop: "tool-calls" },
  },
  "a second whole call without a name": {
    choices: [message({ content: null, tool_calls: [call('{"x":1} {"x":2}')] })],
    chunks: [
      [delta({ tool_calls: [call('{"x":1}')] })],
      [delta({ tool_calls: [call('{"x":2}', { id: "" }, "")] })],
      [delta({}, "tool_calls")],
    ],
    means: { calls: [...looked({ x: 1 })!, ...looked({ x: 2 })!], stop: "tool-calls" },
  },
  "two whole calls in one piece": {
    choices: [message({ content: null, tool_calls: [call('{"x":1}{"x":2}')] })],
    chunks: [[delta({ tool_calls: [call('{"x":1}{"x"')] })], [delta({ tool_calls: [call(":2}", {}, "")] }, "stop")]],
    means: { calls: [...looked({ x: 1 })!, ...looked({ x: 2 })!], stop: "tool-calls" },
  },
  "an empty object that holds the place of the arguments": {
    choices: [message({ content: null, tool_calls: [call('{}{"x":1}')] })],
    chunks: [
      [delta({ tool_calls: [call("{}")] })],
      [delta({ tool_calls: [{ index: 0, function: { arguments: '{"x":1}' } }] })],
      [delta({}, "tool_calls")],
    ],
    means: { calls: looked({ x: 1 })!, stop: "tool-calls" },
  },
  ...Object.fromEntries(
    ["null", " ", "", "{}", " null ", null].map((nothing) => [
      `arguments that say nothing: ${JSON.stringify(nothing)}`,
      {
        choices: [message({ content: null, tool_calls: [call(nothing)] })],
        chunks: [
          [delta({ tool_calls: [call(nothing === null ? null : nothing.slice(0, 2))] })],
          [delta({ tool_calls: [{ index: 0, function: { arguments: nothing?.slice(2) ?? null } }] })],
          [delta({}, "tool_calls")],
        ],
        means: { calls: looked({})!, stop: "tool-calls" },
      } satisfies Odd,
    ]),
  ),
  "`tool_calls` without a call": {
    choices: [message({ content: "Done." })],
    chunks: [[delta({ content: "Done." })], [delta({}, "tool_calls")]],
    means: { text: "Done.", calls: [], stop: "end" },
  },
  "a choice without a message, and no count of the output": {
    choices: [{ index: 0, finish_reason: "length" }],
    chunks: [[{ index: 0, finish_reason: "length" }]],
    usage: { prompt_tokens: 20, total_tokens: 120, completion_tokens_details: { reasoning_tokens: 100 } },
    means: { text: "", calls: [], stop: "length" },
    output: 100,
  },
  "more thoughts than output, and no total": {
    choices: [message({ content: "Done." }, "stop")],
    chunks: [[delta({ content: "Done." })], [delta({}, "stop")]],
    usage: { prompt_tokens: 20, completion_tokens: 10, completion_tokens_details: { reasoning_tokens: 90 } },
    means: { text: "Done.", calls: [], stop: "end" },
    output: 100,
  },
}

function wholeBody({ choices, usage }: Odd): string {
  return JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "m", choices, usage })
}

function streamOf({ chunks = [], usage }: Odd): string[] {
  const objects = [...chunks.map((choices) => ({ choices })), ...(usage === undefined ? [] : [{ choices: [], usage }])]
  return [...objects.map((one) => JSON.stringify({ id: "c", created: 1, model: "m", ...one })), "[DONE]"].map(
    (data) => `data: ${data}\n\n`,
  )
}

for (const client of drawn(CLIENTS)) {
  for (const [name, odd] of Object.entries(ODD)) {
    test(`${client} client, unary: ${name}`, async () => {
      const marker = `odd <${client} unary ${name}>`
      upstream.plan(JSON.stringify(marker).slice(1, -1), reply(wholeBody(odd)))
      const answer = await gateway.call(client, asked(client, false, marker))
      expect(answer.status).toBe(200)
      expect(meaningOfBody(client, parsed(answer))).toMatchObject(odd.means)
      if (odd.output !== undefined) expect(at(parsed(answer), "usage", "output_tokens")).toBe(odd.output)
    })

    test(`${client} client, streamed: ${name}`, async () => {
      const marker = `odd <${client} streamed ${name}>`
      upstream.plan(JSON.stringify(marker).slice(1, -1), stream(streamOf(odd)))
      const answer = await gateway.call(client, asked(client, true, marker))
      expect(answer.status).toBe(200)
      expect(meaningOfStream(client, answer.text)).toMatchObject(odd.means)
      if (odd.output !== undefined) expect(answer.text).toContain(`"output_tokens":${odd.output}`)
    })
  }

  test(`${client} client: a stream that is done inside of a call without a finish reason is no finished answer`, async () => {
    const marker = `cut inside a call <${client}>`
    const chunks = [[delta({ content: "I look." })], [delta({ tool_calls: [call('{"path":"/etc')] })]]
    upstream.plan(marker, stream(streamOf({ choices: [], chunks, means: {} })))
    const { text } = await gateway.call(client, asked(client, true, marker))
    expect(text).toContain(client === "messages" ? "event: error" : "response.failed")
    expect(text).not.toContain(client === "messages" ? "message_stop" : "response.completed")
  })
}

const PATCH = "*** Begin Patch\n*** End Patch\n"

for (const [name, args] of Object.entries({
  "under another name": JSON.stringify({ patch: PATCH }),
  "behind another member": JSON.stringify({ reason: "because", input: PATCH }),
  "as a JSON string": JSON.stringify(PATCH),
  "as it is": PATCH,
  "as it was asked for": JSON.stringify({ input: PATCH }),
})) {
  for (const streamed of [false, true]) {
    test(`a patch ${name}, ${streamed ? "streamed" : "unary"}, reaches a client with a free-text tool as a patch`, async () => {
      const marker = `patch <${name} ${streamed}>`
      const given = { id: "c1" }
      const chunks = [
        [delta({ tool_calls: [call("", given, "apply_patch")] })],
        ...(args.match(/[^]{1,7}/g) ?? []).map((piece) => [
          delta({ tool_calls: [{ index: 0, function: { arguments: piece } }] }),
        ]),
        [delta({}, "tool_calls")],
      ]
      const odd: Odd = {
        choices: [message({ content: null, tool_calls: [call(args, given, "apply_patch")] })],
        chunks,
        means: {},
      }
      upstream.plan(marker, streamed ? stream(streamOf(odd)) : reply(wholeBody(odd)))
      const answer = await gateway.call("responses", asked("responses", streamed, marker))
      const meaning = streamed ? meaningOfStream("responses", answer.text) : meaningOfBody("responses", parsed(answer))
      expect(meaning.calls).toEqual([{ id: "c1", name: "apply_patch", arguments: PATCH }])
    })
  }
}
