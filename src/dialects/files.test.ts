/** Files are told from text by where they stand: in every place that a dialect has for them, and nowhere else. */
import { describe, expect, test } from "bun:test"
import { scanObject } from "../json/scan.ts"
import type { DialectName } from "./name.ts"
import { DIALECTS } from "./registry.ts"

const LENGTH = 4000
const DATA = "A".repeat(LENGTH)
const PDF = `JVBERi0${"A".repeat(LENGTH - 7)}`
const PNG_URL = `data:image/png;base64,${DATA}`
const PDF_URL = `data:application/pdf;base64,${PDF}`

interface Found {
  readonly images: number
  readonly encoded: number
  readonly elsewhere: boolean
}

function found(dialect: DialectName, text: string): Found {
  const { imageCount, encodedBytes, pointsElsewhere } = DIALECTS[dialect].shapeOf(scanObject(Buffer.from(text), 512))
  return { images: imageCount, encoded: encodedBytes, elsewhere: pointsElsewhere }
}

/** One element of the conversation. */
function bodyWith(dialect: DialectName, element: unknown): string {
  return JSON.stringify({ [dialect === "openai-responses" ? "input" : "messages"]: [{ role: "user" }, element] })
}

const said = (...content: unknown[]): unknown => ({ role: "user", content })
const base64 = (data: string, type = "base64"): unknown => ({ type, media_type: "application/pdf", data })
const result = (...content: unknown[]): unknown => said({ type: "tool_result", tool_use_id: "t", content })
const url = (type: string, address: unknown): unknown => ({ type, [type]: address })

type Case = readonly [name: string, element: unknown, images: number, elsewhere?: boolean]

const FILES: Readonly<Record<DialectName, readonly Case[]>> = {
  "openai-chat": [
    ["an image", said(url("image_url", { url: PNG_URL, detail: "low" })), 1],
    ["an image of servers that take a string", said(url("image_url", PNG_URL)), 1],
    [
      "an image in a tool's result",
      { role: "tool", tool_call_id: "c", content: [url("image_url", { url: PNG_URL })] },
      1,
    ],
    ["a file", said({ type: "file", file: { filename: "a.pdf", file_data: PDF_URL } }), 0],
    ["a file in bare base64", said({ type: "file", file: { file_data: PDF } }), 0],
    ["sound", said({ type: "input_audio", input_audio: { format: "wav", data: DATA } }), 0],
    ["a video", said(url("video_url", { url: `data:video/mp4;base64,${DATA}` })), 0],
  ],
  "openai-responses": [
    ["an image", said({ type: "input_image", image_url: PNG_URL }), 1],
    [
      "an image in a tool's result",
      { type: "function_call_output", call_id: "c", output: [{ type: "input_image", image_url: PNG_URL }] },
      1,
    ],
    [
      "a screen",
      { type: "computer_call_output", call_id: "c", output: { type: "computer_screenshot", image_url: PNG_URL } },
      1,
    ],
    ["a file", said({ type: "input_file", filename: "a.pdf", file_data: PDF_URL }), 0],
    ["a file in bare base64", said({ type: "input_file", file_data: PDF }), 0],
    ["sound", said({ type: "input_audio", input_audio: { format: "wav", data: DATA } }), 0],
    ["an image that a tool has made", { type: "image_generation_call", id: "ig", result: DATA }, 0],
  ],
  anthropic: [
    ["an image", said({ type: "image", source: base64(DATA) }), 1],
    ["an image whose type stands last", said({ source: { data: DATA, type: "base64" }, type: "image" }), 1],
    ["an image in a tool's result", result({ type: "image", source: base64(DATA) }), 1],
    ["an image in a data URL", said({ type: "image", source: { type: "url", url: PNG_URL } }), 1],
    ["a document", said({ type: "document", source: base64(PDF) }), 0],
    ["a document in a tool's result", result({ type: "document", source: base64(PDF) }), 0],
    [
      "an image in a document",
      said({ type: "document", source: { type: "content", content: [{ type: "image", source: base64(DATA) }] } }),
      1,
    ],
    [
      "a page that was fetched",
      said({
        type: "web_fetch_tool_result",
        content: { type: "web_fetch_result", content: { type: "document", source: base64(PDF) } },
      }),
      0,
    ],
  ],
}

