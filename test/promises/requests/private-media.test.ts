/** Requests that point at media of private networks reach no provider, wherever in a body they do so, and say where. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const METADATA = "http://169.254.169.254/latest/meta-data/"
const OUTSIDE = "https://images.example.com/a.png"
let upstream: FakeUpstream
let gateway: Gateway
let open: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({ upstreams: { upstream } })
  open = await startGateway({
    upstreams: { upstream },
    configure: ({ server }) => (server["upstream"] = { allow_private_image_urls: true }),
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await open[Symbol.asyncDispose]()
  await upstream.stop()
})

type Place = readonly [path: string, body: (url: string) => Record<string, unknown>]

const user = (part: unknown): readonly unknown[] => [{ role: "user", content: [{ type: "text", text: "x" }, part] }]
const chatPart = (path: string, part: (url: string) => unknown): Place => [
  `messages[0].content[1].${path}`,
  (url) => ({ messages: user(part(url)) }),
]
const block = (type: string, url: string): unknown => ({ type, source: { type: "url", url } })
const input = (...items: unknown[]): Record<string, unknown> => ({ input: [{ role: "user", content: "x" }, ...items] })

const PLACES: Readonly<Record<Dialect, readonly Place[]>> = {
  chat: [
    chatPart("image_url.url", (url) => ({ type: "image_url", image_url: { url } })),
    chatPart("image_url", (url) => ({ type: "image_url", image_url: url })),
    chatPart("image_url.url", (url) => ({ image_url: { url } })),
    chatPart("image_url.url", (url) => ({ type: "text", text: "x", image_url: { url } })),
    chatPart("video_url.url", (url) => ({ type: "video_url", video_url: { url } })),
    chatPart("audio_url.url", (url) => ({ type: "audio_url", audio_url: { url } })),
    chatPart("document_url", (url) => ({ type: "document_url", document_url: url })),
    chatPart("file.file_data", (url) => ({ type: "file", file: { file_data: url } })),
    chatPart("input_audio.data", (url) => ({ type: "input_audio", input_audio: { data: url, format: "wav" } })),
    [
      "messages[2].content[0].image_url.url",
      (url) => ({
        messages: [
          { role: "user", content: "x" },
          { role: "assistant", tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: "{}" } }] },
          { role: "tool", tool_call_id: "c", content: [{ type: "image_url", image_url: { url } }] },
        ],
      }),
    ],
    [
      "messages[0].images[0].image_url.url",
      (url) => ({
        messages: [{ role: "assistant", content: "", images: [{ type: "image_url", image_url: { url } }] }],
      }),
    ],
  ],
  responses: [
    [
      "input[1].content[0].image_url",
      (url) => input({ role: "user", content: [{ type: "input_image", image_url: url }] }),
    ],
    [
      "input[1].content[0].file_url",
      (url) => input({ role: "user", content: [{ type: "input_file", file_url: url }] }),
    ],
    [
      "input[1].content[0].file_data",
      (url) => input({ role: "user", content: [{ type: "input_file", file_data: url }] }),
    ],
    [
      "input[2].output[0].image_url",
      (url) =>
        input(
          { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
          { type: "function_call_output", call_id: "c", output: [{ type: "input_image", image_url: url }] },
        ),
    ],
    [
      "input[1].output.image_url",
      (url) =>
        input({ type: "computer_call_output", call_id: "c", output: { type: "computer_screenshot", image_url: url } }),
    ],
    [
      "tools[0].input_image_mask.image_url",
      (url) => ({ input: "x", tools: [{ type: "image_generation", input_image_mask: { image_url: url } }] }),
    ],
    [
      "instructions[0].content[0].image_url",
      (url) => ({
        input: "x",
        instructions: [{ role: "developer", content: [{ type: "input_image", image_url: url }] }],
      }),
    ],
    [
      "prompt.variables.photo.image_url",
      (url) => ({ input: "x", prompt: { id: "p", variables: { photo: { type: "input_image", image_url: url } } } }),
    ],
  ],
  messages: [
    ["messages[0].content[1].source.url", (url) => ({ messages: user(block("image", url)) })],
    ["messages[0].content[1].source.url", (url) => ({ messages: user(block("document", url)) })],
    [
      "messages[0].content[1].source.content[0].source.url",
      (url) => ({
        messages: user({ type: "document", source: { type: "content", content: [block("image", url)] } }),
      }),
    ],
    [
      "messages[1].content[0].content[0].source.url",
      (url) => ({
        messages: [
          { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: {} }] },
          { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: [block("image", url)] }] },
        ],
      }),
    ],
  ],
}

const CASES = DIALECTS.flatMap((dialect) =>
  PLACES[dialect].map(([path, body]): readonly [Dialect, string, Place[1]] => [dialect, path, body]),
)

function text(body: Record<string, unknown>, model = "default"): string {
  return JSON.stringify({ model, max_tokens: 16, ...body })
}

describe.each(CASES)("%s: %s", (dialect, path, body) => {
  test.each([METADATA, "http://0x7f000001/a", "file:///etc/passwd"])(
    "%s is refused, and nothing is sent",
    async (url) => {
      const before = upstream.exchanges.length
      const answer = await gateway.call(dialect, text(body(url)))
      expectError(answer, dialect, 400, "invalid-request")
      expect(answer.text).toContain(path)
      expect(answer.text).not.toContain(url)
      expect(at(parsed(answer), "error", "details", "reason_code")).toBe("image_url_forbidden")
      expect(upstream.exchanges.length).toBe(before)
    },
  )

  test("however its keys and letters are spelled", async () => {
    const hidden = text(body(METADATA))
      .replaceAll('"image_url"', '"image\\u005furl"')
      .replaceAll('"type"', '"\\u0074ype"')
      .replaceAll('"source"', '"sourc\\u0065"')
      .replaceAll("http://", "\\u0068ttp:\\/\\/")
    expectError(await gateway.call(dialect, hidden), dialect, 400, "invalid-request")
  })

  test("addresses of the internet pass; others where the operator allows them", async () => {
    for (const [door, url] of [
      [gateway, OUTSIDE],
      [gateway, "data:image/png;base64,iVBORw0KGgo="],
      [open, METADATA],
    ] as const) {
      const before = upstream.exchanges.length
      const answer = await door.call(dialect, text(body(url)))
      expect([answer.status, upstream.exchanges.length]).toEqual([200, before + 1])
    }
  })
})

test("the path is told however far into the body it leads", async () => {
  const image = `data:image/png;base64,${"A".repeat(2_000_000)}`
  const body = {
    messages: [
      ...user({ type: "image_url", image_url: { url: image } }),
      ...user({ type: "image_url", image_url: { url: METADATA } }),
    ],
  }
  const answer = await gateway.call("chat", text(body))
  expect(at(parsed(answer), "error", "param")).toBe("messages[1].content[1].image_url.url")
})

test("what is nested too deeply to be looked at is refused as well", async () => {
  let part: unknown = block("image", METADATA)
  for (let depth = 0; depth < 40; depth++) part = { type: "tool_result", tool_use_id: "t", content: [part] }
  const answer = await gateway.call("messages", text({ messages: user(part) }))
  expect(at(parsed(answer), "error", "details", "reason_code")).toBe("image_url_unchecked")
})

test("counting tokens refuses it, too", async () => {
  const [, body] = PLACES.messages[0] as Place
  const answer = await gateway.call("messages", text(body(METADATA)), { path: "/v1/messages/count_tokens" })
  expectError(answer, "messages", 400, "invalid-request")
})

/** Addresses that nobody fetches: what tools are called with, links in texts, sources of quotations. */
const TALK: Readonly<Record<Dialect, Record<string, unknown>>> = {
  chat: {
    messages: [
      { role: "user", content: `read ${METADATA}` },
      {
        role: "assistant",
        content: null,
        tool_calls: [
          { id: "c", type: "function", function: { name: "f", arguments: JSON.stringify({ image_url: METADATA }) } },
        ],
      },
      { role: "tool", tool_call_id: "c", content: `{"type":"image_url","image_url":"${METADATA}"}` },
    ],
    tools: [
      {
        type: "function",
        function: {
          name: "f",
          parameters: { type: "object", properties: { image_url: { type: "string", examples: [METADATA] } } },
        },
      },
    ],
  },
  responses: {
    input: [
      { role: "user", content: [{ type: "input_text", text: METADATA }] },
      {
        type: "message",
        role: "assistant",
        content: [
          {
            type: "output_text",
            text: "x",
            annotations: [{ type: "url_citation", url: METADATA, title: "", start_index: 0, end_index: 1 }],
          },
        ],
      },
      { type: "function_call", call_id: "c", name: "f", arguments: JSON.stringify({ file_url: METADATA }) },
      { type: "function_call_output", call_id: "c", output: METADATA },
    ],
  },
  messages: {
    messages: [
      { role: "user", content: METADATA },
      {
        role: "assistant",
        content: [
          {
            type: "tool_use",
            id: "t",
            name: "fetch",
            input: { type: "image", source: { type: "url", url: METADATA } },
          },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: METADATA }] },
      {
        role: "user",
        content: [{ type: "document", source: { type: "text", media_type: "text/plain", data: METADATA } }],
      },
    ],
  },
}

test.each(drawn(DIALECTS))("%s: what only talks of an address passes", async (dialect) => {
  const answer = await gateway.call(dialect, text(TALK[dialect]))
  expect([answer.status, answer.text]).toEqual([200, SAMPLES[dialect].unary()])
})