const TEXTS: Readonly<Record<DialectName, readonly Case[]>> = {
  "openai-chat": [
    ["a data URL in a text", said({ type: "text", text: PNG_URL }), 0],
    ["a text that says that it is an image", said({ type: "text", image_url: { url: PNG_URL } }), 0],
    ["two types", said({ type: "image_url", image_url: { url: PNG_URL }, TYPE: "text" }), 1],
    ["two urls", said({ type: "image_url", image_url: { url: PNG_URL, URL: "x" } }), 1],
    ["a text file", said({ type: "file", file: { file_data: `data:text/plain;base64,${DATA}` } }), 0],
    ["a bare file that may be text", said({ type: "file", file: { file_data: DATA } }), 0],
    ["a member of the message", { role: "user", content: "x", image_url: { url: PNG_URL } }, 0],
    ["an address in the place of a file", said({ type: "file", file: { file_data: "https://x/a.pdf" } }), 0, true],
    ["an address of a video", said(url("video_url", { url: "https://x/a.mp4" })), 0, true],
    ["an address of a document", said(url("document_url", "https://x/a.pdf")), 0, true],
    ["an address of an image", said(url("image_url", { url: "https://x/a.png" })), 1],
    ["the id of a file", said({ type: "file", file: { file_id: "f" } }), 0, true],
  ],
  "openai-responses": [
    ["a data URL in a text", said({ type: "input_text", text: PNG_URL }), 0],
    [
      "arguments",
      { type: "function_call", call_id: "c", name: "f", arguments: JSON.stringify({ file_id: PNG_URL }) },
      0,
    ],
    ["an action", { type: "computer_call", call_id: "c", action: { type: "image", file_id: DATA, data: DATA } }, 0],
    [
      "a schema in the conversation",
      {
        type: "tool_search_output",
        tools: [{ type: "function", name: "f", parameters: { properties: { file_id: { type: "string" } } } }],
      },
      0,
    ],
    [
      "a result in words",
      { type: "function_call_output", call_id: "c", output: `{"type":"input_image","image_url":"${PNG_URL}"}` },
      0,
    ],
    ["a text file", said({ type: "input_file", filename: "a.txt", file_data: `data:text/plain;base64,${DATA}` }), 0],
    ["an address of a file", said({ type: "input_file", file_url: "https://x/a.pdf" }), 0, true],
    ["a file under a key of tomorrow", said({ type: "input_file", place: { file_id: "f" } }), 0, true],
    ["the id of an image", said({ type: "input_image", file_id: "f" }), 1, true],
    ["an item that is stored", { type: "item_reference", id: "i" }, 0, true],
  ],
  anthropic: [
    ["arguments of a tool", said({ type: "tool_use", id: "t", name: "f", input: { data: DATA } }), 0],
    [
      "arguments that look like a block",
      said({ type: "tool_use", id: "t", name: "f", input: { type: "image", source: base64(DATA), file_id: "f" } }),
      0,
    ],
    [
      "arguments that look like a message",
      said({ type: "tool_use", id: "t", name: "f", input: { content: [{ type: "image", source: base64(DATA) }] } }),
      0,
    ],
    ["reasoning", { role: "assistant", content: [{ type: "redacted_thinking", data: DATA }] }, 0],
    ["a document of text", said({ type: "document", source: base64(PDF, "text") }), 0],
    ["a document of text with an address", said({ type: "document", source: base64("https://x", "text") }), 0],
    ["a document that may be text", said({ type: "document", source: base64(DATA) }), 0],
    ["words where an image stands", said({ type: "image", source: base64(`some words ${DATA}`) }), 1],
    ["a block without a type", said({ source: base64(DATA) }), 0],
    ["a block of another type", said({ type: "text", text: "x", source: base64(DATA) }), 0],
    ["two sources", said({ type: "image", source: base64(DATA), SOURCE: base64(DATA, "text") }), 1],
    ["two kinds", said({ type: "document", source: { type: "base64", data: PDF, TYPE: "text" } }), 0],
    ["an address of a document", said({ type: "document", source: { type: "url", url: "https://x/a.pdf" } }), 0, true],
    [
      "an address of a document in a result",
      result({ type: "document", source: { type: "url", url: "https://x" } }),
      0,
      true,
    ],
    ["an address of an image", said({ type: "image", source: { type: "url", url: "https://x" } }), 1],
    ["the id of a file", said({ type: "document", source: { type: "file", file_id: "f" } }), 0, true],
    ["arguments of what is no tool", said({ type: "text", text: "x", input: { file_id: "f" } }), 0, true],
  ],
}

/** Keys in capitals stand for a key that is there twice. */
const doubled = (text: string): string => text.replace(/"(TYPE|SOURCE|URL)"/gu, (key) => key.toLowerCase())

/** Every key and type with its last letter as an escape. */
const escaped = (text: string): string =>
  text.replace(/"([a-z_]{1,24})"/gu, (_, name: string) => {
    const last = name.charCodeAt(name.length - 1).toString(16)
    return `"${name.slice(0, -1)}\\u00${last}"`
  })

for (const dialect of Object.keys(DIALECTS) as DialectName[]) {
  describe(dialect, () => {
    test.each(FILES[dialect].map((row) => [...row] as const))("finds a file in %s", (_, element, images) => {
      const text = bodyWith(dialect, element)
      const spaced = JSON.stringify(JSON.parse(text), null, 1).replaceAll("/", "\\/")
      for (const body of [text, spaced, escaped(text)]) {
        const { encoded, ...others } = found(dialect, body)
        expect(others).toEqual({ images, elsewhere: false })
        expect(Math.abs(encoded - LENGTH)).toBeLessThan(4)
      }
    })

    test.each(TEXTS[dialect].map((row) => [...row] as const))(
      "finds no file in %s",
      (_, element, images, elsewhere = false) => {
        const text = doubled(bodyWith(dialect, element))
        for (const body of [text, escaped(text)])
          expect(found(dialect, body)).toEqual({ images, encoded: 0, elsewhere })
      },
    )

    test("finds no files, but all that is pointed at, in a conversation that is there twice", () => {
      const [[, file]] = FILES[dialect] as readonly [Case, ...Case[]]
      const away = TEXTS[dialect].find((one) => one[3] === true)?.[1]
      const [first, second] = [bodyWith(dialect, file), bodyWith(dialect, away)]
      for (const body of [`${first.slice(0, -1)},${second.slice(1)}`, `${second.slice(0, -1)},${first.slice(1)}`])
        expect(found(dialect, body)).toEqual({ images: 1, encoded: 0, elsewhere: true })
    })

    test("finds no files in tools, and in what else is not the conversation", () => {
      const tool = { type: "function", name: "f", parameters: { properties: { file_id: { type: "string" } } } }
      const body = JSON.stringify({
        messages: [],
        input: [],
        tools: [tool],
        metadata: { file_url: "x", type: "image" },
      })
      expect(found(dialect, body)).toEqual({ images: 0, encoded: 0, elsewhere: false })
    })
  })
}

test("a file in the instructions of Messages counts", () => {
  const system = [{ type: "document", source: { type: "url", url: "https://x" } }]
  expect(found("anthropic", JSON.stringify({ system, messages: [] })).elsewhere).toBe(true)
})

test("thousands of files are more than anybody has: the worst is taken", () => {
  const images = (count: number): string =>
    bodyWith("anthropic", said(...Array.from({ length: count }, () => ({ type: "image", source: base64("AAAA") }))))
  expect(found("anthropic", images(5000))).toEqual({ images: 5000, encoded: 20_000, elsewhere: false })
  const { images: counted, ...others } = found("anthropic", images(50_000))
  expect(others).toEqual({ encoded: 0, elsewhere: true })
  expect(counted).toBeGreaterThanOrEqual(50_000)
})

test("parts in parts in parts are walked through, and not for ever", () => {
  const nested = (depth: number): unknown =>
    Array.from({ length: depth }).reduce<unknown>((inner) => ({ type: "tool_result", content: [inner] }), {
      type: "image",
      source: base64(DATA),
    })
  expect(found("anthropic", bodyWith("anthropic", said(nested(3)))).images).toBe(1)
  expect(found("anthropic", bodyWith("anthropic", said(nested(200)))).encoded).toBe(0)
})
